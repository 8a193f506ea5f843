# Each target sets up the environment in .venv by itself, with exactly what requirements.lock pins: by uv where it is
# there, else by venv and pip. `make test PYTHON=python3.12 VENV=.venv-3.12` takes another Python.

SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV ?= .venv
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c $(USABLE) 2>/dev/null && break; done)
USABLE = 'import ensurepip, sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)'
RUN = $(VENV)/bin/python -m
READY = $(VENV)/.ready

.PHONY: help serve test test-all check coverage bench fuzz lock clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

serve: $(READY)  ## Serve https://localhost:8443 with a certificate of your own CA
	@$(RUN) turtls serve

test: $(READY)  ## Run all tests
	@$(RUN) pytest $(ARGS)

# One environment for each minor version, from the PATH and from pyenv's versions, switched on or not.
test-all:  ## Run all tests on each Python from 3.11 on that is found
	@set -eo pipefail; \
	for python in $$(compgen -c python3 | grep -E '^python3(\.[0-9]+)?$$' | sort -u) \
		"$${PYENV_ROOT:-$$(pyenv root 2>/dev/null || echo $$HOME/.pyenv)}"/versions/*/bin/python3; do \
		"$$python" -c $(USABLE) 2>/dev/null || true; \
	done | while read -r python; do \
		echo "$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') $$python"; \
	done | sort -u -V -k1,1 | { \
		failed=; \
		while read -r version python; do \
			echo "== Python $$version ($$python)"; \
			$(MAKE) --no-print-directory test PYTHON="$$python" VENV=".venv-$$version" < /dev/null || failed+=" $$version"; \
		done; \
		test -z "$$failed" || { echo "Failed on Python$$failed."; exit 1; }; \
	}

check: $(READY)  ## Check style, types and the floors of the house
	@$(RUN) ruff check --quiet --output-format concise
	@$(RUN) ruff format --quiet --check
	@$(RUN) mypy
	@$(VENV)/bin/lint-imports --no-logo

coverage: $(READY)  ## Run all tests and show which lines and branches they never reach
	@$(RUN) pytest --cov --cov-report=term $(ARGS)

bench: $(READY)  ## Measure against ssl, pyOpenSSL and tlslite-ng, all in one run
	@$(RUN) benchmarks.run $(ARGS)

SECONDS ?= 60
fuzz: $(READY)  ## Fuzz all targets, SECONDS=60 in all; TARGETS="client13 leaf" takes some of them
ifneq ($(shell command -v uv 2>/dev/null),)
	@uv pip install --quiet --python $(VENV)/bin/python -r fuzz/requirements.lock
else
	@$(RUN) pip install --quiet --disable-pip-version-check -r fuzz/requirements.lock
endif
	@$(RUN) fuzz.run $(SECONDS) $(TARGETS)

lock:  ## Pin anew what pyproject.toml asks for (needs uv; ARGS=--upgrade takes the newest)
	@uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev --no-header --no-annotate \
		--output-file requirements.lock pyproject.toml $(ARGS)
	@uv pip compile --quiet --universal --python-version 3.11 --group fuzz --no-header --no-annotate \
		--output-file fuzz/requirements.lock $(ARGS)

clean:  ## Remove what the other targets made
	@rm -rf .venv .venv-* build dist benchmarks/results fuzz/.work .coverage htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests fuzz benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Stale, too, is an environment that was moved, or whose Python is gone.
ifneq ($(shell $(VENV)/bin/python -c '' 2>/dev/null && cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "turtls needs Python 3.11 or newer, with venv (Debian: python3-venv)."; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) ..."
ifneq ($(shell command -v uv 2>/dev/null),)
	@uv venv --quiet --allow-existing --python "$(PYTHON)" $(VENV)
	@uv pip install --quiet --python $(VENV)/bin/python -r requirements.lock
	@uv pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation -e .
else
	@"$(PYTHON)" -m venv $(VENV)
	@$(RUN) pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(RUN) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	@echo "$(CURDIR)" > $@
