# Two commands do all on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMPS := $(VENV)/stamps
SMALL  := bench-small

.PHONY: demo test lint docs bench-small bench fetch-data peers clean
.DEFAULT_GOAL := demo

demo: $(STAMPS)/run
	$(BIN)/watermarking demo --force -o demo/report.html

test: $(STAMPS)/develop lint
	$(BIN)/python -m pytest -n 2

lint: $(STAMPS)/develop
	$(BIN)/ruff check .
	$(BIN)/mypy

# The pages of docs/ as a site that needs no server and no network: open site/index.html.
docs: $(STAMPS)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "site/index.html: written"

# Under 10 minutes on two cores, into a folder of its own: the repository has the rows of such a run, and here they are
# measured anew. Finished cells are never measured twice: start it again and it goes on.
bench-small: $(STAMPS)/bench
	$(BIN)/python benchmarks/robustness.py --grid small --results $(SMALL)/small
	$(BIN)/python benchmarks/capacity.py --grid capacity_small --results $(SMALL)/capacity_small
	$(BIN)/python benchmarks/quality.py --photographs shipped --results $(SMALL)/quality
	$(BIN)/python benchmarks/detection.py --small --results $(SMALL)/detection
	$(BIN)/python benchmarks/speed.py --sizes 12 --results $(SMALL)/speed
	$(BIN)/python benchmarks/report.py --results $(SMALL) -o $(SMALL)/report.html

# Everything, over the 17 evaluation photographs if `make fetch-data` has run: hours.
bench: $(STAMPS)/bench peers
	$(BIN)/python benchmarks/fuzz.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/robustness.py
	$(BIN)/python benchmarks/robustness.py --grid geometry
	$(BIN)/python benchmarks/robustness.py --grid geometry_large
	$(BIN)/python benchmarks/robustness.py --grid canvas
	$(BIN)/python benchmarks/robustness.py --grid harder
	$(BIN)/python benchmarks/presence.py
	$(BIN)/python benchmarks/capacity.py
	$(BIN)/python benchmarks/quality.py
	$(BIN)/python benchmarks/visible.py
	$(BIN)/python benchmarks/visible.py --grid visible_large
	$(BIN)/python benchmarks/visible.py --grid visible_pages
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/visible.py --grid visible_deep
	$(BIN)/python benchmarks/descent.py
	$(BIN)/python benchmarks/detection.py
	$(BIN)/python benchmarks/rank.py
	$(BIN)/python benchmarks/security.py
	$(BIN)/python benchmarks/security.py --known-originals
	$(BIN)/python benchmarks/security.py --averaged --schemes dwt,bound
	$(BIN)/python benchmarks/compare.py --image docs/images/visibility.svg
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/deep.py
	$(BIN)/python benchmarks/report.py

fetch-data:
	benchmarks/fetch_data.sh

# Other packages, with what they want, in an environment of their own. Without --no-deps one of them asks for any torch.
peers: $(VENV)-peers/installed

$(VENV)-peers/installed: constraints.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)-peers 2>/dev/null || $(PYTHON) -m virtualenv --quiet $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install --quiet --no-deps blind-watermark==0.4.4 invisible-watermark==0.2.0 \
	  ghostmark-image==1.1.0
	$(VENV)-peers/bin/python -m pip install --quiet -c constraints.txt \
	  numpy opencv-python-headless PyWavelets pillow torch onnxruntime
	@touch $@

clean:
	rm -rf $(VENV) build demo site *.egg-info .*_cache .hypothesis
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

$(STAMPS)/bench: EXTRAS := [bench,deep,formats]
$(STAMPS)/bench: setup.cfg constraints.txt | $(BIN)/python
	$(install)

$(STAMPS)/docs: EXTRAS := [docs]
$(STAMPS)/docs: setup.cfg constraints.txt | $(BIN)/python
	$(install)

$(STAMPS)/develop: EXTRAS := [test,dev,bench,deep,docs]
$(STAMPS)/develop: setup.cfg constraints.txt | $(BIN)/python
	$(install)
