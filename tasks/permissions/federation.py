"""An account's SAML provider and the IAM roles by which people sign in: kept as the platform wants them.

Who may sign in as which role is said by the identity broker, at every sign-in; AWS only holds the roles. Ours carry the
tag `meshstack:tenant` from their creation on. A role without it is never changed, but for our one statement in the
trust policy of a role that the mappings call external.

A role that no mapping names any more goes first, and no failure of another role keeps it. Only a role whose people get
another one instead stands until that one works.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from config.federation import FederatedRole, federated_roles
from config.platform import IdentityFederation
from config.policy_document import PolicyDocument
from config.saml_metadata import entity_id, same_metadata
from tasks.aws import Aws
from tasks.aws.roles import NewRole, Role, Roles
from tasks.aws.saml_providers import SamlProvider
from tasks.errors import Conflict, NotFound, NotOurs, Refused, TransientError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles, SignInRole
from tasks.model.replication import Done
from tasks.names import TENANT_TAG
from tasks.permissions.collected_failures import Failures
from tasks.permissions.federation_trust import (
    is_ours,
    provider_arn,
    same_trust,
    trust_statement,
    whole_trust,
    with_trust,
    without_trust,
)

JOB_FUNCTIONS = "job-function/"  # AWS's own policies for people stand at its root or under this path


def keep_federation(tenant: Tenant, handles: Handles, aws: Aws) -> Done:
    """Make the provider and the roles as they should be; see `tasks/steps/federate_identity.py` for the calls."""
    federation = tenant.platform.identity_federation
    if federation is None:
        raise ValueError(f"platform {tenant.platform.identifier} has no identity federation")
    work = Federation(tenant, handles, aws)
    wanted = {role.name: role for role in federated_roles(tenant.platform, tenant.landing_zone)}
    known = work.known_roles()
    work.handles = replace(handles, sign_in_roles={**known, **_for_their_people(known, wanted)})
    if not known.keys() >= wanted.keys():
        aws.remember(work.handles)  # a role that we make must not be forgotten, or nobody would remove it
    withdrawn = withdrawn_roles(known, wanted.values())
    work.remove(withdrawn)
    provided = False
    with work.failures.collected():
        provided = work.provide(federation)
    if provided:
        for role in wanted.values():
            with work.failures.collected():
                work.keep(role, federation)
    work.failures.reraise()
    if not provided:
        return Done(work.handles, "; ".join(work.notes))
    work.remove(known.keys() - wanted.keys() - withdrawn)
    work.failures.reraise()
    note = "; ".join([f"{len(wanted)} roles trust {federation.saml_provider_name}", *work.notes])
    kept = {name: replace(work.role(name), policies=role.policies) for name, role in sorted(wanted.items())}
    return Done(replace(handles, sign_in_roles=kept), note)


def withdraw_roles(tenant: Tenant, handles: Handles, aws: Aws) -> Handles:
    """Remove the roles that no mapping names any more and nothing follows; no call where we remember none.

    Raises what AWS refuses, after all others were removed.
    """
    if not handles.sign_in_roles or handles.account_id is None:
        return handles
    withdrawn = withdrawn_roles(handles.sign_in_roles, federated_roles(tenant.platform, tenant.landing_zone))
    if not withdrawn:
        return handles
    work = Federation(tenant, handles, aws)
    work.remove(withdrawn)
    work.failures.reraise()
    kept = {name: role for name, role in handles.sign_in_roles.items() if name not in withdrawn}
    return replace(handles, sign_in_roles=kept)


def remove_own_roles(tenant: Tenant, handles: Handles, aws: Aws) -> list[str]:
    """Remove the roles that we have made, and nothing else: for an account that is another tenant's. Returns notes."""
    work = Federation(tenant, handles, aws)
    work.remove(handles.sign_in_roles or (), proven_only=True)
    work.failures.reraise()
    return work.notes


def remove_federation(tenant: Tenant, handles: Handles, aws: Aws) -> Done:
    """Remove every role of ours, and our statement from those of others; the provider stays, for nobody trusts it."""
    work = Federation(tenant, handles, aws)
    work.remove(work.known_roles())
    work.failures.reraise()
    return Done(replace(handles, sign_in_roles={}), "; ".join(work.notes) or "no federation roles are left")


def trusting_roles(roles: Roles) -> dict[str, SignInRole]:
    """Return the roles that have our trust; nobody knows whose people they were for. ListRoles, 1 for 100 roles."""
    return {role.name: SignInRole() for role in roles.all() if is_ours(role.trust)}


def made_for(tenant: Tenant, role: Role) -> bool:
    """Tell whether a role proves to be one that we made for the tenant."""
    return role.tags.get(TENANT_TAG) == str(tenant.id)


def withdrawn_roles(known: Mapping[str, SignInRole], wanted: Iterable[FederatedRole]) -> set[str]:
    """Decide which roles are taken away: no mapping names them, and none gives their people another role instead.

    >>> known = {"admin": SignInRole(("owner",)), "reader": SignInRole(("guest",))}
    >>> withdrawn_roles(known, [FederatedRole(name="viewer", project_roles=("guest",))])
    {'admin'}
    """
    wanted = list(wanted)
    named = {role.name for role in wanted}
    new = {project_role for role in wanted if role.name not in known for project_role in role.project_roles}
    return {name for name, role in known.items() if name not in named and new.isdisjoint(role.project_roles)}


def _for_their_people(known: Mapping[str, SignInRole], wanted: Mapping[str, FederatedRole]) -> dict[str, SignInRole]:
    return {
        name: replace(known.get(name, SignInRole()), project_roles=role.project_roles)
        for name, role in sorted(wanted.items())
    }


def policies_to_detach(wanted: Iterable[str], attached: frozenset[str]) -> list[str]:
    """Decide which policies to take away, as ARNs; `wanted` are names or ARNs.

    >>> policies_to_detach(["ReadOnlyAccess"], frozenset({"arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:…/Admin"}))
    ['arn:…/Admin']
    """
    names = set(wanted)
    return sorted(arn for arn in attached if arn not in names and arn.rpartition("/")[2] not in names)


@dataclass
class Federation:
    """One run in one account; `handles` is what is known by now."""

    tenant: Tenant
    handles: Handles
    aws: Aws
    notes: list[str] = field(default_factory=list)
    failures: Failures = field(default_factory=Failures)

    @property
    def account_id(self) -> str:
        """The account: 12 digits."""
        return self.handles.known_account()

    @property
    def roles(self) -> Roles:
        """The account's roles."""
        return self.aws.roles(self.account_id)

    @property
    def tags(self) -> dict[str, str]:
        """What proves that we made something."""
        return {TENANT_TAG: str(self.tenant.id)}

    def provide(self, federation: IdentityFederation) -> bool:
        """See that the provider is there with the right metadata; False: it is not, and that is a remark only."""
        name, providers = federation.saml_provider_name, self.aws.saml_providers(self.account_id)
        arn = provider_arn(self.tenant.platform, self.account_id, name)
        metadata = federation.metadata
        if federation.metadata_url is not None:
            metadata = self.aws.metadata.read(federation.metadata_url)
        actual = providers.find(arn)
        if actual is None and metadata is None:
            return self._missing(federation, f"account {self.account_id} has no SAML provider {name}")
        if actual is None and metadata is not None:
            try:
                providers.create(name, metadata, self.tags)
            except Conflict as taken:  # made a moment ago and not shown yet
                raise TransientError("SamlProviderNotShown", taken.message, taken.request_id) from taken
            self.notes.append(f"provider {name} created")
        elif actual is not None and metadata is not None and not same_metadata(actual.metadata, metadata):
            self._check_provider(name, actual, metadata)
            providers.update(arn, metadata)
            self.notes.append(f"provider {name} updated")
        return True

    def known_roles(self) -> dict[str, SignInRole]:
        """Return the roles that have our trust, by what we remember, else by looking at all of them."""
        known = self.handles.sign_in_roles
        return trusting_roles(self.roles) if known is None else known

    def role(self, name: str) -> SignInRole:
        """Return what is known of a role that is to be there."""
        return (self.handles.sign_in_roles or {}).get(name, SignInRole())

    def keep(self, wanted: FederatedRole, federation: IdentityFederation) -> None:
        """Make one role as it should be."""
        arn = provider_arn(self.tenant.platform, self.account_id, federation.saml_provider_name)
        statement = trust_statement(self.tenant.platform, arn)
        actual = self.roles.find(wanted.name)
        if wanted.external:
            if actual is None:
                self._missing(federation, f"account {self.account_id} has no role {wanted.name}")
            else:
                self._trust(actual, with_trust(actual.trust, statement))
            return
        if actual is not None and not made_for(self.tenant, actual):
            raise self._foreign(actual)
        attached: frozenset[str] = frozenset()
        if actual is None:
            self._create(wanted.name, federation.role_path, whole_trust(statement))
        else:
            self._trust(actual, whole_trust(statement))
            attached = self.roles.policies(wanted.name)
        self._give_policies(wanted, attached)

    def remove(self, names: Iterable[str], *, proven_only: bool = False) -> None:
        """Remove roles of ours, and take our statement off those of nobody; what fails is collected.

        proven_only  leave the trust of others as it is, as in an account that is another tenant's
        """
        for name in sorted(names):
            with self.failures.collected():
                role = self.roles.find(name)
                if role is None:
                    continue
                if made_for(self.tenant, role):
                    for arn in sorted(self.roles.policies(name)):
                        self.roles.detach(name, arn)
                    self._delete(role)
                    self.notes.append(f"role {name} removed")
                elif is_ours(role.trust) and TENANT_TAG not in role.tags and not proven_only:
                    self.roles.set_trust(name, without_trust(role.trust))
                    self.notes.append(f"trust statement removed from role {name}")

    def _delete(self, role: Role) -> None:
        """Delete a role of ours with the policies of its own that people have put on it; Conflict when it must stay.

        Nobody can sign in as it any more, whatever keeps it.
        """
        try:
            self.roles.delete(role.name)
        except Conflict as conflict:
            if conflict.code != "DeleteConflict":
                raise
            self._trust(role, without_trust(role.trust))
            for policy in self.roles.own_policies(role.name):
                self.roles.delete_own_policy(role.name, policy)
            self.roles.delete(role.name)

    def _create(self, name: str, path: str, trust: PolicyDocument) -> None:
        description = f"{name} of {self.tenant.id}, managed by meshStack"
        try:
            self.roles.create(NewRole(name, path, trust, description, self.tags))
        except Conflict as taken:  # made a moment ago and not shown yet
            raise TransientError("RoleNotShown", taken.message, taken.request_id) from taken
        except Refused as refused:
            _check_early(refused)
            raise
        self.notes.append(f"role {name} created")

    def _trust(self, role: Role, trust: PolicyDocument) -> None:
        if same_trust(role.trust, trust):
            return
        try:
            self.roles.set_trust(role.name, trust)
        except Refused as refused:
            _check_early(refused)
            raise
        self.notes.append(f"trust policy of role {role.name} set")

    def _give_policies(self, wanted: FederatedRole, attached: frozenset[str]) -> None:
        # Taken away before anything is looked up: a name that does not exist must not keep what is to go.
        detached = policies_to_detach(wanted.policies, attached)
        self._take_policies(wanted.name, detached)
        wished = [self._arn_of(name, attached) for name in wanted.policies]
        self._take_policies(wanted.name, sorted(attached - {*wished, *detached}))  # the account's own of such a name
        missing = [each for each in wished if each not in attached]
        if missing:
            self._note_ahead(wanted)
        for arn in missing:
            try:
                self.roles.attach(wanted.name, arn)
            except NotFound as missing:
                _check_early(missing)
                raise
            self.notes.append(f"{arn} attached to {wanted.name}")

    def _note_ahead(self, wanted: FederatedRole) -> None:
        """Write down what a role is about to be given, or nobody would know what to take from it after a crash."""
        role = self.role(wanted.name)
        policies = tuple(dict.fromkeys([*(role.policies or ()), *wanted.policies]))
        given = replace(role, policies=policies, given_at=self.aws.now())
        self.handles = replace(self.handles, sign_in_roles={**(self.handles.sign_in_roles or {}), wanted.name: given})
        self.aws.remember(self.handles)

    def _take_policies(self, role: str, arns: Iterable[str]) -> None:
        for arn in arns:
            self.roles.detach(role, arn)
            self.notes.append(f"{arn} detached from {role}")

    def _arn_of(self, policy: str, attached: frozenset[str]) -> str:
        """Find the policy of that name: AWS's own before the account's, whose people could make one by any name."""
        if policy.startswith("arn:"):
            return policy
        partition = self.tenant.platform.partition
        for place in ("aws:policy/", f"aws:policy/{JOB_FUNCTIONS}", f"{self.account_id}:policy/"):
            arn = f"arn:{partition}:iam::{place}{policy}"
            if arn in attached or self.roles.policy_exists(arn):
                return arn
        message = f"neither AWS nor account {self.account_id} has a policy {policy}"
        remedy = "Correct policies in the role mappings, by name or by ARN (a path is part of the ARN), then retry."
        raise NotFound("NoSuchPolicy", message, remedy=remedy)

    def _missing(self, federation: IdentityFederation, what: str) -> bool:
        """Fail, or only remark it where the platform says so; False."""
        if federation.fail_if_not_found:
            remedy = (
                "Create it, for example with the access stack, then retry. Or let the connector do so: metadataFile "
                "or metadataUrl for a provider, no externalRole for a role. Or set identityFederation.failIfNotFound "
                "to false."
            )
            raise NotFound("FederationNotFound", what, remedy=remedy)
        self.notes.append(what)
        return False

    def _foreign(self, role: Role) -> NotOurs:
        message = f"account {self.account_id} has a role {role.path}{role.name} that the connector did not create"
        remedy = (
            "Mark the role with externalRole in the role mapping to let people sign in as it; or rename or delete it; "
            f"or, to hand it over to the connector, tag it {TENANT_TAG}={self.tenant.id}; then retry."
        )
        return NotOurs("ForeignRole", message, remedy=remedy)

    def _check_provider(self, name: str, actual: SamlProvider, metadata: str) -> None:
        """Refuse to turn somebody else's provider over to another identity provider: its roles would follow."""
        known = entity_id(actual.metadata)
        if actual.tags.get(TENANT_TAG) == str(self.tenant.id) or known == entity_id(metadata):
            return
        message = f"account {self.account_id} has a SAML provider {name} of {known}, which the connector did not create"
        remedy = "Set identityFederation.samlProviderName to another name, or delete that provider, then retry."
        raise NotOurs("ForeignSamlProvider", message, remedy=remedy)


EARLY: Mapping[str, str] = {"MalformedPolicyDocument": "invalid principal", "NoSuchEntity": "the role with name"}
"""What IAM says of a provider or role that it made a moment ago and does not know everywhere yet, by code."""


def _check_early(refused: Refused) -> None:
    """Raise the refusal as one that time mends, where it is."""
    text = EARLY.get(refused.code)
    if text is not None and text in refused.message.lower():
        raise TransientError("NotKnownYet", refused.message, refused.request_id) from refused
