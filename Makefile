# Two commands do all on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMPS := $(VENV)/stamps

.PHONY: demo test lint bench-small bench clean
.DEFAULT_GOAL := demo

demo: $(STAMPS)/run
	$(BIN)/python benchmarks/demo.py demo

test: $(STAMPS)/develop lint
	$(BIN)/python -m pytest -n 2

lint: $(STAMPS)/develop
	$(BIN)/ruff check .
	$(BIN)/mypy

bench-small: $(STAMPS)/run
	$(BIN)/python benchmarks/robustness.py --small

bench: $(STAMPS)/run
	$(BIN)/python benchmarks/robustness.py

clean:
	rm -rf $(VENV) build demo *.egg-info .*_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# Debian's bare python3 comes without venv: then virtualenv makes the same, itself installed beside for the moment.
$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
	  echo "$(PYTHON) -m venv does not work here: making $(VENV) with virtualenv" && rm -rf $(VENV) && \
	  $(PYTHON) -m pip install --quiet --target $(VENV).tool virtualenv && \
	  PYTHONPATH=$(VENV).tool $(PYTHON) -m virtualenv --quiet $(VENV) && rm -rf $(VENV).tool; }

# opencv-python needs libGL; a server or a container may lack it, the headless wheel does not need it.
define install
	$(PIP) install -c constraints.txt -e '.$(EXTRAS)'
	@$(BIN)/python -c "import cv2" 2>/dev/null || { \
	  echo "opencv-python does not load here (libGL is missing): taking opencv-python-headless instead"; \
	  $(PIP) uninstall --yes opencv-python && $(PIP) install -c constraints.txt --force-reinstall --no-deps opencv-python-headless; }
	@mkdir -p $(STAMPS) && touch $@
endef

$(STAMPS)/run: setup.cfg constraints.txt | $(BIN)/python
	$(install)

$(STAMPS)/develop: EXTRAS := [test,dev]
$(STAMPS)/develop: setup.cfg constraints.txt | $(BIN)/python
	$(install)
