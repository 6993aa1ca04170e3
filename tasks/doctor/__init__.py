"""Preflight: everything that a platform needs from AWS and from our own side, looked at without a write.

finding.py       what a check says
patient.py       what a check is given
credentials.py   who we are, both role chains, external ids, the clock
organization.py  OUs, guard rails, how many accounts
people.py        Identity Center, SCIM, federation
deployment.py    StackSets, templates, functions, Control Tower
our_side.py      Redis, workers, our own limits
examination.py   the table of checks, and the order
"""
