# Two commands matter: `make run` and `make test`. `make help` lists the others.

HOST ?= 127.0.0.1
PORT ?= 8000
PYTHON ?= python3
export HOST PORT

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUNTIME := $(VENV)/.installed-runtime
KERNELS := $(VENV)/.compiled-kernels
DEVELOPMENT := $(VENV)/.installed-development
TEMPLATES = $$(git ls-files --cached --others --exclude-standard '*.html')
ARGS ?=
# How many processes share the tests, many of which wait; 0 is pytest alone.
WORKERS ?= 2
FUZZ_MINUTES ?= 10

.PHONY: help run test fuzz bench check format lock

help:
	@echo "make run     install, migrate and serve at http://$(HOST):$(PORT)/"
	@echo "make test    install what tests need and run them all (ARGS=… goes to pytest,"
	@echo "             WORKERS=0 takes one process instead of two)"
	@echo "make fuzz    make up other calls than the tests do (FUZZ_MINUTES=10)"
	@echo "make bench   measure speed and memory (ARGS=--quick only sees that it works)"
	@echo "make check   format, lint, types, import contracts, templates, migrations"
	@echo "make format  rewrite the code the way make check wants it"
	@echo "make lock    renew constraints.txt from requirements*.txt"

run: $(RUNTIME) $(KERNELS)
	@exec $(BIN)/python -m neuro_site

test: $(DEVELOPMENT) $(KERNELS)
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile \
	  --no-loadscope-reorder $(ARGS)

fuzz: $(DEVELOPMENT) $(KERNELS)
	FUZZ_MINUTES=$(FUZZ_MINUTES) $(BIN)/python -m pytest e2e/test_schemathesis.py $(ARGS)

bench: $(DEVELOPMENT) $(KERNELS)
	$(BIN)/python -m bench $(ARGS)

check: $(DEVELOPMENT)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djade --check --target-version 5.2 $(TEMPLATES)
	$(BIN)/djhtml --check --tabwidth 2 $(TEMPLATES)
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING

format: $(DEVELOPMENT)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	-$(BIN)/djade --target-version 5.2 $(TEMPLATES)
	-$(BIN)/djhtml --tabwidth 2 $(TEMPLATES)

lock:
	$(PYTHON) -m venv --clear $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet -r requirements-dev.txt
	sed -i '/^[^#]/d' constraints.txt
	$(VENV)-lock/bin/pip freeze | sed 's/+cpu$$//' >> constraints.txt
	rm -r $(VENV)-lock

$(RUNTIME): requirements.txt constraints.txt
	@echo "Installing what Neuro needs into $(VENV) (about 360 MB to fetch) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -qq -r requirements.txt -c constraints.txt
	@touch $@

# Else the first start after a change of theirs would wait for it.
$(KERNELS): $(RUNTIME) $(wildcard inference/kernels/*.py)
	@$(BIN)/python -m inference.kernels.library
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.txt
	@echo "Installing what the tests and checks need into $(VENV) ..."
	@$(PIP) install -qq -r requirements-dev.txt -c constraints.txt
	@touch $@
