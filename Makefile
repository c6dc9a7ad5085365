# `make demo` and `make test` do their own set-up: system packages, virtual environment, pinned libraries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BOX := .venv-box
PEERS := $(VENV)/.peers
# Of the tests: one more than there are cores, for many wait for other processes.
WORKERS := $(shell echo $$(($$(nproc) + 1)))
PACKAGES := programme drivers sync edge_config gateway central hardware_sim
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# No index and no host in the locks: each machine installs through its own configuration; the hashes decide what is accepted.
COMPILE := $(BIN)/pip-compile --quiet --no-config --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help demo play test broker-test check bench lock clean

help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Play the story of two shops, check it, and picture every page (leaves demo-out/)
	$(BIN)/comptoir-sim story --out demo-out
	$(BIN)/comptoir-sim pictures --out demo-out

play: $(INSTALLED) ## Open a playground in the browser: two shops and all their devices
	$(BIN)/comptoir-sim play

test: $(INSTALLED) ## Run every test; with COMPTOIR_QR_DIR set, read the photographs there first
	@if [ -n "$$COMPTOIR_QR_DIR" ]; then $(BIN)/comptoir scan-test --dir "$$COMPTOIR_QR_DIR"; fi
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

broker-test: $(INSTALLED) ## The tests of the wire on every broker: Mosquitto by MQTT 5 and 3.1.1, NATS, a NATS cluster that loses a server
	COMPTOIR_BROKERS=all COMPTOIR_DRAIN_ROWS=30000 $(BIN)/python -m pytest tests/sync/test_mqtt.py tests/e2e/test_wire_messages.py tests/brokers

check: $(INSTALLED) ## Style, types and the import table of the design
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

bench: $(INSTALLED) $(BOX)/.installed $(PEERS) ## Measure speed and memory beside floors and peers; WRITE=1 writes docs/performance.md
	$(BIN)/python -m benchmarks $(if $(WRITE),--write)

.PHONY: crash-test power-test network-test
crash-test: $(INSTALLED) ## Kill box, broker, centre and PostgreSQL under load, three hundred times
	$(BIN)/python -m tests.torment.crash

power-test: $(PEERS) ## Cut the power under the journal, and kill a virtual machine that writes it; needs root
	@tests/torment/install_guest.sh
	$(BIN)/python -m tests.torment.power

network-test: $(INSTALLED) ## Every fault of a network under load, and five hundred boxes that come back at once
	$(BIN)/python -m tests.torment.network

lock: $(INSTALLED) ## Pin the libraries again; LOCK=--upgrade takes the newest
	$(COMPILE) $(LOCK) --all-extras --build-deps-for wheel --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --constraint requirements/dev.txt --extra box --extra camera --output-file requirements/box.txt pyproject.toml
	$(COMPILE) --constraint requirements/dev.txt --extra central --extra postgres --output-file requirements/central.txt pyproject.toml
	$(COMPILE) --output-file requirements/peers.txt requirements/peers.in

clean: ## Remove the virtual environment and everything made
	rm -rf $(VENV) $(BOX) build demo-out bench-out *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(INSTALLED): pyproject.toml requirements/dev.txt
	@deploy/bootstrap.sh $(PYTHON)
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --require-hashes --only-binary :all: --requirement requirements/dev.txt
	$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $@

# Other queues, to measure beside ours.
$(PEERS): requirements/peers.txt $(INSTALLED)
	$(PIP) install --quiet --require-hashes --only-binary :all: --requirement requirements/peers.txt
	@touch $@

# The libraries of a box alone, as a shop has them: what the benchmarks of the agent run with.
$(BOX)/.installed: pyproject.toml requirements/box.txt | $(INSTALLED)
	$(PYTHON) -m venv --clear $(BOX)
	$(BOX)/bin/python -m pip --disable-pip-version-check install -q --require-hashes --only-binary :all: -r requirements/box.txt
	pwd > $$($(BOX)/bin/python -c 'import site; print(site.getsitepackages()[0])')/comptoir.pth
	@$(BOX)/bin/python -m compileall -q $(PACKAGES)
	@touch $@
