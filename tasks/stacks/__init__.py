"""CloudFormation: what the steps on stacks and StackSets decide.

Open `instances.py` first: it decides what the instances of a StackSet in one account need. `templates.py` reads what a
template declares.
"""
