"""Names: the same tenant gives the same names, for ever."""

from __future__ import annotations

from typing import Any

import pytest

from config.java_format import JavaFormat
from config.landing_zone import LandingZoneRoleMapping
from config.mapper_text import MapperText
from config.patterns import Pattern, PatternError
from config.platform import ReplicatedTag, TagMapper, TenantTags
from tasks import names
from tasks.errors import PermanentError
from tasks.model.desired import Desired, Tenant, TenantId
from tasks.model.handles import Handles
from tests.tasks.steps.world import LANDING_ZONE, PLATFORM

EVERYTHING: dict[str, Any] = {
    "landingZone": "development",
    "tenantPlatformNumber": 4,
    "workspace": {"displayName": "Likvid", "tags": {"costCenter": ["1"], "unit": ["a", "b"], "team": ["blue"]}},
    "project": {
        "displayName": "Shop",
        "meshProjectId": 255,
        "tags": {"costCenter": ["3"], "team": []},
        "createdBy": {"email": "c@d.e"},
    },
    "paymentMethod": {
        "identifier": "pay",
        "name": "Pay",
        "amount": "10",
        "tags": {"costCenter": ["2"], "unit": ["c", "d"]},
    },
    "access": [
        {"username": "zoe", "firstName": "Zoe", "roles": ["Project Owner"], "euid": "zoe@x.y"},
        {"username": "ann", "lastName": "Ann", "roles": ["owner", "admin"], "euid": "ann@x.y"},
        {"username": "bob", "roles": ["admin", "reader"], "euid": "bob@x.y"},
        {"username": "tim", "roles": ["reader"]},
        {"username": "eve", "roles": ["unmapped"]},
    ],
}


def tenant(
    desired: dict[str, Any] | None = None, landing_zone: dict[str, Any] | None = None, **platform: Any
) -> Tenant:
    return Tenant(
        TenantId("likvid", "shop", "aws.sandbox"),
        Desired.model_validate(desired or EVERYTHING),
        PLATFORM.model_copy(update=platform),
        LANDING_ZONE.model_copy(update=landing_zone or {}),
    )


def mapped(prefix: str, **mappers: str) -> Tenant:
    tag_mappers = tuple(TagMapper(key=key, value=MapperText.parse(text)) for key, text in mappers.items())
    return tenant(tenant_tags=TenantTags(namespace_prefix=prefix, tag_mappers=tag_mappers))


def test_tags_merge_project_over_payment_over_workspace_and_empty_ones_do_not_count() -> None:
    assert names.merged_tags(tenant()) == {"costCenter": ["3"], "unit": ["c", "d"], "team": ["blue"]}


def test_patterns_know_the_tenant_and_the_first_value_of_each_tag() -> None:
    values = names.pattern_values(tenant())

    assert values.pop("rand") == names.random_text(TenantId("likvid", "shop", "aws.sandbox"))
    assert values == {
        "workspaceIdentifier": "likvid",
        "customerIdentifier": "likvid",
        "projectIdentifier": "shop",
        "platform": "aws.sandbox",
        "tenantPlatformNumber": 4,
        "meshProjectId": 255,
        "tagCostCenter": "3",
        "tagUnit": "c",
        "tagTeam": "blue",
    }


def test_rand_is_the_tenants_own_and_never_changes() -> None:
    found = {names.random_text(TenantId("w", f"p{number}", "a.b")) for number in range(500)}

    assert len({text[:8] for text in found}) == 500
    assert all(len(text) == 100 and text.isalnum() and text == text.lower() for text in found)
    assert names.random_text(TenantId("likvid", "shop", "aws.sandbox")).startswith("nweysqu3ri6kiy3k06pt")


def test_names_of_the_account() -> None:
    assert names.account_name(tenant()) == "likvid.shop"
    assert names.account_email(tenant()) == "aws+likvid.shop@example.com"
    assert names.account_alias(tenant()) == "likvid-shop"
    number = Pattern.parse("#{tagTeam:%.3S}_#{tenantPlatformNumber:%03d}-#{meshProjectId:%x}")
    assert names.account_alias(tenant(account_alias_pattern=number)) == "blu-004-ff"


def test_names_that_aws_refuses_are_refused_here() -> None:
    long = Tenant(TenantId("w" * 20, "p" * 30, "a.b"), tenant().desired, PLATFORM, LANDING_ZONE)
    with pytest.raises(PatternError, match="51 characters"):
        names.account_name(long)
    with pytest.raises(PatternError, match="64"):
        names.account_email(tenant(account_email_pattern=Pattern.parse("#{rand}@example.com")))
    with pytest.raises(PatternError, match="tagNothing"):
        names.account_email(tenant(account_email_pattern=Pattern.parse("#{tagNothing}@example.com")))


def test_a_step_says_which_field_is_wrong() -> None:
    with (
        pytest.raises(PermanentError, match="accountEmailPattern: too long"),
        names.refused_for_good("accountEmailPattern"),
    ):
        raise PatternError("too long")


def test_account_tags_always_name_the_tenant() -> None:
    assert names.account_tags(tenant()) == {names.TENANT_TAG: "likvid.shop.aws.sandbox"}
    tags = mapped("cost_", center="${paymentIdentifier}/${projectName}", who="${ownerUsername}")
    assert names.account_tags(tags) == {
        names.TENANT_TAG: "likvid.shop.aws.sandbox",
        "cost_center": "pay/Shop",
        "cost_who": "ann",
    }


def test_no_mapper_overwrites_or_removes_the_tenants_name() -> None:
    greedy = mapped("meshstack:", tenant="me")

    assert names.account_tags(greedy) == {names.TENANT_TAG: "likvid.shop.aws.sandbox"}
    assert not names.owned_tag(greedy, names.TENANT_TAG)
    assert names.owned_tag(greedy, "meshstack:other")
    assert not names.owned_tag(greedy, "other")
    assert not names.owned_tag(tenant(), "meshstack:other")


REPLICATED = (
    ReplicatedTag(source="project", tag="costCenter", key="cost"),
    ReplicatedTag(source="project", tag="team", key="team"),  # the project's is empty
    ReplicatedTag(source="paymentMethod", tag="costCenter", key="cost"),
    ReplicatedTag(source="paymentMethod", tag="unit", key="unit#1"),
    ReplicatedTag(source="workspace", tag="team", key="team"),
    ReplicatedTag(source="workspace", tag="unit", key="workspaceUnit"),
    ReplicatedTag(source="workspace", tag="nobody", key="nobody"),
)


def replicating(separator: str = "/", **mappers: str) -> Tenant:
    tag_mappers = tuple(TagMapper(key=key, value=MapperText.parse(text)) for key, text in mappers.items())
    tags = TenantTags(namespace_prefix="m_", tag_mappers=tag_mappers, replicated=REPLICATED, separator=separator)
    return tenant(tenant_tags=tags)


def test_replicated_tags_have_their_own_keys_and_the_first_source_that_has_one_wins() -> None:
    assert list(names.account_tags(replicating()).items()) == [
        (names.TENANT_TAG, "likvid.shop.aws.sandbox"),
        ("m_cost", "3"),
        ("m_unit_1", "c/d"),
        ("m_team", "blue"),
        ("m_workspaceUnit", "a/b"),
    ]


def test_a_mapper_comes_before_a_replicated_tag_and_values_are_joined_as_configured() -> None:
    tags = names.account_tags(replicating(" + ", team="${projectName}"))

    assert list(tags)[:2] == [names.TENANT_TAG, "m_team"]
    assert (tags["m_team"], tags["m_unit_1"]) == ("Shop", "c + d")


def test_a_users_name_is_formed_of_the_euid_by_the_platforms_pattern() -> None:
    def people(pattern: str) -> set[str]:
        store = PLATFORM.identity_store
        assert store is not None
        changed = store.model_copy(update={"euid_pattern": JavaFormat.parse(pattern)})
        return names.role_members(tenant(identity_store=changed))["reader"]

    assert people("%s") == {"bob@x.y"}
    assert people("%S") == {"BOB@X.Y"}
    assert people("corp-%s@example.com") == {"corp-bob@x.y@example.com"}


def test_mapper_values_are_complete() -> None:
    assert names.mapper_values(tenant()) == {
        "workspaceIdentifier": "likvid",
        "workspaceName": "Likvid",
        "projectIdentifier": "shop",
        "projectName": "Shop",
        "landingZoneIdentifier": "development",
        "landingZoneName": "Development",
        "paymentIdentifier": "pay",
        "paymentName": "Pay",
        "paymentExpirationDate": None,
        "paymentAmount": "10",
        "contactMail": "c@d.e",
        "ownerUsername": "ann",
        "ownerFirstName": None,
        "ownerLastName": "Ann",
        "additionalOwnerUsername": "zoe",
        "additionalOwnerFirstName": "Zoe",
        "additionalOwnerLastName": None,
    }


def test_a_payment_method_may_be_its_identifier_alone() -> None:
    values = names.mapper_values(tenant({"landingZone": "development", "paymentMethod": "pay"}))

    assert (values["paymentIdentifier"], values["paymentName"]) == ("pay", None)


def test_stack_parameters_tell_what_is_known() -> None:
    handles = Handles(
        account_name="likvid.shop",
        email="a@b.c",
        account_id="500000000001",
        account_arn="arn:aws:organizations::1:account/o/5",
    )

    assert names.stack_parameters(tenant(), handles) == {
        "AccountName": "likvid.shop",
        "AccountEmail": "a@b.c",
        "AccountId": "500000000001",
        "AccountArn": "arn:aws:organizations::1:account/o/5",
        "ProductName": "likvid",
        "Stage": "shop",
        "ContactEmail": "c@d.e",
        "CostCenter": "3",
        "TenantPlatformNumber": "4",
        "tagCostCenter": "3",
        "tagUnit": "c,d",
        "tagTeam": "blue",
    }
    assert names.stack_parameters(tenant({"landingZone": "development"}), Handles()) == {
        "ProductName": "likvid",
        "Stage": "shop",
    }


def test_groups_are_named_by_pattern_and_prefix() -> None:
    assert names.group_name(tenant(), "admin") == "mst-likvid.shop-admin"
    with pytest.raises(PatternError, match="no groups"):
        names.group_name(tenant(identity_store=None), "admin")


def test_people_are_united_by_aws_role() -> None:
    one_role = tuple(LandingZoneRoleMapping(project_role=role, platform_role="all") for role in ("admin", "reader"))

    assert names.role_members(tenant()) == {"admin": {"ann@x.y", "bob@x.y"}, "reader": {"bob@x.y"}}
    assert names.role_members(tenant(landing_zone={"role_mappings": one_role})) == {"all": {"ann@x.y", "bob@x.y"}}
    assert names.role_members(tenant({"landingZone": "development"})) == {"admin": set(), "reader": set()}
    assert names.people_without_euid(tenant()) == ["tim"]
