"""What we do: the steps and their order, the AWS boundary, the engine and the state. May import config.

Open `chain.py` first: the order of the steps, each of which is one file in `steps/`. docs/architecture.md follows one
order through these rooms and says which of them may import which.

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
