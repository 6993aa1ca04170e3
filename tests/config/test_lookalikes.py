"""Two tenants to whom patterns would give one name: found where they exist, and nowhere else."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.lookalikes import Lookalike, Rendering, of_one_pattern, of_two_patterns
from config.patterns import Pattern, check_identifier

ALIAS = "platformGroupAlias"
USUAL = "#{workspaceIdentifier}.#{projectIdentifier}-#{platformGroupAlias}"


def rendering(text: str, **known: str) -> Rendering:
    return Rendering(Pattern.parse(text, extra=(ALIAS,)), known)


def role(name: str, text: str = USUAL) -> Rendering:
    return rendering(text, platformGroupAlias=name)


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("#{workspaceIdentifier}.#{projectIdentifier}", None),
        ("aws+%s@example.com", None),
        ("#{workspaceIdentifier}--#{projectIdentifier}", None),  # no identifier holds two dashes
        ("#{workspaceIdentifier}-#{projectIdentifier}", "a-a-a"),
        ("#{workspaceIdentifier}#{projectIdentifier}", "aaa"),
        ("#{workspaceIdentifier}x#{projectIdentifier}", "axxa"),
        ("#{projectIdentifier}-x-#{workspaceIdentifier}", "a-x-x-a"),
        ("#{workspaceIdentifier:%S}-#{projectIdentifier:%.30s}", "a-a-a"),
        ("#{workspaceIdentifier}-#{projectIdentifier}-#{rand:%.8s}", None),
        ("#{tenantPlatformNumber}-#{projectIdentifier}", None),
        ("#{tenantPlatformNumber:%03d}", None),
        ("#{meshProjectId:%x}", None),
        ("#{tenantPlatformNumber}#{projectIdentifier}", "00a"),
        ("#{workspaceIdentifier}-#{projectIdentifier}-#{tenantPlatformNumber}", None),
        ("#{workspaceIdentifier}-#{projectIdentifier}#{tenantPlatformNumber}", "a-a00"),
        ("#{tagStage}.#{workspaceIdentifier}.#{projectIdentifier}", None),
        ("#{workspaceIdentifier}.#{tagStage}.#{projectIdentifier}", None),
        ("#{workspaceIdentifier}.#{projectIdentifier}#{tagStage}", "a.aaa"),
        ("#{workspaceIdentifier}.#{projectIdentifier:p%s}-#{rand:%.3s}", None),
        ("#{workspaceIdentifier}.#{projectIdentifier:%-20s}.", None),
    ],
)
def test_one_pattern(text: str, shared: str | None) -> None:
    found = of_one_pattern(rendering(text))

    assert (found and found.text) == shared


def test_an_example_names_both_tenants() -> None:
    found = of_two_patterns(role("admin"), role("dev-admin"))

    assert found == Lookalike(
        "a.a-dev-admin",
        {"workspaceIdentifier": "a", "projectIdentifier": "a-dev"},
        {"workspaceIdentifier": "a", "projectIdentifier": "a"},
    )


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (role("admin"), role("user"), False),
        (role("admin"), role("min"), False),  # a dash stands before both
        (role("admin"), role("dev-admin"), True),
        (role("Admin"), role("aDMIN"), True),
        (
            role("admin", "#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}"),
            role("admin", USUAL.replace("-", ".dev.")),
            False,
        ),
        (role("admin", "#{platformGroupAlias}-%s".replace("%s", "#{workspaceIdentifier}.x")), role("x"), False),
        (role("a", "#{rand:%.8s}-#{platformGroupAlias}"), role("x-a", "#{rand:%.8s}-#{platformGroupAlias}"), False),
        (role("A", "#{rand:%.8s}-#{platformGroupAlias}"), role("a", "#{rand:%.8s}-#{platformGroupAlias}"), True),
        (rendering("#{rand:%.8s}"), rendering("#{tenantPlatformNumber}"), True),
        (rendering("#{rand:%.8s}"), rendering("%s"), False),
        (rendering("x-%s"), rendering("%s"), True),
        (rendering("x.%s"), rendering("%s"), False),
        (rendering("X+%s"), rendering("x+%s"), True),
        (rendering("%s-#{platform}", platform="a.b"), rendering("%s-#{platform}", platform="a.c"), False),
        (rendering("#{meshProjectId}"), rendering("#{tenantPlatformNumber}"), True),
    ],
)
def test_two_patterns(one: Rendering, other: Rendering, meet: bool) -> None:
    assert (of_two_patterns(one, other) is not None) is meet
    assert (of_two_patterns(other, one) is not None) is meet


_PIECES = ["#{workspaceIdentifier}", "#{projectIdentifier}", "#{tenantPlatformNumber}", "-", "a", ".", "b-", "1"]
_TENANTS = [
    {"workspaceIdentifier": workspace, "projectIdentifier": project, "tenantPlatformNumber": number}
    for workspace, project in product(["a", "b", "1", "aa", "a1", "a-a", "a-b", "b-a", "1-a", "a-1-a"], repeat=2)
    for number in (1, 11)
]
_patterns = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join).map(Pattern.parse)


def legal(values: dict[str, str]) -> bool:
    return all(check_identifier(text, 100) for name, text in values.items() if name.endswith("Identifier"))


@given(_patterns)
def test_what_a_search_among_tenants_finds_is_found_and_an_example_is_one(pattern: Pattern) -> None:
    """Tenants have an identity by their identifiers, each number being one tenant's."""
    if not pattern.names_tenants:
        return
    whole = pattern.whole & {"workspaceIdentifier", "projectIdentifier"}
    told = ["tenantPlatformNumber"] if len(whole) < 2 else ["workspaceIdentifier", "projectIdentifier"]
    names: dict[str, set[tuple[object, ...]]] = {}
    for tenant in _TENANTS:
        names.setdefault(pattern.render(tenant), set()).add(tuple(tenant[name] for name in told))
    by_number = "tenantPlatformNumber" in pattern.placeholders and len(whole) == 2
    found = of_one_pattern(Rendering(pattern, {}))

    if not by_number and any(len(tenants) > 1 for tenants in names.values()):
        assert found is not None
    if found is not None and found.one and found.other:
        assert legal(dict(found.one))
        assert pattern.render(found.one) == pattern.render(found.other) == found.text
        assert found.one != found.other


@given(_patterns, _patterns)
def test_two_patterns_meet_where_a_search_finds_a_common_name(one: Pattern, other: Pattern) -> None:
    common = {one.render(tenant) for tenant in _TENANTS} & {other.render(tenant) for tenant in _TENANTS}
    found = of_two_patterns(Rendering(one, {}), Rendering(other, {}))

    assert found is not None or not common
    if found is not None and found.one and found.other:
        assert one.render(found.one) == other.render(found.other) == found.text
