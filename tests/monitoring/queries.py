"""What a PromQL query asks for must be there: its names, its labels, and values of labels that are known ahead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import promql_parser as promql

from tests.monitoring.exposed import Series

KEEPING = ("topk", "bottomk")  # they choose among series, and leave these as they are


def problems(query: str, exposed: Mapping[str, Series]) -> list[str]:
    """Say what a query names that no process shows; raises ValueError for what is no PromQL."""
    tree = promql.parse(query)
    return [*_unknown(tree, exposed), *_ungrouped(tree, exposed)]


def names_in(query: str) -> set[str]:
    """Return the names of the metrics that a query asks for."""
    return {selector.name for selector in _all(promql.parse(query), promql.VectorSelector)}


def labels_of(query: str, exposed: Mapping[str, Series]) -> frozenset[str]:
    """Return the labels that what is found may have."""
    return _labels(promql.parse(query), exposed)


def _unknown(tree: Any, exposed: Mapping[str, Series]) -> Iterator[str]:
    for selector in _all(tree, promql.VectorSelector):
        series = exposed.get(selector.name)
        if series is None:
            yield f"{selector.name} is no metric"
            continue
        for matcher in selector.matchers.matchers:
            if matcher.name not in series.labels:
                yield f"{selector.name} has no label {matcher.name}"
            elif matcher.name not in series.values:  # only AWS knows its codes
                continue
            elif not any(_matches(matcher, value) for value in series.values[matcher.name]):
                yield f"{selector.name} has no {matcher.name} like {matcher.value}"


def _matches(matcher: Any, value: str) -> bool:
    exactly = matcher.op in (promql.MatchOp.Equal, promql.MatchOp.NotEqual)
    same = matcher.value == value if exactly else re.fullmatch(matcher.value, value) is not None
    wanted: bool = matcher.op in (promql.MatchOp.Equal, promql.MatchOp.Re)
    return same == wanted


def _ungrouped(tree: Any, exposed: Mapping[str, Series]) -> Iterator[str]:
    for each in _all(tree, promql.AggregateExpr):
        if each.modifier is not None:
            missing = set(each.modifier.labels) - _labels(each.expr, exposed)
            yield from (f"nothing below has a label {label} to group by" for label in sorted(missing))


def _labels(tree: Any, exposed: Mapping[str, Series]) -> frozenset[str]:
    if isinstance(tree, promql.AggregateExpr):
        below = _labels(tree.expr, exposed)
        if tree.modifier is None:
            return below if str(tree.op) in KEEPING else frozenset()
        chosen = frozenset(tree.modifier.labels)
        return below & chosen if tree.modifier.type == promql.AggModifierType.By else below - chosen
    if isinstance(tree, promql.VectorSelector):
        return exposed[tree.name].labels if tree.name is not None and tree.name in exposed else frozenset()
    return frozenset().union(*(_labels(child, exposed) for child in _children(tree)))


def _all(tree: Any, kind: type) -> Iterator[Any]:
    if isinstance(tree, kind):
        yield tree
    for child in _children(tree):
        yield from _all(child, kind)


def _children(tree: Any) -> Iterator[Any]:
    if isinstance(tree, promql.MatrixSelector):
        yield tree.vector_selector
    elif isinstance(tree, promql.Call):
        yield from tree.args
    elif isinstance(tree, promql.BinaryExpr):
        yield from (tree.lhs, tree.rhs)
    elif isinstance(tree, (promql.AggregateExpr, promql.ParenExpr, promql.SubqueryExpr, promql.UnaryExpr)):
        yield tree.expr
