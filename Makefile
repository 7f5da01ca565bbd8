# rxindex: run `make help` for what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
RUN := $(VENV)/bin
# Two workers: the suite starts real servers, and is meant for two cores.
WORKERS ?= 2

.PHONY: help demo test lint typecheck check bench serve clean

help: ## show this
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## index the FDA's drug directory on this machine and search it
	@scripts/setup demo
	@$(RUN)/rxindex demo

test: ## set up all that the tests need, then lint, type check and run them
	@scripts/setup test,lint
	@scripts/setup-mariadb
	@$(MAKE) --no-print-directory check
	@$(RUN)/pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

check: lint typecheck

lint: ## ruff, and import-linter for the direction of imports
	@scripts/setup test,lint
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/lint-imports

typecheck: ## mypy, strict
	@scripts/setup test,lint
	@$(RUN)/mypy

bench: ## measure on this machine: prints tables, writes benchmarks/results/*.json
	@scripts/setup test,lint
	@$(RUN)/python -m benchmarks

serve: ## serve the search API over the demo's index
	@scripts/setup demo,api
	@$(RUN)/rxindex demo --json > /dev/null
	@env -u RXINDEX_REDIS -u RXINDEX_EMBEDDER $(RUN)/rxindex serve --catalogue demo --data-dir "$$($(RUN)/rxindex config --json | $(RUN)/python -c 'import json, sys; print(json.load(sys.stdin)["data_dir"])')/demo"

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
