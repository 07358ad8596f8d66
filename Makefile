# The commands a developer types. Each installs what is missing first; the second time that costs nothing.

.PHONY: run test check bench install generate
.DEFAULT_GOAL := run

VENV_PYTHON := .venv/bin/python

install:
	@scripts/install
	@scripts/build_page

run: install
	@scripts/run

test: install
	@$(VENV_PYTHON) -m pytest $(ARGS)

check: install
	@scripts/check

bench: install
	@scripts/bench $(ARGS)

generate: install
	@$(VENV_PYTHON) scripts/generate
