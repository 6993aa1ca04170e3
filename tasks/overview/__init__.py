"""What an operator asks first: what needs a person, what is under way, what holds it up, who works.

Open `overview.py` for the whole of it, `matters.py` for what needs a person. The page, the API and `aws-connector
status` show the same.
"""
