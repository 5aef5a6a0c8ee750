# `make` shows what there is. Everything is installed into .venv, which `make clean` removes.

PYTHON = python3
BIN = .venv/bin
PIP = $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

.PHONY: help demo test format bench weights wheel clean

help: ## this list
	@echo "make TARGET, where TARGET is"
	@sed -n 's/^\([a-z]*\):.*## /  \1	/p' Makefile | expand -t 12

demo: .venv/demo.stamp ## the app on real digits seen by two small networks (PORT=8502 and HEADLESS=1 if you like)
	@$(BIN)/latentviz demo demo
	@$(BIN)/latentviz app --workspace demo/workspace --data-root demo/images --data-root assets/models \
		$${PORT:+--port "$$PORT"} $${HEADLESS:+--headless}

test: .venv/dev.stamp ## formatting, lint, types, then all tests (those of the app need Chromium or Chrome)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest --ignore tests/browser --numprocesses 2 --dist loadfile
	$(BIN)/pytest tests/browser

format: .venv/dev.stamp ## format the code and mend what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/dev.stamp ## every benchmark once more, about half an hour; see benchmarks/README.md
	$(BIN)/python benchmarks/extraction.py
	$(BIN)/python benchmarks/corruptions.py
	$(BIN)/python benchmarks/second_session.py
	$(BIN)/python benchmarks/cold_start.py
	$(BIN)/python benchmarks/scorers.py
	$(BIN)/python benchmarks/bootstrap.py
	$(BIN)/python benchmarks/neural_collapse.py
	$(BIN)/python benchmarks/neuron_coverage.py
	$(BIN)/python benchmarks/clustering.py
	$(BIN)/python benchmarks/domains.py
	$(BIN)/python benchmarks/projection.py
	$(BIN)/python benchmarks/map.py

weights: .venv/demo.stamp ## train the two larger networks of the demo again, about ten minutes
	$(BIN)/python scripts/train_demo_models.py assets/models

wheel: .venv/venv.stamp ## dist/latentviz-….whl, with the app inside
	$(BIN)/python -m pip wheel -qq --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

clean: ## remove .venv, the demo, dist and the tools' caches
	rm -rf .venv demo dist build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp says what .venv holds, so that the second time is quick and the tests only add to the demo's packages.

.venv/venv.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "latentviz needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv \
		|| { echo "No virtual environment could be made; on Debian and Ubuntu install python3-venv." >&2; exit 1; }
	@touch $@

.venv/demo.stamp: .venv/venv.stamp pyproject.toml constraints.txt
	@echo "Installing latentviz into .venv, a few minutes the first time (PyTorch is large) …"
	@$(PIP) -e ".[demo,onnx,corruptions]"
	@touch $@

.venv/dev.stamp: .venv/demo.stamp
	@echo "Adding what the tests need …"
	@$(PIP) -e ".[demo,onnx,dev]"
	@touch $@
