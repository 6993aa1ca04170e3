"""The doctor: checks everything that a platform needs, in AWS and in the connector's own environment, without a write.

Open `examination.py` first.

examination.py   the table of checks, and their order
patient.py       what a check is given
finding.py       what a check says
credentials.py   who we are, both role chains, external ids, the clock
organization.py  OUs, guard rails, how many accounts
people.py        Identity Center, SCIM, federation
group_proofs.py  whose the groups of tenants are
deployment.py    StackSets, templates, functions, Control Tower
metering.py      the metering role, and one page of costs
our_side.py      Redis, workers, our own limits, where costs are kept
"""
