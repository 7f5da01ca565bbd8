# rxindex: run `make help` for what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
RUN := $(VENV)/bin
# Two workers: the suite starts real servers, and is meant for two cores.
WORKERS ?= 2

# What `make deploy` and `make diff` are for, and further options of CDK's: -c name=value.
STAGE ?= dev
CDK_ARGS ?=
STACKS ?= --all

.PHONY: help demo test lint typecheck check bench serve lambda aws-local infra-test deploy diff clean

help: ## show this
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## index the FDA's drug directory on this machine and search it
	@scripts/setup demo
	@$(RUN)/rxindex demo

test: ## set up all that the tests need, then lint, type check and run them
	@scripts/setup test,lint
	@scripts/setup-mariadb
	@scripts/setup-chromium
	@$(MAKE) --no-print-directory check
	@$(RUN)/pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)
	@$(MAKE) --no-print-directory infra-test

check: lint typecheck

lint: ## ruff, shellcheck, and import-linter for the direction of imports
	@scripts/setup test,lint
	@$(RUN)/shellcheck -x -a scripts/deploy-lambda-manual.sh scripts/{setup,setup-mariadb,setup-chromium,make-venv,renew-constraints} \
	  infra/{setup,check,cdk} .ci/run
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/lint-imports

typecheck: ## mypy, strict
	@scripts/setup test,lint
	@$(RUN)/mypy

bench: ## measure on this machine (BENCH_ARGS=--quick, '--only PART'); see docs/performance.md
	@scripts/setup test,lint
	@scripts/setup-mariadb
	@$(RUN)/python -m benchmarks $(BENCH_ARGS)

serve: ## serve the search, its API and its pages over the demo's index
	@scripts/setup demo,api
	@$(RUN)/rxindex demo --json > /dev/null
	@env -u RXINDEX_REDIS -u RXINDEX_EMBEDDER $(RUN)/rxindex serve --catalogue demo --data-dir "$$($(RUN)/rxindex config --json | $(RUN)/python -c 'import json, sys; print(json.load(sys.stdin)["data_dir"])')/demo"

lambda: ## build the zip for AWS Lambda: dist/rxindex-lambda-<arch>-py3.13.zip
	@scripts/setup package
	@$(RUN)/python scripts/build-lambda $(LAMBDA_ARGS)

aws-local: ## play the whole chain on AWS on this machine, without an account
	@scripts/setup test,lint
	@scripts/setup-mariadb
	@$(RUN)/python -m tests.aws.local_chain $(AWS_LOCAL_ARGS)

infra-test: ## synthesise the AWS stacks offline and check everything about them
	@infra/setup test
	@infra/check

dist/rds-ca.pem:
	@mkdir -p dist
	@curl --fail --silent --show-error --location --output $@ \
	  https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem

deploy: dist/rds-ca.pem ## deploy to AWS: make deploy STAGE=dev CDK_ARGS='-c name=value'
	@$(MAKE) --no-print-directory lambda LAMBDA_ARGS='--add rds-ca.pem=dist/rds-ca.pem'
	@infra/setup
	@infra/cdk deploy $(STACKS) -c stage=$(STAGE) --require-approval broadening $(CDK_ARGS)

diff: ## show what a deployment would change
	@infra/setup
	@infra/cdk diff $(STACKS) -c stage=$(STAGE) $(CDK_ARGS)

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .venv-infra dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
