# Every target works as the first command in a fresh clone: python3 (>= 3.11) and make are enough.
# Each recipe is one line that can be pasted into a shell from this directory.

PYTHON ?= python3
IMAGE ?= hedgebot
ARGS ?=
SEEDS ?= 200
DAY ?= ../shared/data/history/deribit_orderbook_5min_2023-04
WIRE ?=
FAULTS ?= $(if $(WIRE),heavy,storm)

BIN := .venv/bin
STAMP := .venv/installed.stamp
FAST := $(wildcard tests/unit tests/property tests/arch tests/golden tests/reference)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test web-test ray-test pictures clients real-day lint check soak soak-month mutants bench docs bands validation tactics image lock image-test deploy-test clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 18

demo: $(STAMP) ## start an exchange and a bot on this machine and watch it hedge (ARGS="--seconds 45 --json")
	$(BIN)/hedgebot demo $(ARGS)

test: $(STAMP) ## every test a fresh clone can run (ARGS="-k name"), in twice as many processes as cores
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

web-test: $(STAMP) ## dashboard and report in a real Chromium (PICTURES=DIR keeps what it looked like)
	$(BIN)/python -m pytest -m browser tests/browser $(ARGS)

ray-test: $(STAMP) ## sweeps on a Ray cluster of two workers (installs the extra ray, 260 MB)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[ray]' && $(BIN)/python -m pytest -m ray tests/ray $(ARGS)

pictures: $(STAMP) ## the pictures of the README: a demo on a terminal, the dashboard in a Chromium (minutes)
	$(BIN)/python tests/browser/pictures.py

clients: $(STAMP) ## what tests of clients in other runtimes need, in .clients (1 GB); make test skips them without it
	$(BIN)/python tests/integration/clients/install.py

lint: $(STAMP) ## format, lint, types, layers
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

check: lint ## lint, then the fast tests: run before each commit
	$(BIN)/python -m pytest -q $(FAST) $(ARGS)

soak: $(STAMP) ## SEEDS virtual worlds with faults, on all cores (SEEDS=1000 FAULTS=storm ARGS="--first 5000"; WIRE=1: with sockets)
	$(BIN)/python -m bot soak --seeds $(SEEDS) --faults $(FAULTS) $(if $(WIRE),--wire) $(ARGS)

soak-month: $(STAMP) ## thirty virtual days in one process: memory, files, ledger and log must not grow (ARGS="--days 8 --seed 2")
	$(BIN)/python -m bot soak-month $(ARGS)

mutants: $(STAMP) ## plant bugs one at a time and soak until each is found, into docs/explanation/mutants.md (ARGS=--known)
	$(BIN)/python tests/sim/mutants.py $(ARGS)

bench: $(STAMP) ## speed: ratios within one run, reported, never asserted
	for file in tests/bench/bench_*.py; do echo "== $$file"; $(BIN)/python $$file $(ARGS) || exit 1; done

tactics: $(STAMP) ## what each tactic costs at equal residual variance, into docs/explanation/tactics.md (ARGS="--seeds 14 --first 1")
	$(BIN)/python tests/sim/compare_tactics.py --write $(ARGS)

docs: $(STAMP) ## write the generated part of docs/reference again, and build the documentation as pages into site/
	$(BIN)/python -m bot reference docs/reference && $(BIN)/mkdocs build --strict --quiet $(ARGS)

bands: $(STAMP) ## measure the band policies again and write docs/explanation/bands.md (minutes)
	$(BIN)/python -m bot bands docs/explanation/bands.md

validation: $(STAMP) ## reproduce theory and published tables into docs/explanation/validation.md; fails where a figure is off (minutes)
	$(BIN)/python -m bot validate docs/explanation/validation.md $(ARGS)

real-day: $(STAMP) ## backtest portfolios on a recorded day (DAY=FOLDER) and write docs/explanation/real-day.md (minutes)
	$(BIN)/python -m bot real-day docs/explanation/real-day.md --tape $(DAY)

image: ## container image, with docker, podman or buildah (IMAGE=name CONTAINER=podman BASE_IMAGE=... RESEARCH=1: a second tag, with what studies need)
	CONTAINER=$(CONTAINER) BASE_IMAGE=$(BASE_IMAGE) $(PYTHON) deploy/image.py build --tag $(IMAGE) $(if $(RESEARCH),--research) $(ARGS)

lock: ## pin every file of the image by its hash again, by constraints.txt (needs uv)
	for more in '' 'research'; do printf 'setuptools>=77\n' | uv pip compile --quiet pyproject.toml - --extra alerts --extra postgres $${more:+--extra $$more} --universal --python-version 3.11 -c constraints.txt --generate-hashes --no-annotate --no-header -o deploy/$${more:-requirements}.lock || exit 1; done

image-test: ## build the image where no registry is, run it in every mode, end it (needs podman runc debootstrap and root; ARGS=--research)
	$(PYTHON) deploy/image.py test $(ARGS)

deploy-test: $(STAMP) ## try rules, dashboard and alerts with a real Prometheus and Alertmanager (needs both installed)
	$(BIN)/python -m pip install --quiet kubernetes-validate
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m deploy tests/deploy $(ARGS)
	$(BIN)/python deploy/trial.py

clean: ## remove what make and the tools created; runs/ and var/ stay
	rm -rf .venv .clients .peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage build dist site *.egg-info

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("hedgebot needs Python 3.11 or newer, this is %d.%d: try make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(STAMP)
