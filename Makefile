# demo, test and lab are all that a new user needs; each sets up what it lacks.

SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
# The front end is built by its own rule: an editable install would build it again, each time.
PIP := HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
COLAB := .venv-colab
COLAB_PIP := HATCH_JUPYTER_BUILDER_SKIP_NPM=1 $(COLAB)/bin/python -m pip install --quiet --disable-pip-version-check --constraint tests/colab/constraints.txt
PYTHON ?= python3
# A file of tests stays in one process: its fixtures start services and JupyterLabs.
IN_PARALLEL := --numprocesses=logical --dist=loadfile --no-loadscope-reorder --durations=15
PYTEST := $(PY) -m pytest $(IN_PARALLEL)
NBVAL := -p tests.notebook_home --nbval --nbval-sanitize-with tests/nbval.cfg -o filterwarnings= notebooks
STATIC := datagen_nb/static/card.js
WIDGETS := $(shell find widgets/src -type f) widgets/package.json widgets/package-lock.json

.PHONY: demo test test-python test-browser test-examples test-colab lab docs screenshots lint format build bench notebooks golden constraints clean chromium nginx

demo: $(VENV)/.package  ## Generate 100,000 rows like those of a real table.
	@$(PY) -m datagen_nb demo
	@echo
	@echo "Next: make lab opens the quickstart notebook in JupyterLab."

test: $(VENV)/.test $(COLAB)/.test chromium nginx  ## Run every test.
	cd widgets && npm run --silent check && npm run --silent test
	@$(MAKE) --no-print-directory test-python test-browser test-examples test-colab

test-python: $(VENV)/.test nginx  ## Run what needs no notebook.
	$(PYTEST) --ignore=tests/browser

test-browser: $(VENV)/.test $(COLAB)/.test chromium  ## Drive widgets in Chromium.
	$(PYTEST) tests/browser

test-examples: $(VENV)/.test  ## Run the notebooks and compare what they show.
	$(PYTEST) $(NBVAL)

test-colab: $(COLAB)/.test  ## Run notebooks and widgets on the line of Jupyter that Colab has.
	$(COLAB)/bin/python tests/colab/check_kept.py
	$(COLAB)/bin/python -m pytest $(IN_PARALLEL) -o filterwarnings= tests/unit/test_ui_*.py
	$(COLAB)/bin/python -m pytest $(IN_PARALLEL) $(NBVAL)

lab: $(VENV)/.lab  ## Open the quickstart notebook in JupyterLab.
	$(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/01-quickstart.ipynb

docs: $(VENV)/.test  ## Build the guide and the API reference.
	$(PY) docs/build.py

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
	$(PY) -m tests.bench.presets diamonds dense shapes
	$(PY) -m tests.bench.tables
	$(PY) -m tests.bench.skeleton
	$(PY) -m tests.bench.scale
	$(PY) -m tests.bench.service $(if $(PEERS),--peers $(PEERS))

notebooks: $(VENV)/.test  ## Execute the notebooks and keep their outputs.
	home=$$(mktemp -d); export DATAGEN_HOME=$$home; \
		$(PY) -m tests.execute_notebooks; done=$$?; $(PY) -m datagen_nb stop; rm -rf $$home; exit $$done

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

$(VENV)/.package: $(PY) $(STATIC) pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

$(VENV)/.lab: $(VENV)/.package
	$(PIP) --editable '.[lab]'
	@touch $@

$(VENV)/.test: $(PY) $(STATIC) pyproject.toml constraints.txt
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --editable . --group test
	@touch $(VENV)/.package $@

$(COLAB)/.test: $(PY) $(STATIC) pyproject.toml tests/colab/preinstalled.txt tests/colab/constraints.txt
	$(PYTHON) -m venv --clear $(COLAB)
	$(COLAB_PIP) --upgrade 'pip>=25.1'
	$(COLAB_PIP) --requirement tests/colab/preinstalled.txt
	$(COLAB_PIP) --editable '.[colab]'
	$(COLAB_PIP) pytest nbval pytest-asyncio pytest-timeout pytest-xdist hypothesis
	@touch $@

chromium:
	@command -v chromium >/dev/null || \
		if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; \
		else echo "The browser tests need Chromium: sudo apt-get install chromium fonts-dejavu-core"; exit 1; fi

nginx:  # its tests are skipped, by name, where it cannot be had
	@test -x /usr/sbin/nginx || \
		if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light; \
		else echo "The tests behind nginx are skipped without it: sudo apt-get install nginx-light"; fi
