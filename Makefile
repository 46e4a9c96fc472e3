# The one entry point: `make` lists what there is. Everything that is needed is set up by the first target that needs it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
SOURCES := app.py infra lambdas cli tests demo benchmarks
# One more than a small machine has cores: the deployed stacks mostly wait.
JOBS ?= 3

.PHONY: help setup check test faults mutants demo bench gallery deploy lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-8s %s\n", $$1, $$2}'

setup: .venv/ready .emulator/ready node_modules/ready .build/lambda-dependencies/ready  ## install everything, locked

.venv/ready: requirements/uv.txt requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@# Two packages bring aws_cdk/cloud_assembly_schema, and installed side by side either may win: this one has to.
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps --reinstall-package aws-cdk-lib \
	    -r requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

.emulator/ready: requirements/emulator.txt .venv/ready
	$(PYTHON) -m venv .emulator
	$(UV) pip install --quiet --python .emulator/bin/python --require-hashes -r requirements/emulator.txt
	touch $@

node_modules/ready: package-lock.json
	npm ci --silent
	touch $@

.build/lambda-dependencies/ready: requirements/lambda.txt .venv/ready
	$(BIN)/python -m infra.bundle
	touch $@

check: .venv/ready  ## lint, strict types, import rules: seconds
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports

test: setup check  ## everything: check, then unit, integration, infrastructure and end-to-end tests
	$(BIN)/pytest -n $(JOBS)

faults: setup  ## every AWS call of every path goes wrong in every way, whatever follows: minutes
	$(BIN)/pytest -n $(JOBS) --every-fault tests/faults

mutants: setup  ## faults put into a copy of the code on purpose: each must turn a test red
	$(BIN)/python -m tests.mutants

demo: setup  ## the main job on a local cloud, told as it happens
	$(BIN)/python -m demo

bench: setup .build/bench-environment/ready  ## every budget, measured; BENCH="scan start" runs some of it
	$(BIN)/python -m benchmarks $(BENCH)

.build/bench-environment/ready: requirements/bench.txt .venv/ready
	$(BIN)/python -m benchmarks.lambda_environment
	touch $@

gallery: .venv/ready  ## every kind of alert as a picture for the docs; needs Debian's chromium-headless-shell
	$(BIN)/python -m tests.gallery

deploy: setup  ## deploy to the AWS account of your credentials
	npx cdk deploy

lock:  ## resolve the requirements anew
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/uv.txt requirements/uv.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/dev.txt requirements/dev.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/emulator.txt requirements/emulator.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/bench.txt requirements/bench.in
	$(UV) pip compile -q --python-platform aarch64-manylinux2014 --python-version 3.13 $(LOCK) \
	    -o requirements/lambda.txt requirements/lambda.in
LOCK := --generate-hashes --no-emit-index-url --no-header --upgrade

clean:  ## remove everything that setup, test and demo made
	rm -rf .venv .emulator .build node_modules cdk.out .cdkhome .pytest_cache .mypy_cache .ruff_cache .hypothesis
