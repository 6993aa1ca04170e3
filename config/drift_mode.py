"""What the daily replication does about a difference: put it right, or only keep what it would write."""

from typing import Literal

DriftMode = Literal["repair", "report"]
