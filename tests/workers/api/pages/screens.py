"""Pictures of the pages for the documentation: `python -m tests.workers.api.pages.screens`.

The demo runs, some things are made to need a person, and the browser looks: the pictures show what the product shows.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

from tasks.model.replication import State
from tests.support.waiting import eventually
from tests.workers.api.pages.browser import Scheme, chromium, signed_in
from workers.client import ConnectorClient

SCREENS = Path(__file__).parents[4] / "docs" / "screens"
PICTURES = (
    ("overview", "/"),
    ("tenants", "/tenants"),
    ("tenant", "/tenants/likvid/shop-dev/aws.sandbox"),
    ("costs", "/costs?by=service"),
)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTH, HEIGHT = 1280, 900
NOBODYS_ACCOUNT = "999999999999"


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """Run the demo; gives the API's URL and a token."""
    with TemporaryFile("w+") as output:
        command = [sys.executable, "-m", "workers.cli", "demo", "--keep"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True)

        def printed() -> re.Match[str] | None:
            output.seek(0)
            return re.search(r"page +(\S+) \(sign in with the token (\S+)\)", output.read())

        try:
            found = eventually(printed)
            yield found[1], found[2]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def need_people(client: ConnectorClient) -> None:
    """Make a failure, a deletion that waits for its approval, and a pause."""
    for project in ("legacy", "archive"):
        tenant = f"likvid.{project}.aws.sandbox"
        client.put_tenant(
            tenant, {"landingZone": "production", "platformTenantId": NOBODYS_ACCOUNT[:-1] + str(len(project))}
        )
        eventually(partial(_has_failed, client, tenant))
    client.delete("atlas.routes-prod.aws.sandbox")
    client.pause("nordwind.trading-prod.aws.sandbox", "moving the network")
    eventually(lambda: client.tenant("atlas.routes-prod.aws.sandbox").steps[4].attempts > 0)


def _has_failed(client: ConnectorClient, tenant: str) -> bool:
    return client.tenant(tenant).status is State.FAILED


def main() -> None:
    """Take the pictures."""
    SCREENS.mkdir(exist_ok=True)
    with demo() as (url, token), ConnectorClient(url, token) as client, chromium() as browser:
        need_people(client)
        for scheme in SCHEMES:
            with signed_in(browser, url, token, scheme=scheme, width=WIDTH, height=HEIGHT) as page:
                for name, path in PICTURES:
                    page.goto(path)
                    page.wait_for_load_state("load")
                    page.screenshot(path=SCREENS / f"{name}-{scheme}.png")


if __name__ == "__main__":
    main()
