"""An account's SAML provider and the IAM roles by which people sign in: kept as the platform wants them.

Who may sign in as which role is said by the identity broker, at every sign-in; AWS only holds the roles. Ours carry the
tag `meshstack:tenant` from their creation on. A role without it is never changed, but for our one statement in the
trust policy of a role that the mappings call external. What no mapping names any more goes when the others work.
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
from tasks.model.handles import Handles
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
    work = Federation(tenant, handles.known_account(), aws)
    if not work.provide(federation):
        return Done(handles, "; ".join(work.notes))
    wanted = {role.name: role for role in federated_roles(tenant.platform, tenant.landing_zone)}
    known = work.known_roles(handles)
    handles = replace(handles, federated_roles=tuple(sorted({*known, *wanted})))
    if not known >= wanted.keys():
        aws.remember(handles)  # a role that we make must not be forgotten, or nobody would remove it
    for role in wanted.values():
        with work.failures.collected():
            work.keep(role, federation)
    work.failures.reraise()
    work.remove(known - wanted.keys())
    note = "; ".join([f"{len(wanted)} roles trust {federation.saml_provider_name}", *work.notes])
    return Done(replace(handles, federated_roles=tuple(sorted(wanted))), note)


def remove_federation(tenant: Tenant, handles: Handles, aws: Aws) -> Done:
    """Remove every role of ours, and our statement from those of others; the provider stays, for nobody trusts it."""
    work = Federation(tenant, handles.known_account(), aws)
    work.remove(work.known_roles(handles))
    return Done(replace(handles, federated_roles=()), "; ".join(work.notes) or "no roles for federation are left")


def policies_to_change(wanted: Iterable[str], attached: frozenset[str]) -> tuple[list[str], list[str]]:
    """Decide which policies to take away and which to attach, as ARNs."""
    return sorted(attached - set(wanted)), [arn for arn in wanted if arn not in attached]


@dataclass
class Federation:
    """One run in one account."""

    tenant: Tenant
    account_id: str
    aws: Aws
    notes: list[str] = field(default_factory=list)
    failures: Failures = field(default_factory=Failures)

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

    def known_roles(self, handles: Handles) -> set[str]:
        """Return the names of the roles that have our trust, by what we remember, else by looking at all of them."""
        if handles.federated_roles is not None:
            return set(handles.federated_roles)
        return {role.name for role in self.roles.all() if is_ours(role.trust)}

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
        if actual is not None and not self._made_by_us(actual):
            raise self._foreign(actual)
        attached: frozenset[str] = frozenset()
        if actual is None:
            self._create(wanted.name, federation.role_path, whole_trust(statement))
        else:
            self._trust(actual, whole_trust(statement))
            attached = self.roles.policies(wanted.name)
        self._give_policies(wanted, attached)

    def remove(self, names: Iterable[str]) -> None:
        """Remove roles of ours, and take our statement off those of others; raises what failed at the end."""
        for name in sorted(names):
            with self.failures.collected():
                role = self.roles.find(name)
                if role is None:
                    continue
                if self._made_by_us(role):
                    for arn in sorted(self.roles.policies(name)):
                        self.roles.detach(name, arn)
                    self.roles.delete(name)
                    self.notes.append(f"role {name} removed")
                elif is_ours(role.trust):
                    self.roles.set_trust(name, without_trust(role.trust))
                    self.notes.append(f"role {name} trusts us no more")
        self.failures.reraise()

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
        self.notes.append(f"trust of role {role.name} set")

    def _give_policies(self, wanted: FederatedRole, attached: frozenset[str]) -> None:
        detach, attach = policies_to_change([self._arn_of(name, attached) for name in wanted.policies], attached)
        for arn in detach:
            self.roles.detach(wanted.name, arn)
            self.notes.append(f"{arn} taken from {wanted.name}")
        for arn in attach:
            try:
                self.roles.attach(wanted.name, arn)
            except NotFound as missing:
                _check_early(missing)
                raise
            self.notes.append(f"{arn} given to {wanted.name}")

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
                "Make it, for example by the access stack, then retry; or let the connector make it: metadataFile or "
                "metadataUrl for a provider, no externalRole for a role; or set identityFederation.failIfNotFound to "
                "false."
            )
            raise NotFound("FederationNotFound", what, remedy=remedy)
        self.notes.append(what)
        return False

    def _made_by_us(self, role: Role) -> bool:
        return role.tags.get(TENANT_TAG) == str(self.tenant.id)

    def _foreign(self, role: Role) -> NotOurs:
        message = f"account {self.account_id} has a role {role.path}{role.name} that the connector did not make"
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
        message = f"account {self.account_id} has a SAML provider {name} of {known}, which the connector did not make"
        remedy = "Set identityFederation.samlProviderName to another name, or delete that provider, then retry."
        raise NotOurs("ForeignSamlProvider", message, remedy=remedy)


EARLY: Mapping[str, str] = {"MalformedPolicyDocument": "invalid principal", "NoSuchEntity": "the role with name"}
"""What IAM says of a provider or role that it made a moment ago and does not know everywhere yet, by code."""


def _check_early(refused: Refused) -> None:
    """Raise the refusal as one that time mends, where it is."""
    text = EARLY.get(refused.code)
    if text is not None and text in refused.message.lower():
        raise TransientError("NotKnownYet", refused.message, refused.request_id) from refused
