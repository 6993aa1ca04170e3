"""Read the tenants that a person orders: YAML or JSON, documents or lists of the API's PUT body plus `tenant`.

::

    tenant: likvid.shop.aws.sandbox
    landingZone: development
    access: [{username: alice@example.com, euid: alice@example.com, roles: [admin]}]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.documents import YamlDocument, read_file
from config.mistakes import Mistake, mistakes_in, shown
from config.printable import counted
from tasks.model.desired import Desired, TenantId
from workers.cli.errors import CommandFailed, ExitCode

STDIN = Path("/dev/stdin")


@dataclass(frozen=True)
class Order:
    """One tenant, and what is wanted of it."""

    tenant: TenantId
    desired: Desired


class OrdersRefused(ValueError):
    """The file holds mistakes; the text has one line for each. Nothing was sent."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = f"{counted(len(self.mistakes), 'mistake')}, nothing was sent:"
        super().__init__("\n".join([count, *map(str, self.mistakes)]))


def orders_of(file: Path) -> list[Order]:
    """Read the orders that a command is given, `-` from stdin. Raises CommandFailed with every mistake."""
    try:
        return read_orders(STDIN if str(file) == "-" else file)
    except OrdersRefused as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error


def read_orders(file: Path) -> list[Order]:
    """Read every order of a file. Raises OrdersRefused with every mistake: document, field, value, what is allowed."""
    mistakes: list[Mistake] = []
    orders: dict[TenantId, Order] = {}
    if not file.exists():
        message = "does not exist; give a YAML file with tenants, or - for stdin"
        raise OrdersRefused([Mistake(file, 0, "", None, message)])
    for document in read_file(file, mistakes):
        for order in _orders(document, mistakes):
            if order.tenant in orders:
                message = "is ordered twice; a tenant has one desired state"
                mistakes.append(Mistake(file, document.number, "tenant", str(order.tenant), message))
            orders[order.tenant] = order
    if not orders and not mistakes:
        mistakes.append(Mistake(file, 0, "", None, "holds no tenants; write documents with tenant: and landingZone:"))
    if mistakes:
        raise OrdersRefused(mistakes)
    return list(orders.values())


def _orders(document: YamlDocument, mistakes: list[Mistake]) -> Iterator[Order]:
    """Yield the orders of one document: it is one, or a list of them."""
    several = isinstance(document.data, list)
    for index, data in enumerate(document.data if several else [document.data]):
        found = list(_mistakes(document, data))
        where = f"[{index}]" if several else ""
        mistakes.extend(_inside(where, mistake) for mistake in found)
        if not found:
            wanted = {name: value for name, value in data.items() if name != "tenant"}
            yield Order(TenantId.parse(data["tenant"]), Desired.model_validate(wanted))


def _mistakes(document: YamlDocument, data: Any) -> Iterator[Mistake]:
    """Yield everything that is wrong with one order."""
    if not isinstance(data, dict):
        message = f"must be a mapping with tenant: and landingZone:, not {shown(data)}"
        yield Mistake(document.file, document.number, "", None, message)
        return
    yield from _tenant_mistakes(document, data.get("tenant"))
    try:
        Desired.model_validate({name: value for name, value in data.items() if name != "tenant"})
    except ValidationError as error:
        yield from mistakes_in(error, Desired, document.file, document.number)


def _tenant_mistakes(document: YamlDocument, name: object) -> Iterator[Mistake]:
    form = "use <workspace>.<project>.<platform>.<location>"
    if not isinstance(name, str):
        value, message = (None, "is required") if name is None else (shown(name), "must be a text")
        yield Mistake(document.file, document.number, "tenant", value, f"{message}; {form}")
        return
    try:
        TenantId.parse(name)
    except ValueError:
        yield Mistake(document.file, document.number, "tenant", shown(name), f"is not a valid tenant; {form}")


def _inside(where: str, mistake: Mistake) -> Mistake:
    path = f"{where}.{mistake.path}".strip(".") if where else mistake.path
    return Mistake(mistake.file, mistake.document, path, mistake.value, mistake.message)
