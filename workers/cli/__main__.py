"""`python -m workers.cli` is `aws-connector`."""

from workers.cli import main

main()
