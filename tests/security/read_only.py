"""A file system that Python processes can only read, but for one folder: as in a container with read_only and a tmpfs.

Permissions would not do: the tests may run as root. Every way in which Python opens or changes a file raises an audit
event, and a hook that raises stops it.
"""

from __future__ import annotations

from pathlib import Path

HOOK = """
import errno, os, sys

ALLOWED = tuple(os.environ["WRITABLE"].split(":"))
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
           "sqlite3.connect", "dbm.open"}

def hook(event, arguments):
    if event == "open":
        path, _, flags = arguments
        if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            return
    elif event in CHANGES:
        path = arguments[0]
    else:
        return
    if isinstance(path, int):
        return
    path = os.path.abspath(os.fsdecode(path))
    if not path.startswith(ALLOWED):
        raise OSError(errno.EROFS, "this file system can only be read", path)

sys.addaudithook(hook)
"""


def read_only(folder: Path) -> dict[str, str]:
    """Give the environment in which Python processes write nowhere but in `folder`/tmp and /dev."""
    site, writable = folder / "site", folder / "tmp"
    for made in (site, writable):
        made.mkdir()
    (site / "sitecustomize.py").write_text(HOOK)
    return {
        "PYTHONPATH": f"{site}:{Path.cwd()}",
        "PYTHONDONTWRITEBYTECODE": "1",  # as in the image
        "TMPDIR": str(writable),
        "WRITABLE": f"{writable}:/dev/",
    }
