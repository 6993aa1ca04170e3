"""What the inputs of a run ask for: encrypted ones opened, each read by its type, mistakes told to the right people.

The keys of the inputs are those of the document `connectorRunner` (config/runner_document.py).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from pydantic import JsonValue, ValidationError

from config.printable import printable
from config.runner_document import RunInputs
from tasks.meshobjects.desired import clean
from tasks.meshstack.run import SEALABLE, ClaimedRun, Input
from tasks.meshstack.sealed import NotForUs, PrivateKey
from tasks.model.desired import Person, Tags
from tasks.orders.producer import FieldMistake, RequestRefused
from workers.runner.record import Behavior, Wanted

LONGEST_VALUE = 80  # characters of a wrong value that operators are shown
PERSON_FIELDS = frozenset(field.alias or name for name, field in Person.model_fields.items())
FIELDS = {  # of an order, to those of the document
    "workspace": "workspace",
    "project": "project",
    "platform": "platform",
    "landingZone": "landing_zone",
    "platformTenantId": "account_id",
    "access": "users",
}
REGISTER = (
    "Run 'aws-connector runner register', then enter the secret again; where it stands in the definition, in a new "
    "version of that."
)
CALL = "Please tell your platform team."


class BadRun(ValueError):
    """A run that can never be carried out as it is: one sentence for the team, one for operators."""

    def __init__(self, user: str, system: str) -> None:
        super().__init__(user, system)
        self.user = user
        self.system = system


@dataclass(frozen=True)
class _Value:
    value: JsonValue
    type: str
    secret: bool

    def shown(self) -> str:
        """Return the value as operators may see it."""
        if self.secret:
            return "***"
        text = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return printable(text[:LONGEST_VALUE])


def read_inputs(run: ClaimedRun, keys: RunInputs, key: PrivateKey | None) -> Wanted:
    """Read what a run asks for; raises BadRun."""
    if run.spec.behavior.upper() not in set(Behavior):
        raise BadRun(
            f"The connector cannot do what this run asks for. {CALL}",
            f"The behavior {printable(run.spec.behavior[:40])} is none of {', '.join(Behavior)}. Update the connector.",
        )
    return _Reader(run, keys, _opened(run.spec.building_block.spec.inputs, key)).read()


def refusal(refused: RequestRefused, keys: RunInputs, secret: frozenset[str] = frozenset()) -> BadRun:
    """Say what is wrong with an order in the words of the run's inputs.

    secret   keys of inputs whose values are not shown
    """
    user, system = [], []
    for mistake in refused.mistakes:
        key = _key_of(mistake, keys)
        user.append(f"'{key}'" if key else mistake.field)
        hidden = bool(secret) if key is None else key in secret  # what has no input of its own is made of several
        said = f"{mistake.field} is not valid (encrypted, so not shown)" if hidden else str(mistake)
        system.append(f"Input '{key}': {said}" if key else said)
    named = ", ".join(dict.fromkeys(user))
    return BadRun(
        f"The order was not accepted: what it says of {named} cannot be carried out. {CALL}", "; ".join(system)
    )


def _key_of(mistake: FieldMistake, keys: RunInputs) -> str | None:
    field = FIELDS.get(mistake.field.partition("[")[0].partition(".")[0])
    return None if field is None else str(getattr(keys, field))


def _opened(inputs: Sequence[Input], key: PrivateKey | None) -> dict[str, _Value]:
    """Decrypt what is encrypted; of two inputs with one key the last counts. Raises BadRun."""
    return {each.key: _Value(_open(each, key), each.type, each.is_sensitive) for each in inputs}


def _open(given: Input, key: PrivateKey | None) -> JsonValue:
    if not given.is_sensitive or given.value in (None, ""):
        return given.value
    user = f"An encrypted input cannot be read, so nothing was done. {CALL}"
    if given.type not in SEALABLE or not isinstance(given.value, str):
        raise BadRun(
            user,
            f"Input '{given.key}' is sensitive and of type {given.type}; only {', '.join(sorted(SEALABLE))} can be.",
        )
    if key is None:
        raise BadRun(
            user,
            f"Input '{given.key}' is encrypted, and this runner has no private key. Make one with 'aws-connector "
            f"runner keygen', and set CONNECTOR_RUNNER_PRIVATE_KEY_FILE. {REGISTER}",
        )
    try:
        return key.open(given.value)
    except NotForUs as error:
        raise BadRun(
            user,
            f"Input '{given.key}' does not open with this runner's private key ({error}). The definition names another "
            f"runner, or the key was replaced. {REGISTER}",
        ) from error


class _Reader:
    """Reads one run's inputs."""

    def __init__(self, run: ClaimedRun, keys: RunInputs, values: Mapping[str, _Value]) -> None:
        self._run = run
        self._keys = keys
        self._values = values

    def read(self) -> Wanted:
        block, keys = self._run.spec.building_block.spec, self._keys
        destroys = self._run.spec.behavior.upper() == Behavior.DESTROY
        return Wanted(
            workspace=self._name(keys.workspace, block.workspace_identifier),
            project=self._name(keys.project, block.project_identifier),
            platform=self._name(keys.platform, block.full_platform_identifier),
            landing_zone=self._text(keys.landing_zone),
            account_id=self._text(keys.account_id),
            tenant_uuid=self._text(keys.tenant_uuid),
            tags=None if destroys else self._tags(),
            users=self._people_if_any() if destroys else self._people(),
            secret=tuple(name for name, value in self._values.items() if value.secret),
        )

    def _name(self, key: str, of_the_block: str | None) -> str:
        name = self._text(key) or of_the_block
        if name is None:
            raise _missing(key)
        return name

    def _text(self, key: str) -> str | None:
        """Return a text; None: there is no such input, or it is empty."""
        found = self._values.get(key)
        if found is None or found.value in (None, ""):
            return None
        content = _content(found)
        if isinstance(content, bool) or not isinstance(content, str | int):
            raise self._wrong(key, "must be a text")
        return str(content).strip() or None

    def _json(self, key: str) -> Any:
        """Return what a CODE input holds, or what a list already is."""
        found = self._values[key]
        content = _content(found)
        if not isinstance(content, str):
            return content
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._wrong(key, "is not JSON") from error

    def _people(self) -> tuple[Person, ...]:
        key = self._keys.users
        if key not in self._values:
            raise _missing(key)
        found = self._json(key)
        if not isinstance(found, list):
            raise self._wrong(key, "must be a JSON list of people, as the assignment USER_PERMISSIONS gives it")
        return tuple(self._each_person(key, found))

    def _each_person(self, key: str, found: list[Any]) -> Iterator[Person]:
        for number, each in enumerate(found):
            if not isinstance(each, dict):
                raise self._wrong(key, f"entry {number} is not a person")
            person = {name: _clean(value) for name, value in each.items() if name in PERSON_FIELDS}
            person = {name: value for name, value in person.items() if value not in (None, "")}
            if person.get("roles") == []:
                continue  # a member of the project without a role in it
            try:
                yield Person.model_validate(person)
            except ValidationError as error:
                fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
                raise self._wrong(key, f"entry {number} is not a person with roles: {', '.join(fields)}") from error

    def _people_if_any(self) -> tuple[Person, ...] | None:
        """Return the people of a tenant that is to go; whoever cannot be read is of no importance."""
        try:
            return self._people()
        except BadRun:
            return None

    def _tags(self) -> Tags | None:
        key = self._keys.tags
        if key not in self._values or self._values[key].value in (None, ""):
            return None
        found = self._json(key)
        if not isinstance(found, dict):
            raise self._wrong(key, "must be a JSON object of tags, each with a list of texts")
        return {str(name): _texts(value) for name, value in found.items()}

    def _wrong(self, key: str, what: str) -> BadRun:
        return BadRun(
            f"The input '{key}' cannot be read, so nothing was done. {CALL}",
            f"Input '{key}' = {self._values[key].shown()}: {what}. Correct the definition of the building block.",
        )


def _clean(value: object) -> object:
    """Return what a person's field holds as an order may hold it: nobody's name is to end a run."""
    return clean(value).strip() if isinstance(value, str) else value


def _missing(key: str) -> BadRun:
    return BadRun(
        f"The input '{key}' is missing, so nothing was done. {CALL}",
        f"The run has no input '{key}'. Add it to the definition of the building block, or name the input that holds "
        "it in the document connectorRunner.",
    )


def _content(found: _Value) -> JsonValue:
    """Return a value; of a file what is in it."""
    if found.type != "FILE" or not isinstance(found.value, str) or not found.value.startswith("data:"):
        return found.value
    head, _, body = found.value.partition(",")
    try:
        whole = base64.b64decode(body) if head.endswith(";base64") else unquote_to_bytes(body)
        return whole.decode()
    except (binascii.Error, UnicodeDecodeError):
        return found.value


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [] if value is None else [str(value)]
