# SPDX-License-Identifier: Apache-2.0
# Everything happens in .venv; nothing is installed on the system. Start with `make help`.

PYTHON ?= python3
VENV ?= .venv
CORPUS ?= ../shared/corpus/lossless
TORCH ?= torch==2.13.0
TARGETS ?=
PYTEST_ARGS ?=

RUN = $(VENV)/bin/python
PIP = $(RUN) -m pip --disable-pip-version-check
# Torch is used where it is there; WITH_TORCH=1 brings it, WITH_TORCH=0 does without.
WITH_TORCH ?= $(shell $(PYTHON) -c '$(HAS_TORCH)')
HAS_TORCH = from importlib.util import find_spec; print(int(find_spec("torch") is not None))
NETS = $(basename $(notdir $(wildcard medlossless/weights/*.mlw)))
NEW_ENOUGH = import sys; sys.exit(sys.version_info < (3, 11))
HAS_HEADERS = import os, sys, sysconfig; \
  sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))
SAY = echo >&2 "make:"
# The codecs to compare with are an environment's for good once asked for.
BENCH = $(if $(filter 1,$(WITH_BENCH)),$(VENV)/.bench)
# What the compiled parts are made of: when it changes, the package is built again.
COMPILED = pyproject.toml setup.py \
  $(wildcard csrc/*.h csrc/*/*.[ch] medlossless/*/*.pyx medlossless/*/*.pxd)

.DEFAULT_GOAL := help
.PHONY: help demo test kernels cross lint bench train dist clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## */\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-8s %s\n", $$1, $$2 }'
	@echo
	@echo "  PYTHON=python3.13 VENV=.venv313   another interpreter and environment"
	@echo "  WITH_TORCH=1                      test: install torch and run the tests that need it"
	@echo "  WITH_BENCH=1                      demo, test: install other codecs to compare with"
	@echo "  PYTEST_ARGS='-m \"not slow\"'       test: more words for pytest"
	@echo "  CORPUS=DIR TORCH='torch --index-url URL'"

demo: $(VENV)/.package $(BENCH)  ## compress and restore real DICOM images, print a table of sizes
	$(RUN) examples/demo.py

test: $(VENV)/.test $(BENCH)  ## install what the tests need and run them
ifeq ($(WITH_TORCH),1)
	$(RUN) -c 'import torch' 2>/dev/null || $(PIP) install --quiet $(TORCH)
endif
	$(RUN) -m pytest -q $(PYTEST_ARGS)

cross: $(VENV)/.package  ## compile the C core for aarch64 and s390x too, run it, compare
	$(RUN) -m benchmarks cross $(TARGETS)

lint: $(VENV)/.lint  ## check style and types
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy

kernels: $(VENV)/.package  ## check every kernel of this processor against the reference, time it
	$(RUN) -m benchmarks kernels

bench: $(VENV)/.bench  ## restore every file, compare sizes and speed with other codecs, measure memory
	$(RUN) -m benchmarks roundtrip pydicom $(CORPUS)
	$(RUN) -m benchmarks ratio $(CORPUS)/dev
	$(RUN) -m benchmarks speed $(CORPUS)/dev
	$(RUN) -m benchmarks kernels
	$(RUN) -m benchmarks entropy $(CORPUS)/dev
	$(RUN) -m benchmarks ablation $(CORPUS)/dev
	$(RUN) -m benchmarks memory
	$(RUN) -m benchmarks readme --check

train: $(VENV)/.package  ## train the shipped nets anew from CORPUS/train into build/nets
	$(RUN) -c 'import torch' 2>/dev/null || $(PIP) install --quiet $(TORCH)
	mkdir -p build/nets
	for net in $(NETS); do \
	  $(RUN) -m medlossless.training lossless $$net --data $(CORPUS)/train \
	    --out build/nets/$$net.mlw --checkpoint build/nets/$$net.pt || exit 1; \
	done

dist: $(VENV)/.build  ## build the sdist and the wheel into dist/ and try the wheel
	rm -rf build dist
	$(RUN) -m build --quiet
	$(RUN) tests/check_dist.py dist

clean:  ## remove everything that was built, .venv included
	rm -rf .venv* build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . \( -name '*.so' -o -name '*.pyd' \) -delete
	rm -rf *.egg-info

# An environment that only half exists is removed again, so that the next call starts over.
$(VENV)/.created:
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { $(SAY) "Python 3.11 or later is needed"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { $(SAY) "Python's venv is missing: apt install python3-venv"; exit 1; }
	@$(PYTHON) -c '$(HAS_HEADERS)' \
	  || { $(SAY) "Python's C headers are missing: apt install python3-dev"; exit 1; }
	@command -v $(CC) >/dev/null || { $(SAY) "a C compiler is missing: apt install gcc"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	$(PIP) install --quiet --upgrade 'pip>=25.1' || { rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/.package: $(VENV)/.created $(COMPILED)
	PYTHONWARNINGS=ignore $(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.bench: $(VENV)/.%: $(VENV)/.package
	$(PIP) install --quiet --group $*
	@touch $@

$(VENV)/.build: $(VENV)/.created pyproject.toml
	$(PIP) install --quiet --group build
	@touch $@
