"""How it runs: Celery app, producer API, command line and sandbox. May import tasks and config."""
