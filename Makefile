# Each target sets up its own .venv from a bare checkout (python3 and make are enough).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCALE ?= zh-Hant
SEED ?= $(shell date +%Y-%m-%d)
ON_POSTGRES := tests/test_amendments.py tests/test_closed_loop.py tests/test_golden.py

# compiled once, not in every process
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all test-some check bench docs clean

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(VENV)/.bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	touch $@

demo: $(VENV)/.installed  ## an invented company's workspace in ./demo, files of all three sources, and a run
	$(BIN)/fbbatch demo demo --locale $(LOCALE)

test: $(VENV)/.installed  ## the tests, without the slow ones
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

test-all: $(VENV)/.installed  ## all tests, and those of the ledger on PostgreSQL as well
	$(BIN)/python -m pytest -n auto
	$(BIN)/python -m pytest -n auto --postgres $(ON_POSTGRES)

test-some: $(VENV)/.installed  ## a tenth of the slow tests, drawn by SEED
	$(BIN)/python -m pytest -n auto -m slow --one-in 10 --seed "$(SEED)"
	$(BIN)/python -m pytest -n auto --one-in 10 --seed "$(SEED)" --postgres $(ON_POSTGRES)

check: $(VENV)/.installed  ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench  ## ratios against peers measured side by side in one run
	$(BIN)/python -m benchmarks

docs: $(VENV)/.installed  ## the generated key reference and the JSON Schemas for editors
	$(BIN)/python -m fbbatch.schema.reference

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache
