# `make` lists the targets. A target first sets up what it needs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
# Without byte code, each process would compile every module again, and pytest would rewrite every test again.
unexport PYTHONDONTWRITEBYTECODE
SOURCES := app.py infra lambdas cli action tests demo benchmarks
# Test processes: one more than a small machine has cores, because end-to-end tests mostly wait.
JOBS ?= 3

.PHONY: help setup check test proof audit faults mutants demo playground bench package template sbom schemas gallery deploy lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-10s %s\n", $$1, $$2}'

setup: .venv/ready .emulator/ready node_modules/ready .build/lambda-dependencies/ready  ## install all locked dependencies

.venv/ready: requirements/uv.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or \
	    sys.exit("$(PYTHON) is older than Python 3.11. Name a newer one: make setup PYTHON=python3.13")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@# Two packages install aws_cdk/cloud_assembly_schema. Reinstall aws-cdk-lib last, because its files must win.
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

check: .venv/ready  ## lint, strict types and import rules (seconds)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports

test: setup check  ## check, then unit, integration, infrastructure and end-to-end tests
	$(BIN)/pytest -n $(JOBS)

proof: setup  ## slow checks, with a summary: mutants, deployed stacks, others' tools, audit; STEPS="model audit" selects
	$(BIN)/python -m tests.proof $(STEPS)

audit: .build/audit/ready  ## look for known vulnerabilities in what ships, builds and tests; needs PyPI
	$(BIN)/python -m tests.audit

.build/audit/ready: requirements/audit.txt .venv/ready
	$(UV) venv --quiet --clear .build/audit
	$(UV) pip install --quiet --python .build/audit/bin/python --require-hashes -r requirements/audit.txt
	touch $@

faults: setup  ## let every AWS call of every path fail in every way (minutes)
	$(BIN)/pytest -n $(JOBS) --every-fault tests/faults

mutants: setup  ## break a copy of the code on purpose; each break must fail a test
	$(BIN)/python -m tests.mutants

demo: setup  ## show the main job on a local cloud, with commentary
	$(BIN)/python -m demo

playground: setup  ## keep the demo's local cloud up, to try every medic command; Ctrl-C ends it
	$(BIN)/python -m demo.playground

bench: setup .build/bench-environment/ready  ## measure every budget; BENCH="scan start" selects groups
	$(BIN)/python -m benchmarks $(BENCH)

.build/bench-environment/ready: requirements/bench.txt .venv/ready
	$(BIN)/python -m benchmarks.lambda_environment
	touch $@

.build/peer/ready: requirements/peer.txt .venv/ready
	$(UV) venv --quiet --clear .build/peer
	$(UV) pip install --quiet --python .build/peer/bin/python --require-hashes -r requirements/peer.txt
	touch $@
.build/peers/ready: requirements/peers.txt .venv/ready
	$(PYTHON) -m venv .build/peers
	$(UV) pip install --quiet --python .build/peers/bin/python --require-hashes -r requirements/peers.txt
	npm install --silent --no-save --prefix .build/peers $(foreach p,$(SECRETLINT),$(p)@11.7.1)
	touch $@
SECRETLINT := secretlint @secretlint/secretlint-rule-preset-recommend

.build/awscli/ready: requirements/awscli.txt .venv/ready
	$(UV) venv --quiet --clear .build/awscli
	$(UV) pip install --quiet --python .build/awscli/bin/python --require-hashes -r requirements/awscli.txt
	touch $@
.build/cdk/ready: Makefile
	npm install --silent --no-save --prefix .build/cdk aws-cdk-lib@2.275.0 constructs@10.8.1 typescript@5.9.3 @types/node@20.19.43 axe-core@4.14.1
	touch $@

package: .venv/ready .build/twine/ready  ## build wheel and sdist, install each, run the offline commands
	rm -rf .build/dist
	$(UV) build --quiet --no-build-isolation --out-dir .build/dist
	.build/twine/bin/twine check --strict .build/dist/*.whl .build/dist/*.tar.gz
	$(BIN)/python -m tests.package

.build/twine/ready: requirements/twine.txt .venv/ready
	$(UV) venv --quiet --clear .build/twine
	$(UV) pip install --quiet --python .build/twine/bin/python --require-hashes -r requirements/twine.txt
	touch $@

template: setup  ## write one template for StackSets: BUCKET_PREFIX=acme-medic [ORG_ID=o-…]
	$(BIN)/python -m infra.template --bucket-prefix "$(BUCKET_PREFIX)" --organisation "$(ORG_ID)"

sbom: .venv/ready .build/lambda-dependencies/ready  ## list what ships, with hashes (CycloneDX)
	$(BIN)/python -m infra.sbom

schemas: .venv/ready  ## generate docs/schemas from the types of the answers and events
	$(BIN)/python -m tests.schemas

gallery: .venv/ready  ## draw every kind of alert for the docs (needs Debian's chromium-headless-shell)
	$(BIN)/python -m tests.gallery

deploy: setup  ## deploy to the AWS account of your credentials
	npx cdk deploy

lock:  ## resolve and lock the newest versions of all requirements
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/uv.txt requirements/uv.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/dev.txt requirements/dev.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/emulator.txt requirements/emulator.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/bench.txt requirements/bench.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/peer.txt requirements/peer.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/peers.txt requirements/peers.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/awscli.txt requirements/awscli.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/twine.txt requirements/twine.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/audit.txt requirements/audit.in
	$(UV) pip compile -q --universal --python-version 3.11 $(LOCK) -o requirements/action.txt requirements/action.in
	$(UV) pip compile -q --python-platform aarch64-manylinux2014 --python-version 3.13 $(LOCK) \
	    -o requirements/lambda.txt requirements/lambda.in
LOCK := --generate-hashes --no-emit-index-url --no-header --upgrade

clean:  ## remove everything that setup, test and demo created
	rm -rf .venv .emulator .build node_modules cdk.out .cdkhome .pytest_cache .mypy_cache .ruff_cache .hypothesis
