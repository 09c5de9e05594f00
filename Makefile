# The two commands: `make run` and `make test`. Everything else is a shorter way to a part of them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
DEMO ?= 1
export PORT

.PHONY: help run test shots bench lint fmt messages lock install install-dev dump contract clean

help: ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

run: install ## set everything up and run it on http://127.0.0.1:8000: the demo company (PORT=…, DEMO=0 for your own)
	@LOG_LEVEL=$${LOG_LEVEL:-WARNING} exec $(BIN)/python manage.py runstack --prepare $(if $(filter 0,$(DEMO)),,--demo)

test: ## set everything up and run every check and test
	@exec $(PYTHON) .ci/stages.py

shots: install-dev ## look at every page in every language, width and state; pictures in var/shots
	@LIUKE_SHOTS=1 exec $(PYTHON) .ci/stages.py shots

bench: install ## benchmarks: NAME= (all), SIZE=s|m|l, ENGINE=postgresql|sqlite; writes docs/performance.md
	@$(BIN)/python -m benchmarks run $(NAME) --size $(or $(SIZE),s) --engine $(or $(ENGINE),postgresql) $(BENCH); \
	  code=$$?; $(BIN)/python -m benchmarks report && exit $$code

chaos: install-dev ## break everything at full length (SEEDS=20 CUSTOMERS=100000 KILLS=20), each seed is printed
	@exec $(BIN)/python -m tests.chaos --full --seeds $(or $(SEEDS),20) --customers $(or $(CUSTOMERS),100000) --kills $(or $(KILLS),20)

lint: install-dev ## style, layers, types, migrations, deployment settings
	@exec $(PYTHON) .ci/stages.py lint

fmt: install-dev ## put the code in order
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

messages: install ## renew the Chinese catalogue from the sources, compile it, list what is not translated
	@$(BIN)/python manage.py messages

lock: install-dev ## pin the requirements anew, with hashes, from docs/requirements/*.in
	@for pair in base:requirements.txt dev:requirements-dev.txt prod:docs/requirements/prod.txt; do \
	  $(BIN)/uv pip compile --quiet $(LOCK_OPTIONS) --python-version 3.11 --universal --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	    $$(test $${pair%%:*} = base || echo -c requirements.txt) \
	    docs/requirements/$${pair%%:*}.in -o $${pair#*:} || exit 1; \
	done

install: ## the virtual environment, with what the product needs
	@$(PYTHON) .ci/environment.py requirements.txt

install-dev: ## the same, with the tools of the tests
	@$(PYTHON) .ci/environment.py requirements-dev.txt

dump: install-dev ## leave a small dump of the demo company for later versions to migrate (once a version)
	@$(BIN)/python tests/upgrade/make.py

contract: install-dev ## keep today's commands, JSON keys and API as the contract of this version
	@$(BIN)/python tests/upgrade/contract.py

clean: ## forget the environment and what the tools keep (never the data under var/)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
