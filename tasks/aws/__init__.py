"""The AWS boundary: what a step may ask of AWS, in our words.

A step is given one `Aws`. Behind it every call passes `calls.py`; who we are in which account stands in `session.py`.
boto3 and botocore are known in this package only.
"""

from tasks.aws.boundary import Aws
from tasks.aws.run import Lane, Run

__all__ = ["Aws", "Lane", "Run"]
