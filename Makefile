# One command each: `make run` plays (ARGS="-o mood.start=sad" for options), `make test` tests, `make check` lints and types.
# All set-up happens by itself.
PYTHON ?= python3
RUN_VENV := .venv
TEST_VENV := .venv-test
DATA ?= data
RUNS ?= runs
SOURCES ?= music21:bach
PRESET ?= base
MODELS ?= polyphony
OUT ?=
COMPARE ?=

.PHONY: run test fuzz soak faults coverage golden check docs train train-tiny evaluate benchmark clean FORCE
.PRECIOUS: $(DATA)/%/dataset.json

run: $(RUN_VENV)/ready
	$(RUN_VENV)/bin/improv run $(ARGS)

test: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m pytest $(if $(ARGS),$(ARGS),-p tests.counted)

# Everything that is read, with bytes that went wrong, for ten minutes (ARGS="--seconds 3600 --only config"); what is
# found is kept in tests/fuzz/corpus and is a test from then on.
fuzz: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m tests.fuzz $(ARGS)

# A day of music on the manual clock, an hour of faults in real time (ARGS="--hours 2 --minutes 10"); needs jackd.
soak: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m benchmarks.soak $(ARGS)

# The table of docs/reliability.md: each fault twenty times (ARGS=--short); needs jackd.
faults: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m benchmarks.faults $(ARGS)

# Which lines and branches all tests reach; at least 90 of 100 of improv's. `make test` counts in part of the tests alone
# (tests/counted.py), because counting costs too much in all: the 249 tests of music, midi and people took 50 s of CPU
# instead of 26 to 30, with improv alone counted (Python 3.11, coverage's tracer in C); SlipCover, which rewrites the code
# instead, took 42 s.
coverage: $(TEST_VENV)/ready
	@mkdir -p .coverage
	$(TEST_VENV)/bin/python -m coverage run -m pytest $(ARGS)
	$(TEST_VENV)/bin/python -m coverage report --include "training/*" | tail -1
	$(TEST_VENV)/bin/python -m coverage report --include "improv/*" $(if $(ARGS),,--fail-under 90)

# Digests of all music that one machine can compare, before and after a change (tests/golden/README.md):
# make golden OUT=before.json, then make golden OUT=after.json COMPARE=before.json
golden: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m tests.golden.machine $(if $(OUT),--out $(OUT)) $(if $(COMPARE),--compare $(COMPARE))

check: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/ruff check improv training tests benchmarks tools
	$(TEST_VENV)/bin/ruff format --check improv training tests benchmarks tools
	$(TEST_VENV)/bin/mypy
	PYTHONPATH=. $(TEST_VENV)/bin/lint-imports
	$(TEST_VENV)/bin/python -m tools.sizes

# Training on your own music: make train SOURCES="music21:bach /path/to/midis piano-midi-de.zip", or a family by name:
# make train-pianist SOURCES=piano-midi-de.zip PRESET=large. A run that was interrupted goes on.
train: train-polyphony

train-%: $(DATA)/%/dataset.json FORCE
	$(TEST_VENV)/bin/python -m training train $(DATA)/$* --out $(RUNS)/$* \
		$(if $(wildcard $(RUNS)/$*/last.pt),--resume,--preset $(PRESET))
	$(TEST_VENV)/bin/python -m training export $(RUNS)/$*/best.pt --dataset $(DATA)/$* --out $(RUNS)/$*.onnx --bits 8

# The whole road, corpus to evaluated model, in about a minute on a CPU.
train-tiny: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m tests.make_tiny_model $(RUNS)/tiny.onnx

# make evaluate MODELS="polyphony pianist performance melody" SOURCES=...: the shipped models, on held-out works.
evaluate: $(addprefix evaluate-,$(MODELS))

evaluate-%: $(DATA)/%/dataset.json FORCE
	$(TEST_VENV)/bin/python -m training evaluate exported_models/$*.onnx --dataset $(DATA)/$* --out $(RUNS)/evaluation

# The tables of docs/protocol.md, made from those in the code.
docs: $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m tools.protocol

benchmark: $(RUN_VENV)/ready
	$(RUN_VENV)/bin/python -m benchmarks.footprint

$(DATA)/%/dataset.json: | $(TEST_VENV)/ready
	$(TEST_VENV)/bin/python -m training prepare $(SOURCES) --family $* --out $(DATA)/$*

# A virtual environment is made again when what it must hold changes; a half-made one is never taken for ready.
$(RUN_VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -m tools.set_up $(RUN_VENV)
	@touch $@

$(TEST_VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -m tools.set_up $(TEST_VENV) training test
	@touch $@

clean:
	rm -rf $(RUN_VENV) $(TEST_VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
