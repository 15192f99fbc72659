# PYTHON is the interpreter of the environment that threadscope is installed in (CONTRIBUTING.md).
PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)

.PHONY: help check lint types quick test demo bench screenshots experiments build

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

check: lint types quick ## what must pass before a commit, in under a minute

lint: ## style, and whether ruff would format anything otherwise
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types: ## mypy, strict
	$(PYTHON) -m mypy

quick: ## the tests that start no apps, servers, loads or terminals
	$(PYTHON) -m pytest -m "not integration and not soak" $(ARGS)

test: ## all tests; ARGS="-k name" for some
	$(PYTHON) -m pytest $(ARGS)

demo: ## the CPU demo on this terminal
	$(PYTHON) -m threadscope demo cpu

bench: ## docs/performance.md, from 25 minutes of measurements; ARGS=--quick tries all of them out
	$(PYTHON) scripts/performance.py $(ARGS)

screenshots: ## the pictures in screenshots/, from real runs
	$(PYTHON) scripts/screenshots.py

experiments: ## docs/experiments.md, from ten minutes of measurements; FROM=all.json takes a report
	$(PYTHON) scripts/experiments.py $(FROM)

build: ## wheel and sdist, into dist/
	$(PYTHON) -m pip install --quiet build
	$(PYTHON) -m build --outdir dist
