"""The secrets of all stores that documents name: read when first needed, and again every few minutes.

They are held in memory only. When a store does not answer, what was read last goes on; when AWS refuses a key, the
stores are asked at once, for the key may have been rotated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Lock, Thread
from time import monotonic

import structlog

from config.secret import LookUp, Reference
from tasks.aws.secret_reading import AwsSecrets
from tasks.secret_stores.vault import Vault

EVERY = timedelta(minutes=5)  # a rotated secret counts after so long at the latest; both old and new work meanwhile
PAUSE = timedelta(seconds=30)  # between two looks, however often AWS refuses
log = structlog.get_logger(__name__)


class SecretStores:
    """The stores as one process asks them; safe for threads."""

    def __init__(self, readers: Mapping[str, LookUp] | None = None, clock: Callable[[], float] = monotonic) -> None:
        """Ask nothing yet.

        readers  of each kind of store; None: AWS and Vault as the environment says
        """
        self._readers = readers
        self._clock = clock
        self._lock = Lock()
        self._texts: dict[Reference, str] = {}
        self._read_at = clock()
        self._asked = False

    def look_up(self, reference: Reference) -> str:
        """Return a secret as it was last read; asks the store the first time. Raises ValueError."""
        with self._lock:
            if reference not in self._texts:
                self._texts[reference] = self._read(reference)
            return self._texts[reference]

    def ask_soon(self) -> None:
        """Have the stores asked again at the next look: a secret may have been rotated."""
        self._asked = True

    def renew(self, changed: Callable[[], None]) -> None:
        """Read all of them again in the background, if it is time; calls `changed` if one has."""
        passed = self._clock() - self._read_at
        if self._texts and passed >= (PAUSE if self._asked else EVERY).total_seconds():
            self._read_at, self._asked = self._clock(), False
            Thread(target=self.read_again, args=(changed,), name="secrets", daemon=True).start()

    def read_again(self, changed: Callable[[], None]) -> None:
        """Read all of them again now; calls `changed` if one has."""
        found = {}
        for reference, before in list(self._texts.items()):
            try:
                found[reference] = self._read(reference)
            except ValueError as error:
                log.warning("a secret cannot be read again; the previous one stays in use", error=str(error))
                found[reference] = before
        with self._lock:
            differs = any(self._texts[reference] != text for reference, text in found.items())
            self._texts |= found
        if differs:
            log.info("a secret has changed in its store")
            changed()

    def _read(self, reference: Reference) -> str:
        if self._readers is None:
            aws = AwsSecrets()
            self._readers = {
                "secretsManager": aws.secret,
                "parameterStore": aws.parameter,
                "vault": Vault.of_environment,
            }
        return self._readers[reference.store](reference)
