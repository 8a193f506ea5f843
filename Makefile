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
SERVING = $(VENV)/.serving
COMPILED = .venv-compiled/.ready

.PHONY: help serve test test-all test-compiled compiled check coverage bench timing fuzz lock clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

# Where nothing is set up yet: what serving needs is a small part of what the tests do.
serve: $(if $(wildcard $(READY)),$(READY),$(SERVING))  ## Serve https://localhost:8443 with a certificate of your own CA
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

compiled: $(COMPILED)  ## Compile the core with mypyc, into .venv-compiled (needs a C compiler)

# What stands before the tests fails where Python would take the sources.
test-compiled: VENV = .venv-compiled
test-compiled: $(COMPILED)  ## Run the tests of what is compiled, and of what stands on it, against that
	@$(VENV)/bin/python -c 'import turtls.connection as made; made.__file__.endswith(".py") and exit("not compiled")'
	@$(RUN) pytest $(or $(ARGS),$(STANDING_ON_COMPILED))
STANDING_ON_COMPILED = tests/test_connection*.py $(addprefix tests/,crypto fuzz handshake io pki quic record wire)

check: $(READY)  ## Check style, types and the floors of the house
	@$(RUN) ruff check --quiet --output-format concise
	@$(RUN) ruff format --quiet --check
	@$(RUN) mypy
	@$(VENV)/bin/lint-imports --no-logo

coverage: $(READY)  ## Run all tests and show which lines and branches they never reach
	@$(RUN) pytest --cov --cov-report=term $(ARGS)

bench: $(READY)  ## Measure against ssl, pyOpenSSL, Go and tlslite-ng, all in one run
	@if command -v $${CC:-cc} > /dev/null; then $(MAKE) --no-print-directory compiled; fi
	@$(RUN) benchmarks.run $(ARGS)

timing: $(READY)  ## Report whether RSA's timing tells bad premaster secrets from good ones (ARGS: samples)
	@$(RUN) benchmarks.rsa_timing $(ARGS)

SECONDS ?= 60
fuzz: $(READY)  ## Fuzz all targets, SECONDS=60 in all; TARGETS="client13 leaf" takes some of them
	@$(INSTALL) -r fuzz/requirements.lock
	@$(RUN) fuzz.run $(SECONDS) $(TARGETS)

lock:  ## Pin anew what pyproject.toml asks for (needs uv; ARGS=--upgrade takes the newest)
	@uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev --no-header --no-annotate \
		--output-file requirements.lock pyproject.toml $(ARGS)
	@uv pip compile --quiet --universal --python-version 3.11 --group fuzz --no-header --no-annotate \
		--output-file fuzz/requirements.lock $(ARGS)

clean:  ## Remove what the other targets made
	@rm -rf .venv .venv-* build dist benchmarks/results fuzz/.work .coverage htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests fuzz benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

ifneq ($(shell command -v uv 2>/dev/null),)
SET_UP = uv venv --quiet --allow-existing --python "$(PYTHON)" $(VENV)
INSTALL = uv pip install --quiet --python $(VENV)/bin/python
else
SET_UP = "$(PYTHON)" -m venv $(VENV)
INSTALL = $(RUN) pip install --quiet --disable-pip-version-check
endif

# Stale, too, is an environment that was moved, or whose Python is gone.
is_of_here = $(filter $(CURDIR),$(shell $(dir $(1))bin/python -c '' 2>/dev/null && cat $(1) 2>/dev/null))
.PHONY: $(foreach stamp,$(READY) $(SERVING) $(COMPILED),$(if $(call is_of_here,$(stamp)),,$(stamp)))

$(READY) $(SERVING): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "turtls needs Python 3.11 or newer, with venv (Debian: python3-venv)."; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) ..."
	@$(SET_UP)
	@$(INSTALL) $(if $(filter $(READY),$@),-r requirements.lock,-c requirements.lock hatchling editables)
	@$(INSTALL) -c requirements.lock --no-build-isolation -e $(if $(filter $(READY),$@),.,.[cli])
	@echo "$(CURDIR)" > $@

$(COMPILED): VENV = .venv-compiled
$(COMPILED): requirements.lock pyproject.toml hatch_build.py $(wildcard $(addsuffix *.py,src/turtls/ src/turtls/*/ src/turtls/*/*/))
	@echo "Compiling into $(VENV) with $(PYTHON) (some minutes) ..."
	@$(SET_UP)
	@$(INSTALL) -r requirements.lock
	@rm -rf build/wheel && mkdir -p build
	@HATCH_BUILD_HOOK_ENABLE_CUSTOM=1 $(RUN) hatchling build --target wheel --directory build/wheel > build/compiled.log
	@$(INSTALL) --no-deps --force-reinstall build/wheel/*.whl
	@echo "$(CURDIR)" > $@
