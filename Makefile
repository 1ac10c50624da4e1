# demo, test and lab are all that a new user needs; each sets up what it lacks.

SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
# The front end is built by its own rule: an editable install would build it again, each time.
PIP := HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
COLAB := .venv-colab
COLAB_PIP := HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(COLAB)/bin/python -m pip install --quiet --disable-pip-version-check --constraint tests/colab/constraints.txt
PYTHON ?= python3
STATIC := datagen_nb/static/card.js
WIDGETS := $(shell find widgets/src -type f) widgets/package.json widgets/package-lock.json

.PHONY: demo test test-python test-notebook test-examples test-colab lab screenshots lint format build bench notebooks golden constraints clean chromium

demo: $(VENV)/.notebook  ## Make 100,000 rows like a real table, and the executed quickstart.
	@$(PY) -m datagen_nb demo
	@$(PY) tests/execute_notebooks.py demo-output

test: $(VENV)/.test $(COLAB)/.test chromium  ## Run every test; browsers wait a lot, so two suites at once.
	cd widgets && npm run --silent check && npm run --silent test
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-python test-notebook

test-python: $(VENV)/.test  ## Run what needs no notebook.
	$(PY) -m pytest --ignore=tests/browser

test-notebook: $(VENV)/.test $(COLAB)/.test chromium  ## Drive browsers, run notebooks, here and on Colab's line.
	$(PY) -m pytest tests/browser
	@$(MAKE) --no-print-directory test-examples test-colab

test-examples: $(VENV)/.test  ## Run the notebooks and compare what they show.
	home=$$(mktemp -d); export DATAGEN_HOME=$$home; \
		$(PY) -m pytest --nbval --nbval-sanitize-with tests/nbval.cfg notebooks -o filterwarnings=; \
		passed=$$?; $(PY) -m datagen_nb stop; rm -rf $$home; exit $$passed

test-colab: $(COLAB)/.test  ## Run notebooks and widgets on the line of Jupyter that Colab has.
	$(COLAB)/bin/python tests/colab/check_kept.py
	$(COLAB)/bin/python -m pytest -o filterwarnings= tests/unit/test_ui_*.py
	home=$$(mktemp -d); export DATAGEN_HOME=$$home; \
		$(COLAB)/bin/python -m pytest --nbval --nbval-sanitize-with tests/nbval.cfg notebooks -o filterwarnings=; \
		passed=$$?; $(COLAB)/bin/python -m datagen_nb stop; rm -rf $$home; exit $$passed

lab: $(VENV)/.lab  ## Open JupyterLab on the notebooks.
	$(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks

screenshots: $(VENV)/.test chromium  ## Every widget in every state, light, dark and narrow, to be looked at.
	$(PY) -m tests.browser.contact_sheet

lint: $(VENV)/.test  ## Check style, types, floors.
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.test
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

build: $(STATIC)  ## Build the front end.

bench: $(VENV)/.test  ## Measure what the documents claim.
	$(PY) -m tests.bench.synth
	$(PY) -m tests.bench.skeleton
	$(PY) -m tests.bench.notebook
	$(PY) -m tests.bench.service $(if $(PEERS),--peers $(PEERS))

notebooks: $(VENV)/.test  ## Execute the notebooks and keep their outputs.
	home=$$(mktemp -d); export DATAGEN_HOME=$$home; \
		$(PY) tests/execute_notebooks.py; done=$$?; $(PY) -m datagen_nb stop; rm -rf $$home; exit $$done

golden: $(VENV)/.test  ## Keep the description of the API as it is now.
	$(PY) -m tests.golden

constraints: $(VENV)/.test  ## Lock what is installed now.
	$(PY) -m pip freeze --exclude-editable | grep -v -E '@|^-e|^(pip|setuptools|wheel)==' \
		> constraints.txt

clean:
	rm -rf $(VENV) $(COLAB) widgets/node_modules datagen_nb/static dist build demo-output screenshots

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3-venv; \
		else echo "Python's venv is missing: sudo apt-get install python3-venv"; exit 1; fi
	$(PYTHON) -m venv $(VENV)

$(STATIC): $(WIDGETS)
	@command -v npm >/dev/null || { echo "node and npm are needed to build the widgets"; exit 1; }
	cd widgets && npm ci --loglevel=error && npm run --silent build
	@touch $@

$(VENV)/.notebook: $(PY) $(STATIC) pyproject.toml constraints.txt
	$(PIP) --editable '.[notebook]'
	@touch $@

$(VENV)/.lab: $(VENV)/.notebook
	$(PIP) --editable '.[lab]'
	@touch $@

$(VENV)/.test: $(VENV)/.notebook
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --editable . --group test
	@touch $@

$(COLAB)/.test: $(PY) $(STATIC) pyproject.toml tests/colab/preinstalled.txt tests/colab/constraints.txt
	$(PYTHON) -m venv --clear $(COLAB)
	$(COLAB_PIP) --upgrade 'pip>=25.1'
	$(COLAB_PIP) --requirement tests/colab/preinstalled.txt
	$(COLAB_PIP) --editable '.[colab]'
	$(COLAB_PIP) pytest nbval pytest-asyncio pytest-timeout hypothesis
	@touch $@

chromium:
	@command -v chromium >/dev/null || \
		if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; \
		else echo "The browser tests need Chromium: sudo apt-get install chromium fonts-dejavu-core"; exit 1; fi
