# One door for developers and operators. Everything is done by deploy/local, which needs nothing but Python 3.11 to 3.13.
LOCAL := deploy/local/python -m deploy.local

.DEFAULT_GOAL := help
.PHONY: help run up down status ops demo test check audit fuzz bench simulate explore chaos crashes mutants screenshots events format lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start everything in the foreground; Ctrl-C stops all of it (PORT=18080 make run takes another port than 8080)
	@$(LOCAL) run

up: ## start everything in the background and return when it answers (RESTORE=folder: with a backup, where there is nothing yet)
	@$(if $(RESTORE),ACCORD_RESTORE=$(abspath $(RESTORE)) )$(LOCAL) up

down: ## stop everything
	@$(LOCAL) down

status: ## what runs, and whether it answers
	@$(LOCAL) status

ops: ## the operator's tool, on the running stack: make ops ARGS='dead list' (ARGS=--help tells all)
	@$(LOCAL) ops $(or $(ARGS),status)

demo: ## tell the main job while it happens, against the running stack
	@$(LOCAL) demo

test: ## all tests, on a PostgreSQL and a RabbitMQ of their own (ARGS='-k offers' chooses)
	@$(LOCAL) test $(ARGS)

check: ## format, lint, types, import contracts, a static look at security
	@$(LOCAL) check

audit: ## whether what is installed is what the locks pin, and whether advisories are known against it
	@$(LOCAL) audit

fuzz: ## requests made from the description of the API, many (EXAMPLES=300) and others each time (SEED=7 repeats)
	@ACCORD_FUZZ_EXAMPLES=$(or $(EXAMPLES),100) ACCORD_FUZZ_SEED=$(or $(SEED),$$(date +%s)) $(LOCAL) test tests/security/test_the_description.py -q $(ARGS)

simulate: ## seeded runs of the production handlers (SEEDS=10000 STEPS=200), or one with its trace (SEED=7)
	@$(LOCAL) simulate $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(STEPS),--steps $(STEPS)) $(ARGS)

explore: ## every interleaving of small scenarios and of the large ones (ARGS=three chooses)
	@$(LOCAL) explore $(ARGS)

chaos: ## businesses at work while everything is killed, paused and cut off (SEED=7 COMMANDS=10000 KILLS=200 PAIRS=20)
	@$(LOCAL) chaos $(if $(SEED),--seed $(SEED)) $(if $(COMMANDS),--commands $(COMMANDS)) $(if $(KILLS),--kills $(KILLS)) $(if $(PAIRS),--pairs $(PAIRS)) $(ARGS)

crashes: ## every crash point with every command and message, at every process (ARGS=--short for a part)
	@$(LOCAL) crashes $(ARGS)

mutants: ## take each safety guard out and see the tests turn red (ARGS='session' chooses by name)
	@$(LOCAL) mutants $(ARGS)

bench: ## the performance table
	@$(LOCAL) bench $(ARGS)

screenshots: ## the pictures of the README, anew
	@$(LOCAL) screenshots

events: ## the description of the events (docs/events/asyncapi.json), anew
	@$(LOCAL) events

format: ## put the code into the format that `check` wants
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

lock: ## pin the newest versions in requirements.lock and requirements-dev.lock
	@.venv/bin/python -m pip install --quiet uv
	@for name in requirements requirements-dev; do \
	  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-emit-index-url --no-header \
	    --annotation-style line $$name.in -o $$name.lock || exit 1; \
	done
