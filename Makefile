# Two commands set everything up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check install clean

demo: install  ## pull two small real models and watch the bilevel loop improve a real program
	$(BIN)/metaloop models pull qwen2.5-coder-0.5b
	$(BIN)/metaloop models pull qwen2.5-coder-1.5b
	$(BIN)/metaloop run tasks/ngram-lm --include-uncommitted \
		--inner local:qwen2.5-coder-0.5b --outer local:qwen2.5-coder-1.5b

test: install  ## all tests; those on a real model pull 98 MB once
	$(BIN)/metaloop models pull smollm2-135m
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --max-worker-restart 0 \
		--dist loadfile --no-loadscope-reorder

check: install  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: .venv/.installed

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "metaloop needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[local,dev]'
	@touch $@

clean:  ## remove the environment; runs and weights stay
	rm -rf .venv
