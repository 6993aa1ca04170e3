"""The API as a process of its own: `python -m tests.workers.api.served`.

A shell's background job, as a CI may run us, has its children ignore SIGINT; a terminal has not.
"""

from __future__ import annotations

import signal

from config.environment import load_settings
from workers.api.serve import serve

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    serve(load_settings())
