# What the team runs. Every target sets up what is missing by itself; the work is done by the commands it calls.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
READY := .venv/.ready

# The tests start hundreds of processes: without bytecode each of them would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run up promtool test thorough chart redis wheels sbom manual installed properties faults soak proof check bench clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1@\2/p' Makefile | column -t -s @ 2>/dev/null || grep '##' Makefile

setup: $(READY) ## make .venv with everything in it

run: $(READY) ## turn the example tenants into configured accounts, on the sandbox
	@$(BIN)/aws-connector demo

up: $(READY) ## the same, but stay, with Flower; Ctrl-C ends it
	@$(BIN)/aws-connector demo --keep

promtool: $(READY) ## fetch Debian's promtool, with which tests check metrics and alerts
	@test -x $(BIN)/promtool || { cd .venv && rm -f prometheus_*.deb \
		&& { apt-get -qq download prometheus 2>/dev/null || { apt-get -qq update && apt-get -qq download prometheus; }; } \
		&& dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 -C bin ./usr/bin/promtool \
		&& rm -f prometheus_*.deb; }

test: $(READY) ## run the tests
	@$(BIN)/pytest -n auto --dist loadscope --no-loadscope-reorder

thorough: $(READY) ## run the tests that take long where others look at the same promise, as CI does
	@$(BIN)/pytest -n auto --dist loadscope --no-loadscope-reorder -m thorough

chart: $(READY) ## check the Helm chart, with helm and the schemas of Kubernetes, which it installs into .venv
	@$(BIN)/python -m tests.deploy.tools
	@$(BIN)/pytest -n 0 tests/deploy

redis: $(READY) ## run the tests of the state on a Redis of this machine; they usually run on Valkey
	@REDIS_SERVER=$$(command -v redis-server) $(BIN)/pytest -n 0 -m '' tests/tasks/state tests/tasks/limits tests/security/test_redis.py

wheels: $(READY) ## see that everything the image holds comes as a wheel for x86-64 and arm64
	@for platform in x86_64 aarch64; do \
		$(BIN)/uv pip install --quiet --dry-run --target build/wheels --python-platform $$platform-manylinux_2_28 --python-version 3.13 \
			--only-binary :all: --require-hashes -r requirements-runtime.lock && echo "$$platform: every package has a wheel" || exit 1; done

sbom: $(READY) ## write dist/sbom.json: what the image holds, as CycloneDX
	@mkdir -p dist
	@$(BIN)/uvx --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements --pyproject pyproject.toml \
		--output-reproducible --of JSON -o dist/sbom.json requirements-runtime.lock

manual: $(READY) ## build the manual as a site, into dist/manual
	@$(BIN)/python -m tests.manual.site

installed: $(READY) ## install the wheel outside of the checkout, run everything there, on Python 3.11 and the image's
	@$(BIN)/python -m tests.installed

properties: $(READY) ## play random orders, losses, lags and faults against a model, 100 runs; EXAMPLES=20 for fewer
	@EXAMPLES=$${EXAMPLES:-100} $(BIN)/pytest -n 0 -q tests/properties

faults: $(READY) ## run the whole fault matrix: every AWS call of a replication by every fault
	@$(BIN)/python -m tests.faults.matrix

soak: $(READY) ## kill workers and restart Redis under load, 10 minutes; SECONDS=120 TENANTS=60 for a short one
	@$(BIN)/python -m tests.soak

proof: $(READY) ## collect 13 months of costs of 500 accounts, killed at every page, and compare; ACCOUNTS=50 MONTHS=3
	@$(BIN)/python -m tests.proof

check: $(READY) ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## measure and write docs/benchmarks.md
	@$(BIN)/python -m tests.bench

clean: ## remove .venv and every cache
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv installs in seconds what takes pip more than a minute; where uv cannot reach the registry, pip does it.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON) …"
	@$(PYTHON) -m venv .venv
	@awk '/^[a-z]/ { wanted = /^uv==/ } wanted' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock \
		|| { echo "uv could not install that; pip tries now, which takes about a minute …"; \
			$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)
