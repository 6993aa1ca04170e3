"""Who may do what in an account: people, and the connector itself.

Open `groups.py` for the groups in Identity Center and `assignments.py` for their permission sets, `federation.py` for
the IAM roles that people enter by SAML, `access_role.py` for the role that lets the connector in, `iam_documents.py`
for the published policies.
"""
