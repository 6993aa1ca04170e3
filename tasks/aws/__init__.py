"""The AWS boundary: what a step may ask of AWS, in our words.

Open `boundary.py` first: the `Aws` that a step is given. Behind it every call passes `calls.py`. `actions.py` lists the
operations that may be called, `fault_table.py` what follows from AWS's error codes, `session.py` who we are in which
account. botocore is known in this package only.
"""

from tasks.aws.boundary import Aws
from tasks.aws.run import Run
from tasks.model.lane import Lane

__all__ = ["Aws", "Lane", "Run"]
