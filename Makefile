# Everything a developer or a newcomer types. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
ifdef PIP_FIND_LINKS
# wheels that pip is told of, uv may use too
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
endif
unexport PYTHONDONTWRITEBYTECODE # without compiled modules every process of the tests starts seconds later
.PHONY: help setup test collect quick lint heavy install-check docs campaign campaign-ibkr campaign-kill tick-day download-kills campaign-models api-fuzz feed-campaign feed-fuzz journal-fire simulation simulation-sweep simulation-bugs soak scenario referees conformance bench bench-peers data demo demo-check screenshots clean

VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest
READY := $(VENV)/.livetrader-$(shell sha256sum pyproject.toml | cut -c1-12)
KILLS ?= 300
WORKERS ?= 5 # tests at once, on two cores: the long ones wait for processes
INSTALL ?= --editable .

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with the package (editable) and the developer tools

# Uses uv where it is installed; otherwise pip, whose --group needs 25.1. Debian keeps `venv` in a package of its own.
$(READY): pyproject.toml
	@if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then \
	  [ -x $(BIN)/python ] || uv venv --quiet --python '>=3.11' $(VENV); \
	  uv pip install --quiet --python $(BIN)/python $(INSTALL) --group dev; \
	else \
	  if ! python3 -c 'import ensurepip' 2>/dev/null; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	      apt-get update -qq </dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv </dev/null; \
	    else echo "python3 has no venv module: install python3-venv (Debian, Ubuntu) or uv, then try again" >&2; exit 1; fi; \
	  fi; \
	  [ -x $(BIN)/python ] || python3 -m venv $(VENV); \
	  $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check $(INSTALL) --group dev; \
	fi
	@rm -f $(VENV)/.livetrader-*; touch $@

test: setup ## everything: format, lint, types, import contracts, all tests (wheel content among them)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint collect
	$(PYTEST) -n $(WORKERS) --dist worksteal

collect: setup # pytest compiles each test module anew: once now, beside the lint, or later in every worker
	@found=$$($(PYTEST) --collect-only -q 2>&1) || { tail -n 60 <<<"$$found"; exit 1; }

quick: setup ## the fast tests only (no real processes, no systemd)
	$(BIN)/ruff check .
	$(PYTEST) -m "not slow" -q

lint: setup ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

HEAVY ?= .venv-heavy
TORCH ?= torch==2.13.0
heavy: ## tests that need torch, TensorFlow, XGBoost, the model formats or JupyterLab, in a venv of their own (3 GB)
	@$(MAKE) --no-print-directory setup VENV=$(HEAVY) INSTALL='--editable .[ml,research,s3] $(TORCH) --group s3-server'
	$(HEAVY)/bin/pytest -m heavy

install-check: ## install the package with pip and, where present, with uv, each into a fresh venv, and run it
	.ci/install-check

docs: setup ## write diagrams, lists of files and the hostile week in docs/ again from the code
	$(BIN)/python docs/diagrams.py
	$(BIN)/python docs/grafana.py
	$(BIN)/python docs/reference.py
	$(BIN)/python -m tests.simulation.hostile.document

campaign: setup ## the full kill -9 campaign: 300 engine and 300 daemon kills under order load
	LIVETRADER_CAMPAIGN_KILLS=$(KILLS) $(PYTEST) tests/campaign -q -s -k 'not interactive_brokers and not finds_a_daemon' --timeout 7200

campaign-ibkr: KILLS = 2000
campaign-ibkr: setup ## kill -9 of 2,000 daemons that trade through TWS, with orders up to 5 s on their way
	LIVETRADER_IBKR_KILLS=$(KILLS) $(PYTEST) tests/campaign -q -s -k 'interactive_brokers' --timeout 36000

campaign-kill: RUNS = 23
campaign-kill: setup ## the kill switch against 50 positions and 50 orders through TWS, ten crimes, $(RUNS) times each
	LIVETRADER_KILL_RUNS=$(RUNS) LIVETRADER_KILL_LANES=1 LIVETRADER_KILL_LIMIT_S=10 $(PYTEST) tests/kill_campaign -q -s --timeout 36000

CUTS ?= 1000
journal-fire: setup ## cut the power under the journal a thousand times, fail its disk in every operation, damage its file
	LIVETRADER_JOURNAL_CUTS=$(CUTS) $(PYTEST) tests/journal_fire -q -s --timeout 600

SEEDS ?= 200
simulation: setup ## 200 simulated trading weeks in virtual time: faults, crashes, power cuts; SEEDS=n START=n
	$(BIN)/python -m tests.simulation run --seeds $(SEEDS) --start $(or $(START),0)

simulation-sweep: setup ## a crash of the daemon at every boundary of the simulated stories
	$(BIN)/python -m tests.simulation sweep

simulation-bugs: setup ## plant bugs, one at a time: the simulation has to find each within 200 weeks
	$(BIN)/python -m tests.simulation bugs --days 2

FRAMES ?= 700000
ANSWERS ?= 300000
api-fuzz: REQUESTS = 200000
api-fuzz: setup ## $(REQUESTS) requests to the control API of a trading daemon, by its OpenAPI document, as everybody
	LIVETRADER_API_REQUESTS=$(REQUESTS) $(PYTEST) tests/api_fuzz -q -s --timeout 7200

feed-fuzz: setup ## a million spoiled frames and answers against the feeds and histories of Polygon and Alpha Vantage
	$(BIN)/python -m tests.fuzz --frames $(FRAMES) --answers $(ANSWERS) --seed $(or $(START),1)

feed-campaign: RUNS = 500
feed-campaign: setup ## $(RUNS) seeded outages and silences against the chain of feeds, in time that jumps
	$(BIN)/python -m tests.feed_campaign --runs $(RUNS) --start $(or $(START),0)

tick-day: setup ## a day of ticks of 100 stocks in bad weather through Polygon's feed: every bar is the tape's, or named
	LIVETRADER_TICK_DAY=1 $(PYTEST) tests/polygon/test_tick_day.py -q -s

download-kills: KILLS = 30
download-kills: setup ## kill -9 and Ctrl-C at random instants of a download: it goes on, and every file is whole
	DOWNLOAD_KILLS=$(KILLS) $(PYTEST) tests/histories/test_commands.py -q -s -k killed

campaign-models: KILLS = 200
campaign-models: setup ## kill -9 at 200 random instants around save, promote and rollback of models
	LIVETRADER_CAMPAIGN_KILLS=$(KILLS) $(PYTEST) tests/models_campaign -q -s --timeout 7200

HOURS ?= 8
SPEED ?= 100
SOAK_OUTPUT ?= build/soak
soak: setup ## 8 hours of paper trading at 100x: memory, descriptors, threads and loop lag stay; HOURS=n SPEED=n
	LIVETRADER_SOAK_HOURS=$(HOURS) LIVETRADER_SOAK_SPEED=$(SPEED) LIVETRADER_SOAK_OUTPUT=$(SOAK_OUTPUT) $(PYTEST) tests/soak -q -s

scenario: setup ## crime x trigger: every row must end flat and latched
	$(PYTEST) tests/scenario -v

REFEREES ?= .venv-referees
referees: setup ## IB's own Python client and a Node client judge the TWS peer; what is not installed is skipped
	@[ -x $(REFEREES)/bin/python ] || $(BIN)/python -m venv $(REFEREES)
	@$(REFEREES)/bin/python -c 'import ibapi' 2>/dev/null || $(REFEREES)/bin/python -m pip install --quiet ibapi-latest || true
	@if command -v npm >/dev/null && [ ! -d $(REFEREES)/node/node_modules ]; then \
	  npm install --silent --no-fund --no-audit --prefix $(REFEREES)/node @stoqey/ib || true; fi
	$(BIN)/python -m tests.venues.referees.run --python $(REFEREES)/bin/python --node $(REFEREES)/node

LEAN ?= ../Lean
conformance: setup ## compare with the figures LEAN publishes: LEAN=checkout [DATA=data folder] [ONLY="Class ..."]
	$(BIN)/python bench/conformance.py --lean $(LEAN) $(if $(DATA),--data $(DATA)) $(ONLY)

bench: setup ## measure idle memory, start to READY, and bars a second of a backtest
	$(BIN)/python bench/idle.py
	$(BIN)/python bench/throughput.py

bench-peers: setup ## our engine, NautilusTrader, backtrader, zipline-reloaded, backtesting.py: the same work
	$(BIN)/python bench/compare.py

data: setup ## write twelve years of daily sample prices in LEAN's format into data/
	$(BIN)/python examples/demo/make_data.py data

demo: setup ## the daemon on paper over replayed prices, with a live view; Ctrl-C ends it
	$(BIN)/python examples/demo/run.py

demo-check: setup ## a short slice of the demo without a terminal; fails unless a fill was seen
	$(BIN)/python examples/demo/run.py --check

PICTURES ?= .screenshots
screenshots: setup ## a picture of every page of the dashboard, two themes, two widths: PICTURES=folder
	$(BIN)/python -m tests.dashboard.screenshots $(PICTURES)

clean: ## remove what the targets above made
	rm -rf .venv .venv-heavy .venv-referees .demo .screenshots build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
