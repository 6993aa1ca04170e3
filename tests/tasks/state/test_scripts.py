"""A misspelled parameter, or a misspelled key, is an error at once and never nil."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from redis import ResponseError

from tasks.state import parameters
from tasks.state.keys import TABLE
from tasks.state.parameters import Cancel, Common, Parameters, Renew
from tasks.state.scripts import SHARED, with_shared

LUA = Path(parameters.__file__).parent / "lua"
SCRIPTS = {kind.__name__.lower(): kind for kind in Parameters.__subclasses__() if kind is not Common}
RENEW = {"replication": "r", "holder": "me", "lease": 1000}
COMMON = {"prefix": "connector:"}


def run(redis: Any, script: str) -> Any:
    """Run a text as the script `renew`, without handles."""
    return redis.eval(with_shared(Renew, script), 0, json.dumps({**COMMON, **RENEW}))


@pytest.mark.parametrize(
    "given",
    [
        {"replicaton": "r"},
        {"replication": "r", "holder": "me"},
        {"replication": 7},
        {"replication": "r", "reason": "none"},
        {},
    ],
)
def test_unknown_missing_and_other_parameters_are_refused_before_redis_is_asked(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Cancel(**given)


def test_a_parameter_that_is_not_declared_is_an_error_in_lua(redis: Any) -> None:
    with pytest.raises(ResponseError, match="there is no parameter replicaton"):
        run(redis, "return p.replicaton")


def test_an_optional_parameter_that_is_not_given_is_nil(redis: Any) -> None:
    assert run(redis, "return {p.handles == nil and 'nil', p.replication, tostring(p.lease)}") == ["nil", "r", "1000"]


@pytest.mark.parametrize("misspelled", ["keys.tennant('a')", "keys.deu", "ttl.tenant"])
def test_a_key_that_is_not_in_the_table_is_an_error_in_lua(redis: Any, misspelled: str) -> None:
    with pytest.raises(ResponseError, match=r"there is no (key|time to live of)"):
        run(redis, f"return {misspelled}")


def test_keys_are_the_same_in_lua(redis: Any) -> None:
    assert run(redis, "return {keys.due, keys.tenant('a.b.c.d'), tostring(ttl.rate)}") == [
        "connector:due",
        "connector:tenant:a.b.c.d",
        "3600000",
    ]


def test_every_script_is_declared() -> None:
    assert {path.stem for path in LUA.glob("*.lua")} == SCRIPTS.keys()
    assert {path.stem for path in (LUA / "shared").glob("*.lua")} == set(SHARED)


def names(table: str, pattern: str) -> set[str]:
    """Return what is read of a table of Lua, such as p.<name>, in all files that fit; comments aside."""
    text = "\n".join(path.read_text() for path in LUA.glob(pattern))
    return set(re.findall(rf"\b{table}\.(\w+)", re.sub(r"--.*", "", text)))


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_reads_what_is_declared_for_it_and_all_of_that(name: str) -> None:
    read = names("p", f"{name}.lua")
    own, common = SCRIPTS[name].model_fields.keys(), Common.model_fields.keys()

    assert read - common == own


def test_shared_parts_read_common_parameters_and_keys_of_the_table() -> None:
    assert names("p", "shared/*.lua") <= Common.model_fields.keys() <= names("p", "**/*.lua")
    assert names("keys", "**/*.lua") <= TABLE.keys()
