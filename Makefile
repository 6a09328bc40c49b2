# Two commands are all the set-up there is: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# So many tests run side by side; those on real hosts wait more, and take some 300 MB each.
JOBS ?= 3
HOSTS ?= 3
# `make bench SIZE=small` is a quick one, which leaves the documents alone.
SIZE ?= full
# Where packaging/install-bench-contenders puts what the benches run beside the agent.
PEERS := PATH="$${XDG_CACHE_HOME:-$$HOME/.cache}/sts-agent/bench-contenders/bin:$$PATH"

# A single test of the torture, or an upgrade of a host on a crowded machine, works for longer than the ten minutes after
# which a test counts as hanging.
PATIENT := -o faulthandler_timeout=7200

.DEFAULT_GOAL := help
.PHONY: help demo deb rpm dist test test-all torture test-fast test-clients test-deps test-deps-all lint format constraints reference bench bench-delivery bench-intake bench-collectors bench-fleet bench-who bench-report pictures quiet-day attacks clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# An editable install has no hash: what it needs comes first, each file by its hash, and then ours alone.
HASHED := $(BIN)/pip install --quiet --require-hashes
OURS := $(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .

$(BIN)/sts-agent: pyproject.toml packaging/requirements.txt packaging/build-requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(HASHED) --requirement packaging/requirements.txt --requirement packaging/build-requirements.txt
	$(OURS)
	@touch $@

# Clients that tests drive and that come as source alone are built by the setuptools pinned above them, and need nothing else.
$(VENV)/dev: pyproject.toml packaging/constraints.txt packaging/client-requirements.txt | $(BIN)/sts-agent
	$(HASHED) --requirement packaging/constraints.txt
	$(HASHED) --no-deps --no-build-isolation --requirement packaging/client-requirements.txt
	$(OURS)
	@touch $@

demo: $(BIN)/sts-agent ## install, then run the main job on an embedded receiver
	$(BIN)/sts-agent demo --seconds 20

deb: $(VENV)/dev ## build the package of Debian and Ubuntu, in dist/
	$(BIN)/python packaging/builder deb

rpm: $(VENV)/dev ## build the package of RHEL and its kin, in dist/
	$(BIN)/python packaging/builder rpm

dist: $(VENV)/dev ## build wheel and sdist, in dist/
	$(BIN)/python -m build --no-isolation --outdir dist .

test: $(VENV)/dev lint ## run every test this machine can run
	$(BIN)/python -m pytest -m 'not host and not torture and not long and not clients' -n $(JOBS) --dist worksteal --durations=20
	$(BIN)/python -m pytest -m 'host and not torture and not long' -n $(HOSTS) --dist worksteal --durations=20

test-all: test test-clients ## run every test, those that take minutes as well (`make test-deps-all` first)
	$(BIN)/python -m pytest $(PATIENT) -v -m 'long and not torture' --durations=0

torture: $(VENV)/dev ## kill the spool ten thousand times, the program two hundred, the power ten thousand
	STS_AGENT_TORTURE_KILLS=10000 STS_AGENT_POWER_CUTS=10000 $(BIN)/python -m pytest $(PATIENT) -v --durations=0 \
		tests/spool/test_kill.py tests/spool/test_power_loss.py tests/agent/process/test_process_kills.py
	STS_AGENT_TORTURE_EXAMPLES=200 $(BIN)/python -m pytest $(PATIENT) -v tests/spool/test_model.py tests/spool/test_damage.py
	STS_AGENT_TORTURE_EXAMPLES=20000 $(BIN)/python -m pytest $(PATIENT) -v --durations=0 \
		tests/collectors/test_any_input.py tests/agent/http/test_fuzz.py
	STS_AGENT_TORTURE_EXAMPLES=2500 $(BIN)/python -m pytest $(PATIENT) -v --durations=0 tests/collectors/test_files_any_tree.py \
		tests/collectors/test_one_bad_item.py tests/collectors/services/test_any_unit.py tests/collectors/services/test_recorded.py
	$(BIN)/python -m pytest $(PATIENT) -v -m torture --deselect tests/agent/process/test_process_kills.py

test-fast: $(VENV)/dev ## run the tests that need no host of their own
	$(BIN)/python -m pytest -q -m 'not host and not torture and not long and not clients'

test-clients: $(VENV)/dev ## drive clients of npm against the intake (npm's registry, node)
	packaging/install-test-clients
	$(BIN)/python -m pytest -v -m clients

test-deps: ## install what the host tests need (apt, root)
	packaging/install-test-deps

test-deps-all: ## install what `make test-all` needs beyond that (apt, root)
	packaging/install-test-deps --all

lint: $(VENV)/dev ## ruff, ruff format and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev ## let ruff lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: ## pin what pyproject.toml asks for, with the hashes of its files
	packaging/lock

reference: $(VENV)/dev ## write the tables of docs/configuration.md from the types
	$(BIN)/python -m agent.configuration.reference docs/configuration.md

bench: $(VENV)/dev ## every bench with its peers, one table, into docs/benchmarks.md (root; SIZE=small for a quick one)
	packaging/install-test-deps --bench
	$(BIN)/python bench/everything.py --size $(SIZE) $(if $(filter full,$(SIZE)),--write)

bench-delivery: $(BIN)/sts-agent ## this agent beside syslog-ng: events per CPU second, memory, disk
	packaging/install-bench-contenders
	$(PEERS) $(BIN)/python bench/delivery.py

bench-intake: $(VENV)/dev ## the intake, dialect by dialect, beside the TCP intakes of syslog-ng and rsyslog
	packaging/install-bench-contenders
	$(BIN)/python bench/intake.py --write

bench-fleet: $(BIN)/sts-agent ## simulate 10 000 agents coming back after an outage
	$(BIN)/python bench/fleet.py --svg docs/fleet.svg

bench-collectors: $(VENV)/dev ## changes to receiver beside inotifywait and Monit, a large tree, an idle agent
	packaging/install-bench-contenders
	$(PEERS) $(BIN)/python bench/collecting.py

bench-who: $(VENV)/dev ## what it costs to see who changes a file, on a booted host (root)
	$(BIN)/python bench/who.py

bench-report: $(VENV)/dev ## how quick a report of fifty thousand events is in a browser
	$(BIN)/python bench/report_page.py

pictures: $(VENV)/dev ## make the pictures of README and the answers of docs/operations.md on a booted host (root)
	$(BIN)/python bench/pictures.py

quiet-day: $(VENV)/dev ## live through a day of a default host and nights of two, and write down what was told
	$(BIN)/python bench/quiet_day.py --markdown docs/quiet-day.md
	$(BIN)/python bench/quiet_nights.py --markdown docs/quiet-day.md
	$(BIN)/python bench/quiet_applications.py --markdown docs/quiet-day.md

attacks: $(VENV)/dev ## attack an installed agent in every way that is known, and count what it cost
	$(BIN)/python bench/attacks.py

clean: ## remove what the targets above made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
