# Two commands for a new machine: `make run` and `make test`. Both make .venv first, once.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed-by-lock
PACK ?= ../shared
VERSION ?= 2.0.0

.PHONY: run test lint audit bench kill faults fuzz model lock clean help

help:  ## Say what can be made.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

run: $(INSTALLED)  ## Start the daemon on inbox/ and sorted/, with config/refundsorter.yaml.
	$(BIN)/refundsorter run

test: $(INSTALLED) lint  ## Check and test everything, JOBS=2 files at a time.
	$(BIN)/python -m pytest --numprocesses $(or $(JOBS),2) --dist loadfile

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: $(INSTALLED)  ## Hold what is pinned against known weaknesses (needs the network; says so without).
	$(BIN)/python tests/audit.py

bench: $(INSTALLED)  ## Measure the budgets beside their references.
	$(BIN)/python -m tests.benchmarks

kill: $(INSTALLED)  ## Kill a sweep at random moments and take the account: FILES=5000 KILLS=50 SEED=1.
	$(BIN)/python tests/faults/kill.py --files $(or $(FILES),5000) --kills $(or $(KILLS),50) --seed $(or $(SEED),1)

faults: $(INSTALLED)  ## Break sorting in every way until the time is over, and take the accounts: SEED=1 BUDGET=600.
	$(BIN)/python tests/faults/bench.py --seed $(or $(SEED),1) --budget $(or $(BUDGET),600)

fuzz: $(INSTALLED)  ## Feed it damaged photos, settings, names and journals: SECONDS=600 SEED=1.
	$(BIN)/python tests/faults/fuzz.py --seconds $(or $(SECONDS),600) --seed $(or $(SEED),1)

model: $(INSTALLED)  ## Train, measure and bundle the default model anew (needs the data pack): PACK=../shared VERSION=2.0.0.
	$(BIN)/refundsorter train $(PACK)/data --name retail --version $(VERSION) --out models \
	  --base $(PACK)/weights/mobilenet_v2_1.0_224_no_top.weights.h5 \
	  --base-source "Keras Applications, trained on ImageNet" \
	  --prior $(PACK)/weights/imagenet_head_1001.npz --measure-on $(PACK)/data/external.csv

lock:  ## Choose and pin the newest allowed versions (needs uv).
	uv pip compile pyproject.toml --extra all --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --upgrade --output-file requirements.lock

clean:  ## Remove what was installed and cached; photos and ledger stay.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

# Installed anew only when the lock file or the package's metadata has changed.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "refundsorter needs Python 3.11 or newer; say which with: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing the pinned packages; TensorFlow, for training, is most of it (a few minutes, once)."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q refundsorter
	@touch $@
