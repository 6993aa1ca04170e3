"""An order of the simulated meshStack: its run is queued, the runner claims it, steps and outputs come back."""

from __future__ import annotations

from typing import Any

import httpx2
from rich.console import Console

from workers.cli.output import facts, print_line, show
from workers.demo.supervisor import Supervisor

PROJECT = "from-meshstack"
PEOPLE = ["alice@example.com"]
TRAVEL_SECONDS = 120.0  # many times what it takes
ENDED = ("SUCCEEDED", "FAILED", "ABORTED")


class Traveller:
    """Follows one run, and says what has changed since the last look."""

    def __init__(self, meshstack: httpx2.Client, console: Console) -> None:
        self._meshstack = meshstack
        self._console = console
        self._told: dict[str, str] = {}
        self.run: dict[str, Any] = {}

    def order(self) -> None:
        """Order a tenant, as a team does in meshStack."""
        self.run = self._meshstack.post("/runs", json={"project": PROJECT, "people": PEOPLE}).raise_for_status().json()
        print_line(self._console, f"meshStack: {self.run['tenant']} is ordered; its run is {self.run['status']}")

    def has_ended(self) -> bool:
        """Look, and tell whether the run has ended."""
        runs = self._meshstack.get("/runs").raise_for_status().json()
        self.run = next(each for each in runs if each["uuid"] == self.run["uuid"])
        for step in self.run["steps"]:
            if step["status"] in ENDED and self._told.get(step["id"]) != step["status"]:
                self._told[step["id"]] = step["status"]
                print_line(self._console, f"  {step['status']} {step['displayName']}: {step.get('userMessage') or ''}")
        return self.run["status"] in ENDED


def travel(meshstack: str, processes: Supervisor, console: Console) -> None:
    """Order a tenant in meshStack and show how its run fares, to its end."""
    with httpx2.Client(base_url=meshstack, trust_env=False, timeout=10) as client:
        traveller = Traveller(client, console)
        traveller.order()
        processes.wait("meshStack's run", traveller.has_ended, TRAVEL_SECONDS)
        print_line(console, f"meshStack: the run has {traveller.run['status']}")
        outputs = traveller.run["outputs"]
        show(console, facts({name: str(outputs[name]) for name in sorted(outputs) if name != "summary"}))
