# Benchpad. `make` alone shows the targets. Everything runs in .venv, which the first target sets up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEMO_OUT ?= demo-out
FUZZ_SECONDS ?= 300
FUZZ_EXAMPLES ?= 20000
SOAK_HOURS ?= 24
SOAK_SEED ?= 0
NATIVE := $(wildcard native/*.py native/src/*.c native/src/*.h native/src/*.inc)

.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-peers lint types fuzz soak clean

help: ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target text; do \
		printf '  make %-12s %s\n' "$$target" "$$text"; done

# The machine must have what a set-up cannot bring: each check says what is missing and how to get it.
$(STAMP): pyproject.toml setup.py $(NATIVE)
	@command -v $(PYTHON) >/dev/null || { \
		echo "Benchpad needs Python 3.11 or later: install python3 (Debian: apt install python3 python3-dev python3-venv), or name one with make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Benchpad needs Python 3.11 or later, and $(PYTHON) is $$($(PYTHON) -V 2>&1): name a newer one with make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module: install it (Debian: apt install python3-venv)" >&2; exit 2; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || { \
		echo "The headers of $(PYTHON) are missing: install them (Debian: apt install python3-dev)" >&2; exit 2; }
	@command -v $${CC:-cc} >/dev/null || { \
		echo "There is no C compiler: install one (Debian: apt install gcc)" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## build a demo card, boot it, play it, and show what happened
	@$(BIN)/benchpad demo --out $(DEMO_OUT)
	@echo "(benchpad is $(BIN)/benchpad; 'source $(BIN)/activate' makes it benchpad.)"
	@echo "Play the demo card:  $(BIN)/benchpad play $(DEMO_OUT)/card.img"

test: $(STAMP) ## run the tests
	@$(BIN)/python -m pytest

bench: $(STAMP) ## measure the figures that the project promises
	@$(BIN)/python -m pytest benchmarks -o python_files='bench_*.py' --quiet --benchmark-quiet

bench-peers: $(STAMP) ## the same beside FluidSynth, scsynth, mcopy and pyfatfs, where installed
	@$(BIN)/python -m pytest benchmarks/bench_peers.py benchmarks/bench_filling.py -o python_files='bench_*.py' --quiet --benchmark-quiet

lint: $(STAMP) ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict
	@$(BIN)/mypy

fuzz: $(STAMP) ## look for bad input that is not handled; FUZZ_SECONDS=300, FUZZ_EXAMPLES=20000
	@$(BIN)/python tests/fuzz/fuzz_formats.py --examples $(FUZZ_EXAMPLES)
	@$(BIN)/python tests/fuzz/fuzz_mount.py $(FUZZ_SECONDS)
	@$(BIN)/python tests/fuzz/fuzz_repair.py $(FUZZ_SECONDS)
	@$(BIN)/python tests/fuzz/fuzz_midi.py $(FUZZ_SECONDS)
	@$(BIN)/python tests/fuzz/fuzz_fix.py $(FUZZ_SECONDS)

soak: $(STAMP) ## a simulated day of random playing and faults, on the demo's card; SOAK_HOURS=24, SOAK_SEED=0
	@test -e $(DEMO_OUT)/card.img || $(BIN)/benchpad demo --out $(DEMO_OUT) >/dev/null
	@$(BIN)/benchpad soak $(DEMO_OUT)/card.img --hours $(SOAK_HOURS) --seed $(SOAK_SEED)

clean: ## remove the set-up, the built engine and the demo
	rm -rf $(VENV) build dist demo-out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	rm -f native/_native.c native/_native*.so native/_native*.o
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
