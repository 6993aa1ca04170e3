"""Links into AWS's console. Source: docs.aws.amazon.com, "AWS Management Console"; its addresses by partition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from tasks.model.handles import Handles

DOMAINS = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
USUAL = "console.aws.amazon.com"


@dataclass(frozen=True)
class Link:
    """One link."""

    name: str
    address: str


def links(handles: Handles, partition: str) -> Iterator[Link]:
    """Yield where AWS shows what a tenant has."""
    domain = DOMAINS.get(partition, USUAL)
    organizations = f"https://{domain}/organizations/v2/home"
    if handles.account_id:
        yield Link("Account", f"{organizations}/accounts/{handles.account_id}")
    if handles.organizational_unit:
        yield Link("Organizational unit", f"{organizations}/organizational-units/{handles.organizational_unit}")
    if handles.access_stack:
        region = _region(handles.access_stack)
        where = f"https://{region}.{domain}/cloudformation/home?region={region}#/stacks/stackinfo"
        yield Link("Access stack", f"{where}?stackId={quote(handles.access_stack, safe='')}")
    if handles.stack_set:
        region = _region(handles.stack_set)
        there = quote(handles.stack_set.rpartition("stackset/")[2], safe="")
        stack_sets = f"https://{region}.{domain}/cloudformation/home?region={region}#/stacksets/{there}"
        yield Link("StackSet", f"{stack_sets}/stacks")
        for name, instance in handles.stack_instances.items():
            yield Link(f"StackSet operation in {name}", f"{stack_sets}/operations/{quote(instance.operation, safe='')}")
    if handles.sign_in_url:
        yield Link("Sign in", handles.sign_in_url)


def _region(arn: str) -> str:
    """Return the region that an ARN names."""
    return arn.split(":")[3]
