# Set-up and the commands a person types. Everything runs from .venv; nothing else needs installing.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
READY := $(VENV)/ready
# The tests' S3 server has pins that DVC's do not agree with.
S3_VENV := $(VENV)/s3
S3_READY := $(S3_VENV)/ready
# Only on Linux and Pythons for which atheris has a wheel.
FUZZ_VENV := $(VENV)/fuzz
FUZZ_READY := $(FUZZ_VENV)/ready
# Of each reader.
SECONDS ?= 10
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1

.DEFAULT_GOAL := help
.PHONY: help results test test-slow drills fuzz lint format bench bench-scaling

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.lock
	@echo "setting up $(VENV) (once, some minutes) ..."
	@$(PYTHON) -m venv $(VENV)
	@pip install -qq --disable-pip-version-check -r requirements.lock
	@touch $@

$(S3_READY): requirements-s3.lock
	@echo "setting up $(S3_VENV), the tests' S3 server (once) ..."
	@$(PYTHON) -m venv $(S3_VENV)
	@$(S3_VENV)/bin/pip install -qq --disable-pip-version-check -r requirements-s3.lock
	@touch $@

$(FUZZ_READY): requirements.lock requirements-fuzz.lock
	@echo "setting up $(FUZZ_VENV), for fuzzing (once, some minutes) ..."
	@$(PYTHON) -m venv $(FUZZ_VENV)
	@$(FUZZ_VENV)/bin/pip install -qq --disable-pip-version-check -r requirements-fuzz.lock
	@touch $@

# cluster.repro is dvc repro after a look at dvc.lock, which a kill may have cut.
results: $(READY)  ## Set up .venv, then rebuild every result (dvc repro) on the synthetic twin
	python -m cluster.repro

test: $(READY) $(S3_READY)  ## Run the tests (under 15 minutes on two cores)
	python -m pytest -m "not slow"

test-slow: $(READY) $(S3_READY)  ## Run the tests that `make test` leaves out
	python -m pytest -m "slow and not drill"

drills: $(READY) $(S3_READY)  ## Kill workers, nodes, heads, dvc and disks, and print what came of it
	python -m pytest -m drill -s

fuzz: $(FUZZ_READY)  ## Feed damaged files to every reader, guided by coverage, SECONDS=10 each
	$(FUZZ_VENV)/bin/python -m tests.fuzz.guided --seconds $(SECONDS)

lint: $(READY)  ## Check format, lint, types and the layers
	ruff format --check .
	ruff check .
	mypy
	lint-imports

format: $(READY)  ## Rewrite the code in the project's format
	ruff format .
	ruff check --fix .

bench-scaling: $(READY)  ## Measure training on workers, ingest, and what would saturate on eight GPUs
	python -m benchmarks scaling ingest capacity --threads 1

bench: $(READY)  ## Measure speed and memory, as ratios to this machine's own peak
	python -m benchmarks
