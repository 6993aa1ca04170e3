"""The two files from which the workers have a user's access key, written so that no crash leaves half of a key.

secret.new, access.new   are written; from then on the key can be finished
secret, access           are replaced by them, one right after the other: workers want both still for a second
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tasks.aws.access_keys import NewKey
from workers.cli.installation.whole_files import secret_mode, write_new

LATE_SECONDS = 60.0  # AWS shows a new key everywhere within seconds. Source: IAM troubleshooting


@dataclass(frozen=True)
class KeyPair:
    """The files of one key."""

    access_key: Path
    secret_key: Path

    def id(self) -> str | None:
        """Return the id of the key; None: there is none."""
        return _read(self.access_key)

    def unseen(self, keys: Collection[str]) -> str | None:
        """Return the id of a key that was written down a moment ago and that AWS does not show; None: there is none.

        keys   the ids of the user's keys as AWS shows them
        """
        for file in (_partial(self.access_key), self.access_key):
            found = _read(file)
            if found and found not in keys and time.time() - file.stat().st_mtime < LATE_SECONDS:
                return found
        return None

    def write(self, key: NewKey) -> None:
        """Replace both files. Raises OSError."""
        self.access_key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file, text in ((self.secret_key, key.secret), (self.access_key, key.id)):
            write_new(_partial(file), f"{text}\n", secret_mode(file.parent))  # AWS shows the secret once
        self._replace()

    def finish(self, keys: Collection[str]) -> str | None:
        """Go on where a run was stopped while it wrote; returns the id of the key, None: there was nothing to finish.

        keys   the ids of the user's keys in AWS: of another one, what is half written is thrown away
        """
        begun = _read(_partial(self.access_key))
        if begun in keys:
            self._replace()
            return begun
        for file in (self.access_key, self.secret_key):
            _partial(file).unlink(missing_ok=True)
        return None

    def forget(self, key: str) -> None:
        """Delete the files if they hold this key, written or half written."""
        if self.id() == key:
            self.secret_key.unlink(missing_ok=True)
            self.access_key.unlink()
        if _read(_partial(self.access_key)) == key:
            self.finish(())

    def _replace(self) -> None:
        for file in (self.secret_key, self.access_key):  # access_key.new goes last: it tells that there is more to do
            if _partial(file).exists():
                _partial(file).replace(file)


def _partial(file: Path) -> Path:
    return file.with_name(f"{file.name}.new")


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file.exists() else None
