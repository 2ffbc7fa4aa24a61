# Everything a contributor runs. Each target makes .venv first if it is not there.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
INSTALLED := .venv/.installed
PYTHONS := python3.11 python3.12 python3.13 python3
# Where `make gen` writes: here, or a scratch folder that `make check` compares with what is committed.
OUT ?= .
STUBS := $(OUT)/server/oversight/v1
TYPED := server clients/python docs tests
PROTOC := $(BIN)/python -m grpc_tools.protoc -Iproto \
	--plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc

.PHONY: help venv serve test coverage test-e2e check gen fmt bench constraints release-contract
.PHONY: check-format check-lint check-types check-layers check-proto check-generated check-rules check-image

help: ## Show this list.
	@sed -nE 's/^([a-z][a-z0-9-]*):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | column -t -s $$'\t'

venv: $(INSTALLED) ## Make .venv with what constraints.txt names.

$(INSTALLED): pyproject.toml constraints.txt
	@for name in $(PYTHONS); do \
		if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
		echo "No Python 3.11 or later was found (looked for: $(PYTHONS)). Install one and run make again." >&2; exit 1; \
	fi; \
	[ -x $(BIN)/python ] || $$python -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[server,parquet,dev]'
	@touch $@

serve: $(INSTALLED) ## Start the service on 127.0.0.1:50051; flags in ARGS="...".
	@exec $(BIN)/oversight serve $(ARGS)

# Tests of processes wait a lot: three at a time keep two CPUs busy. A file's tests stay in order and in one process.
ALL_TESTS := -n 3 --dist loadfile --no-loadscope-reorder

test: $(INSTALLED) ## Run every test, three at a time; a selection in ARGS="...", one at a time.
	$(BIN)/python -m pytest $(or $(ARGS),$(ALL_TESTS))

# Apart from `test`: watching every line makes each of the processes that tests start half as fast.
coverage: $(INSTALLED) ## Run every test and fail where too few branches were taken (25 minutes).
	$(BIN)/python -m pytest --cov --cov-report= $(ALL_TESTS)
	$(BIN)/coverage report --include='*/oversight/engine/*,*/oversight/feedback/*' --fail-under=100
	$(BIN)/coverage report --fail-under=90

test-e2e: $(INSTALLED) ## Inject every fault and print what was missing or twice (12 minutes).
	$(BIN)/python -m pytest tests/e2e -k fault --long $(ARGS)

check: check-format check-lint check-types check-layers check-proto check-generated check-rules check-image ## Check everything but the tests.

check-format: $(INSTALLED)
	$(BIN)/ruff format --check
	$(BIN)/buf format --diff --exit-code

check-lint: $(INSTALLED)
	$(BIN)/ruff check

check-types: $(INSTALLED)
	$(BIN)/mypy $(TYPED)

check-layers: $(INSTALLED)
	$(BIN)/lint-imports

check-proto: $(INSTALLED)
	$(BIN)/buf lint
	$(BIN)/buf breaking --against proto/released.binpb

check-generated: $(INSTALLED)
	@scratch=$$(mktemp -d); trap 'rm -r "$$scratch"' EXIT; $(MAKE) -s gen OUT="$$scratch"; \
	diff -ru --exclude=__pycache__ --exclude=__init__.py server/oversight/v1 "$$scratch/server/oversight/v1" && \
	diff -u policy_rules/policy.schema.json "$$scratch/policy_rules/policy.schema.json" && \
	diff -u docs/api.md "$$scratch/docs/api.md" || \
	{ echo "Generated files differ from their sources (above): run 'make gen' and commit the result." >&2; exit 1; }

check-rules: $(INSTALLED)
	$(BIN)/oversight check policy_rules
	$(BIN)/oversight test policy_rules

check-image: $(INSTALLED)
	$(BIN)/hadolint Dockerfile

gen: $(INSTALLED) ## Regenerate the stubs, the rule schema and docs/api.md.
	$(BIN)/buf build
	@mkdir -p $(STUBS) $(OUT)/policy_rules $(OUT)/docs
	@rm -f $(STUBS)/*_pb2*
	$(PROTOC) --python_out=$(OUT)/server --mypy_out=quiet:$(OUT)/server proto/oversight/v1/*.proto
	$(PROTOC) --grpc_python_out=$(OUT)/server --mypy_grpc_out=quiet:$(OUT)/server proto/oversight/v1/*_service.proto
	$(BIN)/python -m oversight.rules.schema $(OUT)/policy_rules/policy.schema.json
	$(BIN)/buf build -o - | $(BIN)/python docs/generate_api.py > $(OUT)/docs/api.md

fmt: $(INSTALLED) ## Format and mend what can be mended by itself.
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	$(BIN)/buf format --write

bench: $(INSTALLED) ## Measure every target and write docs/performance.md (20 minutes); a part: ARGS="--only unary".
	PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

constraints: ## Rewrite constraints.txt with the newest versions that pyproject.toml allows.
	@scratch=$$(mktemp -d); trap 'rm -r "$$scratch"' EXIT; \
	$(BIN)/python -m venv "$$scratch"; \
	"$$scratch/bin/pip" install --quiet --disable-pip-version-check -e '.[server,parquet,dev]'; \
	{ echo "# Exact versions for a reproducible set-up. Written by 'make constraints'; do not edit."; \
	"$$scratch/bin/pip" freeze --exclude-editable; } > constraints.txt

release-contract: $(INSTALLED) ## At a release only: what 'buf breaking' compares with from now on.
	$(BIN)/buf build --exclude-source-info -o proto/released.binpb
