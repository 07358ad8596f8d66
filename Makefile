# The commands of a developer. Each one first installs missing packages; when none is missing, that takes no time.

.PHONY: run test test-slow check bench install generate lock
.DEFAULT_GOAL := run

VENV_PYTHON := .venv/bin/python

install:
	@scripts/install
	@scripts/build_page

run: install
	@scripts/run

test: install
	@scripts/install_tests
	@$(VENV_PYTHON) -m pytest $(ARGS)

test-slow: install
	@scripts/install_tests --slow
	@$(VENV_PYTHON) -m pytest -m slow $(ARGS)

check: install
	@scripts/check

bench: install
	@scripts/bench $(ARGS)

generate: install
	@$(VENV_PYTHON) scripts/generate

# Write requirements-dev.txt. `make lock ARGS=--upgrade` takes newer versions.
lock: install
	@scripts/lock $(ARGS)
