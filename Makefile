# The front door.  A bare Debian 12 needs one line first: apt-get install -y make python3-venv git
.DEFAULT_GOAL := help
SHELL := /bin/sh
PORT ?= 5000
WORKERS ?= 2
PYTHON ?= python3
BIN := .venv/bin
DEMO := env REDRESS_ENV=demo LOG_LEVEL=WARNING SCHEDULER_IN_WEB=1 ORGANISATION='Larkmoor Hospital' MAIL_FROM=patient.relations@larkmoor.example PUBLIC_URL=http://127.0.0.1:$(PORT) $(BIN)/flask --app wsgi

.PHONY: help demo demo-reset test check security faults history bench vendor screenshots program tests system

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: program ## Start the demo hospital on PORT (5000); a second run keeps its data
	@$(DEMO) db upgrade
	@$(DEMO) demo seed
	@exec $(DEMO) demo serve --port $(PORT)

demo-reset: ## Forget the demo hospital; the next `make demo` makes it anew
	rm -rf instance/redress.sqlite3 instance/redress.sqlite3-wal instance/redress.sqlite3-shm instance/mailbox instance/files

test: system tests ## Install what the tests need and run them all, on SQLite and on PostgreSQL
	@status=0; \
	$(MAKE) --no-print-directory check || status=1; \
	for database in sqlite postgresql; do \
		REDRESS_TEST_DATABASE=$$database $(BIN)/pytest -n $(WORKERS) --ignore=tests/architecture || status=1; \
	done; \
	exit $$status

check: tests ## Lint, types, import contracts and the house rules, under a minute
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n $(WORKERS) tests/architecture
	REDRESS_TEST_DATABASE=postgresql $(BIN)/pytest tests/architecture/test_migrations.py
	@find ticketing -name '*.py' | xargs wc -l | awk '$$2 != "total" && $$1 > 350 {print "advice: " $$2 " has " $$1 " lines; see whether it should be a folder"}'

security: tests ## Look for known kinds of holes; says plainly what it could not look at
	@sh deploy/security.sh

faults: tests ## Sweep 20,000 due steps while a sweeper is killed each second, on both databases
	@for database in sqlite postgresql; do \
		FAULTS=1 REDRESS_TEST_DATABASE=$$database $(BIN)/pytest tests/faults/test_kill.py || exit 1; \
	done

history: tests ## Bring in three whole logs of old systems and compare every figure, on both databases (many minutes)
	@for database in sqlite postgresql; do \
		REDRESS_WHOLE_HISTORY=1 REDRESS_TEST_DATABASE=$$database $(BIN)/pytest -s tests/cases/test_history.py -k whole_log || exit 1; \
	done

bench: tests ## Measure what the issues promise
	@for bench in benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

vendor: ## Rebuild static/vendor from its locked sources (needs node)
	deploy/vendor/build.sh

screenshots: tests ## Take the pictures in docs/ from the running demo hospital
	$(BIN)/python -m tests.journeys.screenshots

# --- what the targets stand on: installed again only when requirements.txt has changed ---

.venv/bin/python:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python cannot make virtual environments here. On Debian: apt-get install -y make python3-venv git"; exit 1; }
	$(PYTHON) -m venv .venv

program: .venv/bin/python
	@cmp -s requirements.txt .venv/installed-tests || cmp -s requirements.txt .venv/installed-program || { \
		echo "Installing the program (the first run takes a minute) ..." && \
		sed '/^# --- the tests/,$$d' requirements.txt > .venv/program.txt && \
		$(BIN)/pip install --quiet --disable-pip-version-check -r .venv/program.txt && \
		cp requirements.txt .venv/installed-program; }

tests: .venv/bin/python
	@cmp -s requirements.txt .venv/installed-tests || { \
		echo "Installing the program and its tests (the first run takes a minute or two) ..." && \
		$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt && \
		cp requirements.txt .venv/installed-tests; }

system:
	@sh deploy/system_packages.sh
