"""The organization: the OUs that documents name, guard rails, and how many accounts there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from config.printable import counted
from tasks.doctor.finding import Finding, error, ok
from tasks.doctor.patient import Patient
from tasks.errors import NotFound


def units(patient: Patient) -> Iterator[Finding]:
    """See that every OU exists. Reads organizations:ListParents 1 call for each, ListRoots 0 or 1."""
    for unit, named_by in _units(patient).items():
        why = _missing(patient, unit)
        if why is None:
            yield ok(f"{unit} exists, for {named_by}")
        else:
            yield error(f"{unit} does not exist: {why}", f"Correct {named_by}.")


def _units(patient: Patient) -> dict[str, str]:
    """Return every OU or root with the first place that names it."""
    named = [
        (zone.target_organizational_unit, f"awsTargetOrgUnitId of landing zone {zone.name}") for zone in patient.zones
    ]
    closure = patient.platform.account_closure
    named += [(closure.quarantine_unit, "accountClosure.quarantineOrganizationalUnitId")]
    named += [(unit, "accountClosure.organizationalUnits") for unit in closure.organizational_units]
    first: dict[str, str] = {}
    for unit, place in named:
        if unit is not None:
            first.setdefault(unit, place)
    return first


def _missing(patient: Patient, unit: str) -> str | None:
    """Say why there is no such OU or root; None: there is."""
    organizations = patient.aws.organizations
    if not unit.startswith("ou-"):
        root = organizations.root()
        return None if unit == root else f"the root of the organization is {root}"
    try:
        organizations.parent_of(unit)
    except NotFound as missing:
        return str(missing)
    return None


def guard_rails(patient: Patient) -> Iterator[Finding]:
    """See that service control policies can be read. Reads organizations:ListPoliciesForTarget 1 call for each."""
    for zone in patient.zones:
        policy, unit = zone.service_control_policy, zone.target_organizational_unit
        if policy is None or unit is None:
            continue
        attached = patient.aws.control_policies.attached(unit, policy.name)
        what = f"is attached to {unit}" if attached else f"will be attached to {unit} by the first replication"
        yield ok(f"{policy.name} of landing zone {zone.name} {what}")


def accounts(patient: Patient) -> Iterator[Finding]:
    """Count the accounts, which AWS limits. Reads organizations:ListAccounts 1 call for 20 accounts."""
    states = Counter(account.state for account in patient.aws.organizations.accounts())
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    yield ok(f"the organization has {counted(states.total(), 'account')}: {counts}")
