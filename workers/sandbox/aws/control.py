"""The control API under /_simulator/: what tests, the demo and a person may see and change, as JSON.

::

    GET    health                       -> {"status": "ok"}
    GET    calls?since=N                -> {"last": index, "calls": [...]}
    GET    counts                       -> {"operations": {"service:Operation": n}, "totals": {...}}
    GET    faults | POST | DELETE       -> the rules; POST one rule or a list adds, DELETE removes all
    GET    state                        -> the whole world
    PATCH  options                      -> changes options, answers all of them; a seed begins anew
    GET    visibility                   -> {"seed", "rules", "late"}: what not everybody sees yet
    POST   visibility                   -> one rule or a list: see `visibility_rules.py`; answers as GET
    DELETE visibility                   -> takes all rules back, and everybody sees everything
    POST   operator                     -> {"action": name, ...}: what a person did in AWS by hand
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

from pydantic import ValidationError

from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.call_log import CallLog
from workers.sandbox.aws.decoding import Request
from workers.sandbox.aws.encoding import Response
from workers.sandbox.aws.faults import Fault, Faults, Rule
from workers.sandbox.aws.operator_actions import ACTIONS
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.aws.snapshot import show_world
from workers.sandbox.aws.visibility_rules import RULES
from workers.sandbox.aws.world import World


class Control:
    """The control API of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "health"): lambda _: {"status": "ok"},
            ("GET", "calls"): self._calls,
            ("GET", "counts"): self._counts,
            ("GET", "faults"): lambda _: self.world.state(Faults).show(),
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "state"): lambda _: show_world(self.world),
            ("GET", "options"): lambda _: self.world.options.model_dump(mode="json"),
            ("PATCH", "options"): self._change_options,
            ("GET", "visibility"): lambda _: self.world.visibility.show(),
            ("POST", "visibility"): self._add_visibility_rules,
            ("DELETE", "visibility"): self._show_everything,
            ("POST", "operator"): self._operate,
        }

    def answer(self, request: Request) -> Response:
        """Answer one request of the control API: 200, 400 for a wrong body, 404 for an unknown path or thing."""
        route = self._routes.get((request.method, request.path.removeprefix("/_simulator/")))
        if route is None:
            return _json(404, {"error": f"no {request.method} {request.path}"})
        try:
            with self.world.lock:
                return _json(200, route(request))
        except (ValidationError, ValueError, TypeError) as error:
            return _json(400, {"error": str(error)})
        except AwsError as error:
            return _json(400, {"error": f"{error.code}: {error.message}"})
        except KeyError as error:
            return _json(404, {"error": f"not found or not given: {error}"})

    def _calls(self, request: Request) -> Mapping[str, Any]:
        since = int(parse_qs(request.query).get("since", ["0"])[0])
        log = self.world.state(CallLog)
        return {"last": log.totals["calls"], "calls": log.since(since)}

    def _counts(self, _: Request) -> Mapping[str, Any]:
        log = self.world.state(CallLog)
        totals = {name: log.totals[name] for name in ("calls", "reads", "writes", "assume_role")}
        return {"operations": dict(log.counts), "totals": totals}

    def _add_faults(self, request: Request) -> Any:
        given = json.loads(request.body)
        faults = [Fault.model_validate(one) for one in (given if isinstance(given, list) else [given])]
        self.world.state(Faults).rules.extend(Rule(fault) for fault in faults)
        return self.world.state(Faults).show()

    def _clear_faults(self, _: Request) -> Any:
        struck = self.world.state(Faults).show()
        self.world.state(Faults).rules.clear()
        return struck

    def _change_options(self, request: Request) -> Any:
        changed = json.loads(request.body)
        self.world.settle()
        self.world.options = SimulatorOptions.model_validate({**self.world.options.model_dump(mode="json"), **changed})
        if "seed" in changed:
            self.world.visibility.reseed()
            self.world.state(Faults).dice = None
        return self.world.options.model_dump(mode="json")

    def _add_visibility_rules(self, request: Request) -> Any:
        given = json.loads(request.body)
        visibility = self.world.visibility
        self.world.settle()
        for rule in RULES.validate_python(given if isinstance(given, list) else [given]):
            visibility.rules.add(rule, visibility.now(), visibility.last_number)
        return visibility.show()

    def _show_everything(self, _: Request) -> Any:
        self.world.visibility.show_everything()
        return self.world.visibility.show()

    def _operate(self, request: Request) -> Any:
        body = json.loads(request.body)
        action = {**ACTIONS, **self.world.actions}[body["action"]]
        self.world.settle()
        with self.world.visibility.writing(body["action"], at_once=True):
            return action(self.world, body)


def _json(status: int, body: Any) -> Response:
    text = json.dumps(body, default=_plain)
    return Response(status, text.encode(), {"Content-Type": "application/json"})


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)
