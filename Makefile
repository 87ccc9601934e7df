# `make help` lists what there is to do. Everything is kept inside the repository.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
EVENT_BUS := $(PYTHON) -m event_bus_client.cli
STAMPS := .build/stamps
PORT ?=

export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONPATH := $(CURDIR):$(CURDIR)/layers:$(CURDIR)/clients/python/src
# Processes import what others have compiled: without that, an import of the CDK takes 10 s.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.build/bytecode
unexport PYTHONDONTWRITEBYTECODE
# Two jobs: `make setup` installs the packages of Python and of Node at the same time.
MAKEFLAGS += --jobs=2
# No banner for a version of Node that works but is no longer maintained.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20

.PHONY: help setup run up down reset test lint format bench docs lock clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1\t\2/' | expand -t 12

setup: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/layers ## Install everything, once

run: up ## Start the bus and play two examples on it
	$(PYTHON) -m examples.engineering_day
	$(PYTHON) -m examples.saga

up: setup ## Start the bus on this machine (PORT=4566)
	$(EVENT_BUS) local up $(if $(PORT),--port $(PORT))

down: $(STAMPS)/python ## Stop it and keep what it stored
	$(EVENT_BUS) local down

reset: $(STAMPS)/python ## Stop it and remove what it stored
	$(EVENT_BUS) local reset

test: setup ## Check everything and run every test
	@# Style and types are checked while tests wait; what they find is shown last.
	@($(LINT)) >.build/lint.log 2>&1 & lint=$$!; \
	failed=0; \
	$(MAKE) --silent $(STAMPS)/bytecode; \
	$(PYTHON) -m pytest tests/end_to_end tests/integration tests/unit \
		--numprocesses 6 --dist loadfile --no-loadscope-reorder || failed=$$?; \
	wait $$lint || failed=$$?; \
	cat .build/lint.log; exit $$failed

# Otherwise each worker compiles whatever the tests import, and lists all characters for Hypothesis.
# Failures are shown by the tests.
$(STAMPS)/bytecode: $(STAMPS)/python
	@$(PYTHON) -c 'from hypothesis.strategies import text; text().validate()' || true
	@$(PYTHON) -m pytest --collect-only -qq tests/end_to_end tests/integration tests/unit \
		>/dev/null 2>&1 || true
	@touch $@

# The client runs on older Pythons than the bus, and holds a copy of these modules.
CLIENT := clients/python/src layers/event_bus/matching layers/event_bus/json_numbers.py \
	$(addprefix layers/event_bus/model/,command_record.py command_types.py merge_patch.py \
	outcome.py stream_name.py stream_version.py)
LINT := ruff check && ruff format --check && lint-imports --no-cache && \
	python -m tests.unit.docs.programs && mypy && \
	mypy --python-version 3.10 $(CLIENT)

lint: $(STAMPS)/python ## Check style, imports and types
	$(LINT)

format: $(STAMPS)/python ## Put the code into its style
	ruff check --fix
	ruff format

bench: setup ## Measure what an event costs
	$(PYTHON) -m benchmarks

docs: $(STAMPS)/python $(STAMPS)/website ## Build the documentation as a site in .build/site
	$(PYTHON) -m website.operations >.build/operations.md
	NO_MKDOCS_2_WARNING=1 .build/website/bin/mkdocs build --quiet
	@echo "Open it by: python3 -m http.server --directory .build/site"

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --quiet

lock: $(STAMPS)/python ## Make the locks anew from the pins
	$(LOCK) requirements.txt --output-file requirements.lock
	$(LOCK) layers/dependencies/requirements.in --constraint requirements.lock \
		--output-file layers/dependencies/requirements.txt
	$(LOCK) website/requirements.in --output-file website/requirements.txt

clean: ## Stop the bus and remove all that was made
	if [ -x $(PYTHON) ]; then $(PYTHON) -m localstack reset; fi
	rm -rf $(VENV) node_modules .build .local .cache cdk.out
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/python: requirements.lock
	@mkdir -p $(STAMPS)
	@# Without ensurepip, as on Debian's own Python, pip comes from outside the environment.
	python3 -m venv --clear $(VENV) 2>/dev/null || python3 -m venv --clear --without-pip $(VENV)
	@# uv installs in seconds what takes pip minutes. Where uv cannot be had or fails, pip does it.
	@pip="python3 -m pip --python $(PYTHON)"; \
	if $(PYTHON) -m pip --version >/dev/null 2>&1; then pip="$(PYTHON) -m pip"; fi; \
	pip="$$pip install --quiet --disable-pip-version-check --require-hashes --requirement"; \
	uv=$$(command -v uv || true); \
	if [ -z "$$uv" ]; then \
		sed -n '/^uv==/,/[^\\]$$/p' $< >$(STAMPS)/uv.txt; \
		if $$pip $(STAMPS)/uv.txt; then uv=$(VENV)/bin/uv; fi; \
	fi; \
	{ [ -n "$$uv" ] && $$uv pip install --quiet --python $(PYTHON) --require-hashes --requirement $<; } || $$pip $<
	@touch $@

# The site has an environment of its own, so that nobody else installs what it needs.
$(STAMPS)/website: website/requirements.txt website/package-lock.json $(STAMPS)/python
	uv venv --quiet --clear .build/website
	uv pip install --quiet --python .build/website/bin/python --require-hashes --requirement $<
	npm ci --prefix website --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/node: package-lock.json
	@mkdir -p $(STAMPS)
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/layers: layers/dependencies/requirements.txt infra/bundling.py $(STAMPS)/python
	$(PYTHON) -m infra.bundling
	@touch $@
