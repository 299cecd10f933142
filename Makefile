# `make help` lists what can be made. Everything lives in .venv; nothing is installed elsewhere.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALL := $(PIP) install --quiet --no-deps --require-hashes

.DEFAULT_GOAL := help
.PHONY: help setup ready features demo test lint bench torture torture-night lock docs deb kit clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found"; \
		echo "  → on Debian: apt-get install python3 python3-venv; elsewhere: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "== creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "== python3-venv is missing: installing it"; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq python3-venv >/dev/null \
			&& $(PYTHON) -m venv $(VENV); \
		else echo "error: this Python cannot make a virtual environment"; \
			echo "  → on Debian: sudo apt-get install python3-venv, then the same command again"; exit 1; fi; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "== installing the runtime (locked, hashes checked)"
	@$(INSTALL) -r requirements.lock -r requirements-build.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.demo: requirements-demo.lock $(VENV)/.runtime
	@echo "== installing what only the demo needs"
	@$(INSTALL) -r requirements-demo.lock
	@touch $@

$(VENV)/.features: requirements-features.lock $(VENV)/.runtime
	@echo "== installing the optional features"
	@$(INSTALL) -r requirements-features.lock
	@touch $@

$(VENV)/.bench: requirements-bench.lock $(VENV)/.features
	@echo "== installing what is measured beside ours"
	@$(INSTALL) -r requirements-bench.lock
	@touch $@

$(VENV)/.package: requirements-package.lock $(VENV)/.runtime
	@echo "== installing what makes packages"
	@$(INSTALL) -r requirements-package.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "== installing the test tools"
	@$(INSTALL) -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.runtime ## create .venv with the runtime in it

features: $(VENV)/.features ## and with the optional features (pyproject.toml lists them)

demo: $(VENV)/.demo ## set up, then run the main job: units at work, half a minute
	@$(BIN)/python -m edge.demo

ready: $(VENV)/.dev $(VENV)/.demo $(VENV)/.features $(VENV)/.package

# Three files at a time, also on two cores: most of the time a test waits. tests/conftest.py has the order.
# They start many programs: what those import is compiled once, PYTHONDONTWRITEBYTECODE or not.
test: ready ## set up, then run all tests
	@$(BIN)/python -m compileall -q -j 2 config drivers firmware_bridge perception telemetry edge
	@$(BIN)/python -m pytest -m "not bench" -n 3 --dist loadfile --no-loadscope-reorder $(ARGS) || { \
		echo "== once more and alone: what failed while other tests ran beside it"; \
		$(BIN)/python -m pytest -m "not bench" -n 0 --last-failed --last-failed-no-failures none $(ARGS); }

lint: $(VENV)/.dev $(VENV)/.features ## formatting, lint rules, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: $(VENV)/.dev $(VENV)/.demo $(VENV)/.bench ## measure the figures: a table, and bench-out/*.json
	@$(BIN)/python -m tests.bench $(ARGS)

torture: $(VENV)/.dev $(VENV)/.demo $(VENV)/.features ## try to break what is promised (10 minutes): PASS, FAIL or NOT RUN
	@$(BIN)/python -m tests.torture $(ARGS)

torture-night: $(VENV)/.dev $(VENV)/.demo $(VENV)/.features ## the same in the sizes for a night
	@$(BIN)/python -m tests.torture --night $(ARGS)

docs: $(VENV)/.runtime ## write docs/contract/ and docs/configuration.md from the types
	@$(BIN)/python -m telemetry.contract_docs.docs docs/contract
	@$(BIN)/python -m config.reference docs/configuration.md
	@[ ! -e $(BIN)/pip-licenses ] || systemd/package/list-licences > docs/licences.md

ARCH ?= amd64

deb: $(VENV)/.package ## build the Debian packages into dist/ (ARCH=arm64 for the other machine)
	@systemd/package/build-deb $(ARCH) dist

# One universal resolution for x86-64 and aarch64, with hashes and without a registry's address.
LOCK := env -u UV_INDEX_URL $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --quiet --no-annotate

lock: $(VENV)/.dev ## resolve the dependencies again
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) --group build -c requirements.lock -o requirements-build.lock
	@$(LOCK) --group package -c requirements.lock -o requirements-package.lock
	@$(LOCK) pyproject.toml --extra demo -c requirements.lock --no-emit-package scipy --no-emit-package pillow -o requirements-demo.lock
	@$(LOCK) pyproject.toml --extra audio --extra boards --extra can --extra eval --extra gnss --extra gpio \
		--extra mavlink --extra modbus --extra plates --extra quantize --extra ros --extra video -c requirements.lock \
		-c requirements-demo.lock --no-emit-package opencv-python -o requirements-features.lock
	@$(LOCK) pyproject.toml --extra audio --extra boards --extra gnss --extra modbus --extra plates --extra ros \
		-c requirements-features.lock --no-emit-package opencv-python -o requirements-unit.lock
	@$(LOCK) pyproject.toml --extra can --extra gpio --extra mavlink -c requirements-features.lock \
		$$(sed -n 's/^\([a-z0-9][a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements-unit.lock) \
		-o requirements-extras.lock
	@$(LOCK) --group bench -c requirements.lock -c requirements-features.lock --no-emit-package opencv-python \
		-o requirements-bench.lock
	@$(LOCK) --group dev -c requirements.lock -c requirements-demo.lock -c requirements-features.lock -o requirements-dev.lock

kit: $(VENV)/.package ## build the kit for a USB stick, for machines without a network
	@systemd/package/build-kit

clean: ## remove .venv and everything made here
	rm -rf $(VENV) build dist *.egg-info demo-out bench-out .pytest_cache .mypy_cache .ruff_cache .hypothesis
