"""Reading tenants from a file: every mistake in one run, named by document, field and value."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.cli.orders import OrdersRefused, read_orders
from workers.examples import EXAMPLES

TENANT = "tenant: a.b.aws.sandbox\nlandingZone: development\n"


def write(directory: Path, text: str) -> Path:
    file = directory / "tenants.yaml"
    file.write_text(text)
    return file


def test_the_examples_are_twelve_tenants_of_three_workspaces() -> None:
    orders = read_orders(EXAMPLES / "tenants.yaml")
    assert len({order.tenant for order in orders}) == 12
    assert len({order.tenant.workspace for order in orders}) == 3
    assert {order.desired.landing_zone for order in orders} == {"development", "development-scim", "production"}
    assert {order.tenant.platform for order in orders} == {"aws.sandbox", "aws-scim.sandbox"}


@pytest.mark.parametrize(
    "text",
    [
        TENANT + "---\n" + TENANT.replace("a.b", "a.c"),
        "- {tenant: a.b.aws.sandbox, landingZone: development}\n- {tenant: a.c.aws.sandbox, landingZone: development}",
        "[{tenant: a.b.aws.sandbox, landingZone: d}]\n---\n" + TENANT.replace("a.b", "a.c"),
        "---\n---\n" + TENANT + "---\n" + TENANT.replace("a.b", "a.c"),
    ],
)
def test_documents_and_lists_are_the_same(tmp_path: Path, text: str) -> None:
    orders = read_orders(write(tmp_path, text))
    assert [str(order.tenant) for order in orders] == ["a.b.aws.sandbox", "a.c.aws.sandbox"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no tenants"),
        ("landingZone: x", "(document 1): tenant is required"),
        ("tenant: a.b.aws.sandbox", "(document 1): landingZone is required"),
        ("tenant: a.b.aws\nlandingZone: x", "tenant = 'a.b.aws' is not a valid tenant"),
        ("tenant: 7\nlandingZone: x", "tenant = 7 must be a text"),
        ("just a text", "must be a mapping"),
        (TENANT + "---\n" + TENANT, "(document 2): tenant = a.b.aws.sandbox is ordered twice"),
        (TENANT + "lanndingZone: x", "lanndingZone is not a known field; did you mean 'landingZone'?"),
        (TENANT + "access: [{username: a, roles: []}]", "access[0].roles"),
        (f"- {{{TENANT.replace(chr(10), ', ').strip(', ')}, access: [{{roles: [a]}}]}}", "[0].access[0].username is"),
        (TENANT + "platformTenantId: 12", "platformTenantId = 12 must be a text"),
        (TENANT + "paymentMethod: {}", "paymentMethod"),
        ("tenant: [", "line 1"),
        (TENANT + TENANT, "tenant"),
        ("\x00", "tenants.yaml"),
    ],
)
def test_a_mistake_names_what_and_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(OrdersRefused) as refused:
        read_orders(write(tmp_path, text))
    assert said in str(refused.value)
    assert "nothing was sent" in str(refused.value)


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(OrdersRefused) as refused:
        read_orders(write(tmp_path, "tenant: x\n---\nlandingZone: 5\n---\n" + TENANT))
    assert {mistake.document for mistake in refused.value.mistakes} == {1, 2}
    assert len(refused.value.mistakes) == 4


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(OrdersRefused, match="does not exist"):
        read_orders(tmp_path / "nothing.yaml")
