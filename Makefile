# `make` lists the targets. `make test` is what .ci/run calls; it needs Python >= 3.11 and, once, a network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

MAKEFLAGS += --no-print-directory --silent
.DEFAULT_GOAL := help
.PHONY: help demo setup servers servers-e2e lint types test e2e faults verify-deploy bench fmt lock clean

help: ## List the targets.
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# Whoever works on syncd has all of the development packages; for others those that it runs on are enough.
demo: $(if $(wildcard $(VENV)/installed),$(VENV)/installed,$(VENV)/runtime) ## See it work on this machine; ONCE=1 for one pass.
	@$(BIN)/syncd demo $(if $(ONCE),--once)

setup: ## Make .venv and bring the real test servers into .cache/ (both at once).
	@$(MAKE) -j2 $(VENV)/installed servers

servers:
	@$(PYTHON) scripts/servers.py

servers-e2e:
	@$(PYTHON) scripts/servers.py e2e

define venv
echo "  python: installing the locked packages into $(VENV)"
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "syncd needs Python 3.11 or newer; try: make PYTHON=python3.12")'
$(PYTHON) -m venv $(VENV)
endef

# The build is isolated: pip fetches hatchling for it, and it is gone afterwards.
$(VENV)/runtime: pyproject.toml requirements.lock
	@$(venv)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

# The lock files pin every package by hash; our own package is then linked in without a download.
$(VENV)/installed: pyproject.toml requirements-dev.lock
	@$(venv)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/pip check --quiet --disable-pip-version-check
	@touch $@

lint: $(VENV)/installed ## Check style and format (ruff).
	@$(BIN)/ruff check --quiet --output-format concise .
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted; run: make fmt"; exit 1; }

types: $(VENV)/installed ## Check types (mypy --strict).
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/mypy --no-error-summary --strict deploy/github/action.py

# Three suites at once on two cores: what fails by deadlines that this makes too short is run again by itself, and counts then.
SHORT := -m "not e2e"
LONGER := -m "e2e and not long" tests/faults
DEPLOY := -m "e2e or not e2e" tests/deploy
AGAIN := echo "what failed, once more and one at a time:"

test: setup ## Lint, types, tests, the shortest faults: what must be green before a commit.
	@$(MAKE) lint types
	@$(BIN)/pytest -n 3 --dist loadfile $(SHORT) $(PYTEST_ARGS) || { $(AGAIN) && $(BIN)/pytest $(SHORT) --last-failed --last-failed-no-failures none; }

# pytest ends with 5 where it collects no test: then there is nothing that could have failed.
e2e: setup servers-e2e ## The longer suites and most of the faults, on the same real servers.
	@$(BIN)/pytest -m e2e tests/e2e $(PYTEST_ARGS) || [ $$? -eq 5 ] || { $(AGAIN) && $(BIN)/pytest -m e2e tests/e2e --last-failed --last-failed-no-failures none; }
	@$(BIN)/pytest -n 2 --dist loadfile $(LONGER) $(PYTEST_ARGS) || [ $$? -eq 5 ] || { $(AGAIN) && $(BIN)/pytest $(LONGER) --last-failed --last-failed-no-failures none; }

faults: setup ## Inject every fault, the longest too, and write docs/reliability.md (20 min).
	@rm -f .cache/faults.jsonl
	@FAULTS_REPORT=$(CURDIR)/.cache/faults.jsonl $(BIN)/pytest tests/faults $(PYTEST_ARGS)
	@$(BIN)/python -m tests.faults.support.report .cache/faults.jsonl docs/reliability.md

bench: setup ## Measure syncd beside a floor, into docs/benchmarks.md (4 min); BENCH=NAME does one part.
	@$(BIN)/python -m bench $(BENCH)

verify-deploy: setup servers-e2e ## Image, stack, GitHub Action and unit, on a real Docker Engine (root).
	@$(BIN)/python scripts/verify_deploy.py
	@$(BIN)/pytest $(DEPLOY) $(PYTEST_ARGS) || { $(AGAIN) && $(BIN)/pytest $(DEPLOY) --last-failed --last-failed-no-failures none; }

fmt: $(VENV)/installed ## Format and fix what can be fixed by itself.
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

lock: $(VENV)/installed ## Resolve the dependencies anew into the lock files.
	@$(PYTHON) scripts/lock.py $(BIN)/uv

clean: ## Remove all that was made here.
	@rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dist out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
