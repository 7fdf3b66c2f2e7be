# Every target sets up what it needs; the second time that is quick.
.PHONY: setup demo test check chaos alerts bench
.DEFAULT_GOAL := demo

VENV := .venv
BIN := $(VENV)/bin
DEPENDENCIES := $(VENV)/.dependencies
JARS := $(VENV)/.jars

setup: $(JARS)

$(DEPENDENCIES): requirements.lock pyproject.toml infra/bootstrap.sh
	@infra/bootstrap.sh $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(JARS): $(DEPENDENCIES) infra/pom.xml
	$(BIN)/python -m infra.jars
	@touch $@

demo: setup
	$(BIN)/tonnage demo

test: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Long: ten seeds, each fault at least once in each. CHAOS_SEEDS and CHAOS_FAULTS say otherwise.
chaos: export CHAOS_SEEDS ?= 1,2,3,4,5,6,7,8,9,10
chaos: export CHAOS_FAULTS ?= 22
chaos: export CHAOS_AWAY_SECONDS ?= 60
chaos: setup
	$(BIN)/python -m pytest tests/chaos


# Every alert is made to fire, and to stop.
alerts: export ALERTS = all
alerts: setup
	$(BIN)/python -m pytest tests/alerts

# Long: each figure, three rounds. BENCH names some alone: `make bench BENCH="freshness burst"`.
bench: setup
	$(BIN)/tonnage bench $(BENCH)
