"""What we do: the steps, their order, the AWS boundary and the state. May import config.

`from tasks import replicate` is the producer. It is looked up when it is asked for: importing a part of this package,
as the command line does, must not bring Redis's client.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.orders.producer import replicate

__all__ = ["replicate"]


def __getattr__(name: str) -> Any:
    if name != "replicate":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tasks.orders.producer import replicate  # noqa: PLC0415 (see above)

    return replicate
