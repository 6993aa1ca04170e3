"""Run the AWS simulator: `python -m workers.sandbox.aws --port 0 --options '{"creation_seconds": 1}'`.

It prints one JSON line {"url": …, "seed": …} when it is ready, and ends when its parent process does. The same seed in
the options brings the same chances again.
"""

from __future__ import annotations

import argparse
import json
import sys

from workers.sandbox.aws import operation_modules
from workers.sandbox.aws.app import Simulator
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.aws.seed import build_world
from workers.sandbox.aws.server import end_with_parent, make_server


def main() -> None:
    """Build the world, bind the port, say where, and serve until stopped."""
    parser = argparse.ArgumentParser(description="A strict simulator of the AWS services that the connector uses.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--options", default="{}", help="SimulatorOptions as JSON")
    arguments = parser.parse_args()
    end_with_parent()
    operation_modules.load()
    world = build_world(SimulatorOptions.model_validate_json(arguments.options))
    server = make_server(Simulator(world), arguments.port)
    ready = {"url": f"http://127.0.0.1:{server.server_port}", "seed": world.options.seed}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
