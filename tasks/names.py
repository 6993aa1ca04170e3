"""Every name that a tenant gives to something in AWS: pure functions of the tenant, the same for ever.

Tags are merged project > payment method > workspace, as meshStack does. A tag with several values gives its first one
to a name (a name must not grow with a list), all of them joined by commas to a stack parameter (CloudFormation's
`CommaDelimitedList`), and all of them joined by the platform's separator to an account tag (which may hold no comma).

`rand` is derived from the tenant's id by SHA-256, not drawn. So the root email, by which an account is found again,
stays the same even when Redis is lost; a drawn one would order a second account then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256

from config.landing_zone import AccessStack, effective_role_mappings
from config.patterns import PatternError, check_email, sanitise_alias, sanitise_tag_key, sanitise_tag_value
from config.platform import TagSource, TenantTags
from config.template import fill_in
from tasks.errors import PermanentError
from tasks.model.desired import PaymentMethod, Person, Tags, Tenant, TenantId
from tasks.model.handles import Handles

TENANT_TAG = "meshstack:tenant"  # proves whose an account is; written with CreateAccount, never removed
GROUP_PREFIX = "mst-"  # only groups with it are managed
_ANY_ROLE = "\N{REPLACEMENT CHARACTER}"  # stands for a role in a name: no role has it
NAME_LENGTH = 50  # characters of an account's name. Source: AWS Organizations API reference, CreateAccount
MOST_TAGS = 50  # on one account. Source: AWS Organizations user guide, quotas
RANDOM_LENGTH = 100  # characters of `rand`. Source: docs.meshcloud.io "String Templating"
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"  # lower case: emails and aliases do not tell cases apart
DIGITS_OF_A_HASH = 49  # 36 ** 49 < 2 ** 256


@contextmanager
def refused_for_good(field: str) -> Iterator[None]:
    """Turn a PatternError into the PermanentError that a step may raise, naming the platform document's field."""
    try:
        yield
    except PatternError as error:
        remedy = f"Correct {field} in the platform document, or what the tenant gives it, then replicate again."
        raise PermanentError("NameRefused", f"{field}: {error}", remedy=remedy) from error


def merged_tags(tenant: Tenant) -> dict[str, list[str]]:
    """Return the tenant's tags that have a value: project > payment method > workspace."""
    desired = tenant.desired
    sources = (desired.workspace.tags, _payment(tenant).tags, desired.project.tags)
    return {name: values for tags in sources for name, values in tags.items() if values}


def pattern_values(tenant: Tenant) -> dict[str, str | int]:
    """Return what a name pattern of the platform may use, by placeholder."""
    values: dict[str, str | int] = {
        "workspaceIdentifier": tenant.id.workspace,
        "customerIdentifier": tenant.id.workspace,
        "projectIdentifier": tenant.id.project,
        "platform": tenant.id.platform,
        "rand": random_text(tenant.id, tenant.accounts_before),
    }
    numbers = {
        "tenantPlatformNumber": tenant.desired.tenant_platform_number,
        "meshProjectId": tenant.desired.project.mesh_project_id,
    }
    values |= {name: number for name, number in numbers.items() if number is not None}
    return values | {tag_placeholder(name): found[0] for name, found in merged_tags(tenant).items()}


@lru_cache(maxsize=256)  # every name of a tenant asks for it
def random_text(tenant: TenantId, accounts_before: int = 0) -> str:
    """Return 100 lower-case alphanumerics that only this tenant has, others for each account that it had before.

    >>> random_text(TenantId("likvid", "shop", "aws.sandbox"))[:8]
    'nweysqu3'
    """
    blocks = RANDOM_LENGTH // DIGITS_OF_A_HASH + 1
    name = f"{tenant}/{accounts_before}" if accounts_before else str(tenant)
    return "".join(_digits(f"{name}#{block}") for block in range(blocks))[:RANDOM_LENGTH]


def tag_placeholder(name: str) -> str:
    """Return a tag's name in patterns and stack parameters.

    >>> tag_placeholder("costCenter")
    'tagCostCenter'
    """
    return f"tag{name[:1].upper()}{name[1:]}"


def account_name(tenant: Tenant) -> str:
    """Return `<workspace>.<project>`; PatternError when AWS finds it too long, as a cut one may be another tenant's."""
    name = f"{tenant.id.workspace}.{tenant.id.project}"
    if len(name) > NAME_LENGTH:
        raise PatternError(f"account name '{name}' has {len(name)} characters; AWS takes {NAME_LENGTH}")
    return name


def account_email(tenant: Tenant) -> str:
    """Return the root email of the tenant's account; PatternError when it is none."""
    return check_email(tenant.platform.account_email_pattern.render(pattern_values(tenant)))


def account_alias(tenant: Tenant) -> str:
    """Return the IAM alias of the tenant's account; PatternError when nothing legal is left."""
    return sanitise_alias(tenant.platform.account_alias_pattern.render(pattern_values(tenant)))


def account_tags(tenant: Tenant) -> dict[str, str]:
    """Return the tags that the account must carry, the most important first.

    The tenant's name, then the mapped tags in the platform document's order, then the replicated ones: project,
    payment method, workspace, each by key. Of two with one key the first holds; a tag that nothing has is left out.
    """
    wanted = [(TENANT_TAG, str(tenant.id))]
    tags = tenant.platform.tenant_tags
    if tags is not None:
        values = mapper_values(tenant)
        wanted += [(tags.namespace_prefix + mapper.key, mapper.value.render(values)) for mapper in tags.tag_mappers]
        wanted += [(tags.namespace_prefix + key, value) for key, value in _replicated_tags(tenant, tags)]
    found: dict[str, str] = {}
    for key, value in wanted:
        found.setdefault(sanitise_tag_key(key), sanitise_tag_value(value))
    return found


def _replicated_tags(tenant: Tenant, tags: TenantTags) -> Iterator[tuple[str, str]]:
    desired = tenant.desired
    sources: dict[TagSource, Tags] = {
        "project": desired.project.tags,
        "paymentMethod": _payment(tenant).tags,
        "workspace": desired.workspace.tags,
    }
    for replicated in tags.replicated:
        if values := [value for value in sources[replicated.source].get(replicated.tag, []) if value]:
            yield replicated.key, tags.separator.join(values)


def first_tags(tags: Mapping[str, str], room: int = MOST_TAGS) -> dict[str, str]:
    """Return the tags for which AWS has room, the most important ones.

    >>> first_tags({"b": "1", "a": "2", "c": "3"}, room=2)
    {'b': '1', 'a': '2'}
    """
    return dict(list(tags.items())[: max(room, 0)])


def owned_tag(tenant: Tenant, key: str) -> bool:
    """Tell whether a tag stands under the platform's prefix, so that it goes when nothing maps to it."""
    tags = tenant.platform.tenant_tags
    return (
        tags is not None and key != TENANT_TAG and bool(tags.namespace_prefix) and key.startswith(tags.namespace_prefix)
    )


def mapper_values(tenant: Tenant) -> dict[str, str | None]:
    """Return what a tag mapper may use; None becomes `none` (`no-landingzone`) when rendered.

    The owners are the people whose project role is called owner (`owner`, `Project Owner`), by username: the first is
    the owner, the second the additional one.
    """
    desired, payment = tenant.desired, _payment(tenant)
    owners = sorted((person for person in desired.access if _is_owner(person)), key=lambda person: person.username)
    return {
        "workspaceIdentifier": tenant.id.workspace,
        "workspaceName": desired.workspace.display_name,
        "projectIdentifier": tenant.id.project,
        "projectName": desired.project.display_name,
        "landingZoneIdentifier": tenant.landing_zone.name,
        "landingZoneName": tenant.landing_zone.display_name,
        "paymentIdentifier": payment.identifier,
        "paymentName": payment.name,
        "paymentExpirationDate": payment.expiration_date,
        "paymentAmount": payment.amount,
        "contactMail": _contact(tenant),
        **_person("owner", owners[0] if owners else None),
        **_person("additionalOwner", owners[1] if len(owners) > 1 else None),
    }


def stack_parameters(tenant: Tenant, handles: Handles) -> dict[str, str]:
    """Return what a landing zone's templates and Lambda functions are told of the tenant; unknown values are left out.

    `CostCenter` is deprecated in favour of `tagCostCenter`. Source: docs.meshcloud.io "AWS: landing zones", parameters.
    """
    tags = {name: ",".join(values) for name, values in merged_tags(tenant).items()}
    number = tenant.desired.tenant_platform_number
    found: dict[str, str | None] = {
        "AccountName": handles.account_name,
        "AccountEmail": handles.email,
        "AccountId": handles.account_id,
        "AccountArn": handles.account_arn,
        "ProductName": tenant.id.workspace,
        "Stage": tenant.id.project,
        "ContactEmail": _contact(tenant),
        "CostCenter": tags.get("costCenter"),
        "TenantPlatformNumber": None if number is None else str(number),
        **{tag_placeholder(name): text for name, text in tags.items()},
    }
    return {name: value for name, value in found.items() if value is not None}


def own_parameters(tenant: Tenant, source: AccessStack) -> dict[str, str]:
    """Return the landing zone's own parameters, filled in; PermanentError for a value that the tenant lacks."""
    values = pattern_values(tenant)
    try:
        return {name: fill_in(text, values) for name, text in source.parameters.items()}
    except PatternError as error:
        raise PermanentError(
            "ParameterRefused",
            f"accessStack.parameters: {error}",
            remedy="Correct the parameter in the landing zone document, or what the tenant gives it, then retry.",
        ) from error


def group_name(tenant: Tenant, aws_role: str) -> str:
    """Return the display name of the group that stands for an AWS role; PatternError when it cannot be rendered."""
    access = tenant.platform.identity_center
    if access is None:
        raise PatternError(
            f"platform {tenant.platform.identifier} has neither awsIdentityStore nor awsSso, so no groups"
        )
    values = pattern_values(tenant) | {"platformGroupAlias": aws_role}
    return GROUP_PREFIX + access.group_name_pattern.render(values)


def role_in_group_name(tenant: Tenant, name: str) -> str | None:
    """Return the AWS role that a group of this name would stand for, a hint only; None: none that can be told."""
    try:
        before, _, after = group_name(tenant, _ANY_ROLE).partition(_ANY_ROLE)
    except PatternError:
        return None
    role = name.removeprefix(before).removesuffix(after)
    return role if role and f"{before}{role}{after}" == name else None


def role_members(tenant: Tenant) -> dict[str, set[str]]:
    """Return who has which AWS role: AWS role -> userNames, with every mapped role, also those that nobody has.

    Several project roles may be mapped to one AWS role; their people are united. See also `people_without_euid`.
    """
    members: dict[str, set[str]] = {}
    for mapping in effective_role_mappings(tenant.platform, tenant.landing_zone):
        people = (person for person in tenant.desired.access if mapping.project_role in person.roles)
        named = (user_name(tenant, person) for person in people)
        members.setdefault(mapping.aws_role, set()).update(name for name in named if name)
    return members


def people_with(tenant: Tenant, project_roles: Collection[str]) -> set[str]:
    """Return who has one of these project roles, by userName."""
    people = (person for person in tenant.desired.access if not set(person.roles).isdisjoint(project_roles))
    return set(filter(None, (user_name(tenant, person) for person in people)))


def user_name(tenant: Tenant, person: Person) -> str | None:
    """Return a person's userName in the identity store: the euid, as the platform's pattern forms it; None without."""
    access = tenant.platform.identity_center
    return access.euid_pattern.render(person.euid) if person.euid and access else person.euid


def people_without_euid(tenant: Tenant) -> list[str]:
    """Return the usernames, sorted, of those who lack an AWS role only because they lack a userName in the store."""
    roles = {mapping.project_role for mapping in effective_role_mappings(tenant.platform, tenant.landing_zone)}
    return sorted(
        {person.username for person in tenant.desired.access if not person.euid and roles & set(person.roles)}
    )


def _payment(tenant: Tenant) -> PaymentMethod:
    """The payment method; an empty one where the tenant has none."""
    payment = tenant.desired.payment_method
    return payment if isinstance(payment, PaymentMethod) else PaymentMethod(identifier=payment or "")


def _contact(tenant: Tenant) -> str | None:
    creator = tenant.desired.project.created_by
    return creator.email if creator else None


def _is_owner(person: Person) -> bool:
    return any(role.lower().endswith("owner") for role in person.roles)


def _person(kind: str, person: Person | None) -> dict[str, str | None]:
    if person is None:
        return {}
    return {
        f"{kind}Username": person.username,
        f"{kind}FirstName": person.first_name,
        f"{kind}LastName": person.last_name,
    }


def _digits(text: str) -> str:
    """A text's SHA-256 as digits of base 36."""
    number = int.from_bytes(sha256(text.encode()).digest())
    digits = []
    for _ in range(DIGITS_OF_A_HASH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(digits)
