# Modelport: `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CATALOGUE := console/locale/zh_Hans/LC_MESSAGES/django
# What is run is compiled once, not by each of many processes anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run test lint messages lock setup-test

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1:/p' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime $(CATALOGUE).mo  ## Install what the console needs into .venv

run: setup  ## Set everything up and start the console with its demo
	@echo "Starting the console…"
	@exec $(BIN)/python manage.py up

test: setup-test lint  ## Set everything up and pass every test
	$(BIN)/python -m pytest -n 3
	$(BIN)/python -m tests.postgres $(BIN)/python -m pytest -n 3 -m db

lint: setup-test  ## Style, types and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

messages: setup-test  ## Collect the strings of both languages into the catalogue
	$(BIN)/python manage.py makemessages --locale zh_Hans --no-obsolete --no-wrap --add-location file --ignore 'tests/*' --ignore '.venv/*' --ignore 'var/*'

lock:  ## Compile the requirement files anew
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header --no-emit-index-url --python-version 3.11 --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

setup-test: setup $(VENV)/.development
	@tests/install-system-packages

$(BIN)/uv: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Modelport needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make virtual environments. Run: apt-get install python3-venv" >&2; exit 2; }
	@echo "Setting up $(VENV) (once; about half a minute on a good line)…"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[0-9.]*\).*/\1/p' requirements.txt)"
	@touch $@

$(VENV)/.runtime: requirements.txt | $(BIN)/uv
	@echo "Installing what the console needs…"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt | $(BIN)/uv
	@echo "Installing what the tests need…"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

$(CATALOGUE).mo: $(CATALOGUE).po $(VENV)/.runtime
	@$(BIN)/pybabel --quiet compile --domain django --directory console/locale
	@touch $@
