"""Patterns by which tenants, AWS roles or platforms could share a name are refused, with an example."""

from pathlib import Path
from typing import Any

import pytest

from tests.config.samples import AWS_ZONE, LANDING_ZONE, PLATFORM, REMOVE, REPLICATION, bent, load, mistakes

GROUPS = f"{REPLICATION}.awsIdentityStore.groupNamePattern"
ROLES = f"{REPLICATION}.awsIdentityStore.awsRoleMappings"
EMAIL, ALIAS = f"{REPLICATION}.accountEmailPattern", f"{REPLICATION}.accountAliasPattern"
USUAL = "#{workspaceIdentifier}.#{projectIdentifier}-#{platformGroupAlias}"


def mapping(role: str) -> dict[str, Any]:
    arn = f"arn:aws:sso:::permissionSet/ssoins-1234567890/ps-{role.lower()}"
    return {"projectRoleRef": {"name": role}, "awsRole": role, "permissionSetArns": [arn]}


def platform(pattern: str, *roles: str) -> dict[str, Any]:
    return bent(bent(PLATFORM, GROUPS, pattern), ROLES, [mapping(role) for role in roles])


def second(**changes: str) -> dict[str, Any]:
    """Return another platform of the same organization whose names are its own but for these."""
    own = {
        GROUPS: "second.#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}",
        EMAIL: "second+#{workspaceIdentifier}.#{projectIdentifier}@example.com",
        ALIAS: "second-#{workspaceIdentifier}-#{projectIdentifier}",
    }
    document = bent(bent(PLATFORM, "metadata.name", "second"), "metadata.uuid", REMOVE)
    for path, pattern in {**own, **changes}.items():
        document = bent(document, path, pattern)
    return document


@pytest.mark.parametrize(
    ("pattern", "roles"),
    [
        (USUAL, ("admin", "user", "reader")),
        (USUAL, ("admin", "min")),
        ("#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}", ("admin", "dev-admin")),
        ("#{platformGroupAlias}.#{workspaceIdentifier}.#{projectIdentifier}", ("admin", "dev-admin")),
        ("#{workspaceIdentifier}.#{projectIdentifier}", ("admin",)),
        ("#{rand:%.8s}-#{platformGroupAlias}", ("admin", "dev-admin")),
        ("#{tenantPlatformNumber}-#{platformGroupAlias}", ("admin", "dev-admin")),
    ],
)
def test_groups_that_tell_tenants_and_roles_apart_are_fine(
    tmp_path: Path, pattern: str, roles: tuple[str, ...]
) -> None:
    assert load(tmp_path, platform(pattern, *roles)).notes == ()


@pytest.mark.parametrize(
    ("pattern", "roles", "words"),
    [
        (
            USUAL,
            ("admin", "dev-admin"),
            "such as 'a.a-dev-admin' for workspace a, project a-dev, role admin and for workspace a, project a, role",
        ),
        (USUAL, ("Admin", "admin"), "could give the AWS roles Admin and admin one group, such as 'a.a-admin' for"),
        (
            "#{workspaceIdentifier}-#{projectIdentifier}.#{platformGroupAlias}",
            ("admin",),
            "such as 'a-a-a.admin' for workspace a-a, project a and for workspace a, project a-a; put a dot",
        ),
        ("#{tenantPlatformNumber}#{platformGroupAlias}", ("1", "11"), "could give the AWS roles 1 and 11 one group"),
    ],
)
def test_groups_that_two_could_share_are_refused(
    tmp_path: Path, pattern: str, roles: tuple[str, ...], words: str
) -> None:
    [line] = mistakes(tmp_path, platform(pattern, *roles))

    assert f"groupNamePattern = '{pattern}' could give " in line
    assert words in line


def zone(name: str, *roles: str) -> dict[str, Any]:
    mappings = [{"projectRoleRef": {"name": role}, "platformRole": role, "policies": []} for role in roles]
    return bent(bent(LANDING_ZONE, "metadata.name", name), f"{AWS_ZONE}.awsRoleMappings", mappings)


def test_roles_of_all_landing_zones_count(tmp_path: Path) -> None:
    [line] = mistakes(tmp_path, platform(USUAL, "user"), zone("one", "admin"), zone("two", "dev-admin"))

    assert "the AWS roles admin and dev-admin one group" in line


def test_roles_that_no_landing_zone_uses_do_not_count(tmp_path: Path) -> None:
    load(tmp_path, platform(USUAL, "admin", "dev-admin"), zone("one", "admin"), zone("two", "user"))


def test_a_pattern_without_the_role_is_for_landing_zones_with_one(tmp_path: Path) -> None:
    without = platform("#{workspaceIdentifier}.#{projectIdentifier}", "admin")
    load(tmp_path, without, zone("one", "admin"), zone("two", "dev-admin"))

    [line] = mistakes(tmp_path, without, zone("one", "admin"), zone("two", "user", "dev-admin"))

    assert "needs #{platformGroupAlias}: landing zone two maps the AWS roles user and dev-admin" in line


@pytest.mark.parametrize(
    ("path", "pattern", "words"),
    [
        (EMAIL, "#{projectIdentifier}@example.com", "must give every tenant its own address"),
        (EMAIL, "#{workspaceIdentifier:%.5s}.#{projectIdentifier}@example.com", "must give every tenant its own"),
        (
            EMAIL,
            "aws+#{workspaceIdentifier}-#{projectIdentifier}@example.com",
            "could give two tenants one address, such as 'aws+a-a-a@example.com' for workspace a-a, project a and",
        ),
        (ALIAS, "#{workspaceIdentifier}", "must give every tenant its own alias"),
    ],
)
def test_accounts_need_names_of_their_own(tmp_path: Path, path: str, pattern: str, words: str) -> None:
    [line] = mistakes(tmp_path, bent(PLATFORM, path, pattern))

    assert words in line


def test_an_alias_may_be_parted_by_dashes_as_aws_allows_nothing_else(tmp_path: Path) -> None:
    load(tmp_path, bent(PLATFORM, ALIAS, "#{workspaceIdentifier}-#{projectIdentifier}"))


def test_two_platforms_with_names_of_their_own_are_fine(tmp_path: Path) -> None:
    assert len(load(tmp_path, PLATFORM, second()).platforms) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {GROUPS: "#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}"},
            "with the same identity store, the same group, such as 'a.a.admin' for workspace a, project a, role",
        ),
        (
            {EMAIL: "AWS+#{workspaceIdentifier}.#{projectIdentifier}@example.com"},
            "could give a tenant of aws.dev, in the same organization, the same address, such as 'aws+a.a@example.com'",
        ),
        (
            {EMAIL: "aws+x#{workspaceIdentifier}.#{projectIdentifier}@example.com"},
            "for workspace xa, project a, on aws.dev and for workspace a, project a, on second.dev; put #{platform}",
        ),
        (
            {ALIAS: "#{workspaceIdentifier}.#{projectIdentifier}"},
            "gives every project that is also on aws.dev the alias that it has there; put #{platform} into both",
        ),
    ],
)
def test_two_platforms_of_an_organization_must_not_meet(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    [line] = mistakes(tmp_path, PLATFORM, second(**changes))

    assert "(document 2)" in line
    assert words in line


def test_the_placeholder_of_the_platform_keeps_two_platforms_apart(tmp_path: Path) -> None:
    email, alias = (f"{start}#{{platform}}.%s" for start in ("a+", ""))
    names = {
        EMAIL: f"{email.replace('%s', '#{rand:%.8s}')}@example.com",
        ALIAS: alias.replace("%s", "#{workspaceIdentifier}-#{projectIdentifier}"),
        GROUPS: "#{platform}.#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}",
    }
    first = PLATFORM
    for path, pattern in names.items():
        first = bent(first, path, pattern)

    load(tmp_path, first, second(**names))


def test_platforms_of_two_organizations_may_be_alike(tmp_path: Path) -> None:
    other = second(**{EMAIL: "aws+#{workspaceIdentifier}.#{projectIdentifier}@example.com"})
    root = f"{REPLICATION}.accessConfig.organizationRootAccountRole"
    other = bent(other, root, "arn:aws:iam::999999999999:role/MeshfedServiceRole")
    other = bent(other, f"{REPLICATION}.enrollmentConfiguration", REMOVE)

    load(tmp_path, PLATFORM, other)


def test_platforms_of_an_organization_know_by_which_accounts_the_others_work(tmp_path: Path) -> None:
    other = second(**{f"{REPLICATION}.automationAccountRole": "arn:aws:iam::333333333333:role/Automation"})

    first = load(tmp_path, PLATFORM, other).platforms["aws.dev"]

    assert first.reserved("210987654321") == "the automation account of aws.dev"
    assert first.reserved("333333333333") == "the automation account of second.dev"
    assert first.reserved("123456789012") == "the management account of aws.dev"
    assert first.reserved("444444444444") is None


def test_groups_are_adopted_by_the_operators_word_only(tmp_path: Path) -> None:
    store = f"{REPLICATION}.awsIdentityStore"
    for said, adopts in ((REMOVE, False), (True, True)):
        document = bent(PLATFORM, f"{store}.adoptGroups", said) if said is not REMOVE else PLATFORM
        access = load(tmp_path, document).platforms["aws.dev"].identity_center
        assert access is not None
        assert access.adopt_groups is adopts
    [line] = mistakes(tmp_path, bent(PLATFORM, f"{store}.adoptGroups", "yes"))
    assert "awsIdentityStore.adoptGroups = 'yes' must be" in line
