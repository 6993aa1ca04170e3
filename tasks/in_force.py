"""Which configuration is in force in this process: the one place that reads documents anew.

The configuration directory and the files of secrets are looked at every second, the documents that came over the API
whenever their version in Redis has changed. A new version is in force from the next request, task or run on; what has
begun goes on with what it began with, because everybody holds a connector with one catalog. A version with mistakes is
refused, and logged once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

import structlog
from redis import RedisError

from config.catalog import Catalog, CatalogError, load_catalog
from config.environment import SettingsError, load_settings
from config.imported import IMPORTED
from config.log import register_secrets
from config.production import check_production
from config.secret import Reference
from tasks.connector import Connector, make_connector

LOOK_SECONDS = 1.0  # between two looks at the directory; a change counts once it has been still for so long
UNREAD = "unread"
MOST_FILES = 5000  # of a directory that are looked at
Mine = TypeVar("Mine", bound=Connector)
Files = Mapping[str, tuple[int, ...]]
Documents = dict[str, dict[str, Any]]  # by kind and name
log = structlog.get_logger(__name__)


class Stores(Protocol):
    """Secret stores as they are used here (tasks/secret_stores)."""

    def look_up(self, reference: Reference) -> str:
        """Return a secret as it was last read; raises ValueError."""

    def renew(self, changed: Callable[[], None]) -> None:
        """Read all of them again in the background, if it is time; calls `changed` if one has."""


class InForce(Generic[Mine]):
    """Gives a process its connector with the documents as they are now; safe for threads."""

    def __init__(
        self,
        connector: Mine,
        *,
        secrets: bool = False,
        stores: Stores | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Begin with a connector whose catalog was read from its configuration directory.

        secrets   True: for who calls AWS
        stores    of secrets, for who calls AWS; they are asked again in the background
        """
        self._stores = stores
        self._connector = connector
        self._secrets = secrets
        self._clock = clock
        self._lock = Lock()
        self._wanted: tuple[Path, ...] = ()  # files of secrets that are named by documents with mistakes
        self._files = self._seen = self._found()
        self._looked_at = clock()
        self._away_at: float | None = None  # when Redis gave no answer last
        self._version: str | None = UNREAD
        self._documents: Documents = {}  # as they are in force
        self._newest: Documents = {}  # as they stand in Redis

    def now(self) -> Mine:
        """Return the connector with the newest configuration that has no mistakes.

        Asks Redis for a version each time; when Redis is away, what was in force stays so. Who comes while documents of
        the API are read anew waits: what was ordered with them must not be done without them.
        """
        if self._documents_changed():
            with self._lock:
                if self._documents_changed():
                    self._take_documents()
        if self._is_due() and self._lock.acquire(blocking=False):
            try:
                if self._directory_changed():
                    self._read()
                if self._stores is not None:
                    self._stores.renew(self._read_again)
            finally:
                self._lock.release()
        return self._connector

    def remembered(self) -> tuple[Mine, str] | None:
        """Return the connector without a look at anything, and the version of the API's documents that it has.

        For who has Redis compare that version (empty: there were no documents) while it stores something.
        None: the directory must be looked at, by `now`.
        """
        version = self._version  # read first: the connector may be newer than it, never older
        return None if self._is_due() else (self._connector, version or "")

    def _is_due(self) -> bool:
        return self._clock() - self._looked_at >= LOOK_SECONDS

    def _directory_changed(self) -> bool:
        self._looked_at = self._clock()
        found = self._found()
        still, self._seen = found == self._seen, found
        if not still or found == self._files:  # somebody may be writing it
            return False
        self._files = found
        return True

    def _found(self) -> Files:
        """Describe every file of the directory, also those below it, which documents name, and every secret's file."""
        below = islice(_below(self._connector.settings.config_dir), MOST_FILES)
        return dict(_stat(chain(below, self._connector.catalog.secret_files, self._wanted)))

    def _documents_changed(self) -> bool:
        """Tell whether Redis has other documents. It is given a second after it gave no answer, once they are known."""
        away = self._away_at is not None and self._clock() - self._away_at < LOOK_SECONDS
        if away and self._version is not UNREAD:
            return False
        try:
            return self._connector.store.documents.version() != self._version
        except RedisError:
            self._away_at = self._clock()
            return False

    def _take_documents(self) -> None:
        documents = self._connector.store.documents
        try:
            version = documents.version()
            self._newest = documents.all()
        except RedisError:
            return
        if self._newest or self._documents:
            self._read()
        self._version = version  # from now on nobody waits any more

    def _read_again(self) -> None:
        with self._lock:
            self._read()

    def _read(self) -> None:
        try:
            catalog, self._documents = self._loaded(self._newest)
        except (CatalogError, SettingsError) as error:
            log.error("the new configuration has mistakes; the previous one stays in use", mistakes=str(error))  # noqa: TRY400 (they are a person's, and a trace tells nothing of them)
            self._wanted = error.secret_files if isinstance(error, CatalogError) else ()
            return
        self._wanted = ()
        register_secrets(catalog.secrets)
        self._connector = replace(self._connector, catalog=catalog)
        log.info("a new configuration is in use", platforms=sorted(catalog.platforms))

    def _loaded(self, documents: Documents) -> tuple[Catalog, Documents]:
        """Read everything. Of a document from the API with mistakes the version before counts; one alone stops nothing.

        Here it may have mistakes although the API took it: a secret that it names may be missing on this machine.
        """
        settings = self._connector.settings
        try:
            catalog = load_catalog(
                [settings.config_dir],
                secrets=self._secrets,
                imported=documents.values(),
                look_up=None if self._stores is None else self._stores.look_up,
            )
        except CatalogError as error:
            names = dict(enumerate(documents, start=1))
            wrong = {names[each.document] for each in error.mistakes if each.file == IMPORTED}
            if not wrong:
                raise
            _log_wrong(wrong, error)
            before = {name: old for name in wrong if (old := self._documents.get(name)) not in (None, documents[name])}
            kept = {name: each for name, each in documents.items() if name not in wrong}
            return self._loaded({**kept, **before})
        check_production(settings, catalog.secrets)
        return catalog, documents


def _log_wrong(names: set[str], error: CatalogError) -> None:
    log.error("documents from the API have mistakes here", documents=sorted(names), mistakes=str(error))


def _below(directory: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(directory):
        yield from (Path(folder, name) for name in sorted(names))


def _stat(paths: Iterable[Path]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for path in paths:
        try:
            found = path.stat()  # follows links: an orchestrator changes where they lead
        except OSError:
            continue
        # ctime: a file that may be read now, or was replaced by one as long and as old, has the same mtime
        yield str(path), (found.st_ino, found.st_ctime_ns, found.st_mtime_ns, found.st_size)


@cache
def own_in_force() -> InForce[Connector]:
    """Return what gives this process its connector, made from the environment at the first call."""
    return InForce(make_connector(load_settings()))


def own_connector() -> Connector:
    """Return this process's connector as it is now, made from the environment at the first call.

    Raises SettingsError or CatalogError with every mistake.
    """
    return own_in_force().now()
