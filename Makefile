# Needs Python 3.11 or newer and make; everything else goes into .venv, once for each purpose.
# PYTHON=... chooses the interpreter, ARGS=... goes to the program that a target runs.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
NAME ?=
JOBS ?= 2
KILLS ?= 200
SEEDS ?= 1000
FROM ?= 0
SECONDS ?= 60
QUICK ?=

# As pip does for what it does not install as editable. Where Python is told to write no bytecode,
# each start would compile everything again, in 0.15 s.
COMPILE = $(BIN)/python -m compileall -q ledger_actors supervision

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help run shell demo test pykka-suite torture fuzz simulate chaos lint types format bench clean

help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

run: $(VENV)/.run  ## start the daemon in the foreground, on ./data
	@exec $(BIN)/ledger-actors start --take-terminal $(ARGS)

shell: $(VENV)/.shell  ## a Python shell with `ledger` connected to the daemon
	@exec $(BIN)/ledger-actors shell $(ARGS)

demo: $(VENV)/.run  ## watch things crash and come back; NAME=... for one of them
	@exec $(BIN)/ledger-actors demo $(NAME) $(ARGS)

test: $(VENV)/.test  ## run the tests, on two processes; JOBS=0: on one
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

pykka-suite: $(VENV)/.test $(VENV)/.dev  ## run Pykka's own suite against our actors
	$(BIN)/python -m pytest -m pykka_suite tests/conformance/external $(ARGS)

torture: $(VENV)/.test  ## kill -9 a daemon under load, KILLS=200 times, and check that nothing is lost
	$(BIN)/python -m tests.torture --kills $(KILLS) $(ARGS)

fuzz: $(VENV)/.fuzz  ## bad input for every decoder, guided by coverage; SECONDS=60
	$(BIN)/python -m fuzz $(SECONDS)

simulate: $(VENV)/.test  ## a ledger on one seeded scheduler, SEEDS=1000 times from FROM=0
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --from $(FROM) $(ARGS)

chaos: SECONDS := 600
chaos: $(VENV)/.test  ## kills, crashes and hangs at every node of the tree under load, SECONDS=600
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) $(ARGS)

lint: $(VENV)/.dev  ## check style (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## check types (mypy, strict)
	$(BIN)/mypy

format: $(VENV)/.dev  ## repair what ruff can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench  ## measure how fast it is, beside peers; QUICK=1: in under two minutes
	@$(COMPILE) || true
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) --out build/benchmarks.md $(ARGS)

clean:  ## remove what was built and installed here; never ./data
	rm -rf $(VENV) .fuzz build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say what is installed; a change of setup.cfg installs again.
$(BIN)/python:
	@python="$(PYTHON)"; \
	for candidate in $${python:-python3 python3.14 python3.13 python3.12 python3.11 python}; do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "making $(VENV) with $$($$candidate --version)"; \
	    $$candidate -m venv $(VENV) && exit 0; \
	    rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	echo "Python 3.11 or newer is needed; make PYTHON=/path/to/python3 ... chooses one" >&2; exit 1

$(VENV)/.run: EXTRAS :=
$(VENV)/.shell: EXTRAS := [shell]
$(VENV)/.test: EXTRAS := [test]
$(VENV)/.bench: EXTRAS := [bench]
$(VENV)/.dev: EXTRAS := [dev]
$(VENV)/.fuzz: EXTRAS := [fuzz]
STAMPS := $(addprefix $(VENV)/.,run shell test bench dev fuzz)
$(STAMPS): setup.cfg setup.py | $(BIN)/python
	@echo "installing ledger-actors$(EXTRAS) into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 \
	  --editable '.$(EXTRAS)'
	@$(COMPILE) || true
	@touch $@
