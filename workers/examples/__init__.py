"""Examples that come with the program: documents, tenants, Prometheus's files. The sandbox and the demo run on them."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).parent
