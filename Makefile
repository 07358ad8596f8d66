# The commands a developer types. Each installs what is missing first; the second time that costs nothing.

.PHONY: run test test-slow check bench install generate
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
