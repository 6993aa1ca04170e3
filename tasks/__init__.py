"""What we do: the steps, their order, the AWS boundary and the state. May import config."""

from tasks.replicate import replicate

__all__ = ["replicate"]
