# One command each: `make run` plays (ARGS="-o mood.start=sad" for options), `make test` tests, `make check` lints and types.
# All set-up happens by itself.
PYTHON ?= python3
RUN_VENV := .venv
TEST_VENV := .venv-test
PIP_FLAGS := --quiet --disable-pip-version-check -c constraints.txt
DATA ?= data/polyphony
SOURCES ?= music21:bach
RUNS ?= runs
MODEL ?= polyphony

.PHONY: run test check train train-tiny evaluate export benchmark clean

run: $(RUN_VENV)/ready
	$(RUN_VENV)/bin/improv run $(ARGS)

test: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m pytest

check: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/ruff check improv training tests benchmarks
	$(TEST_VENV)/bin/ruff format --check improv training tests benchmarks
	$(TEST_VENV)/bin/mypy

# Training on your own music: make train SOURCES="music21:bach /path/to/midis piano-midi-de.zip"
train: $(DATA)/dataset.json
	$(TEST_VENV)/bin/python -m training.train $(DATA) --preset base --out $(RUNS)/polyphony
	$(TEST_VENV)/bin/python -m training.export $(RUNS)/polyphony/best.pt --dataset $(DATA) --out $(RUNS)/polyphony.onnx --bits 8

# The whole road, corpus to evaluated model, in about a minute on a CPU.
train-tiny: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m tests.make_tiny_model $(RUNS)/tiny.onnx

evaluate: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m training.evaluate exported_models/$(MODEL).onnx --dataset $(DATA) --out $(RUNS)/evaluation

benchmark: $(RUN_VENV)/ready
	$(RUN_VENV)/bin/python benchmarks/footprint.py

$(DATA)/dataset.json: | $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m training.prepare $(SOURCES) --out $(DATA)

# A virtual environment is made again when what it must hold changes; a half-made one is never taken for ready.
$(RUN_VENV)/ready: pyproject.toml constraints.txt
	@echo "Setting up BrainMusic in $(RUN_VENV) (once, a minute or two) ..."
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "BrainMusic needs Python 3.11 or newer; run: make $(MAKECMDGOALS) PYTHON=python3.11")'
	@$(PYTHON) -m venv --clear $(RUN_VENV)
	@$(RUN_VENV)/bin/python -m pip install $(PIP_FLAGS) -e .
	@touch $@

$(TEST_VENV)/ready: pyproject.toml constraints.txt
	@echo "Setting up the tests and the training side in $(TEST_VENV) (once, some minutes) ..."
	@$(PYTHON) -m venv --clear $(TEST_VENV)
	@$(TEST_VENV)/bin/python -m pip install $(PIP_FLAGS) -e '.[training,test]'
	@touch $@

clean:
	rm -rf $(RUN_VENV) $(TEST_VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
