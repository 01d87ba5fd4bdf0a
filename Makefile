.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# Where the local stack listens, once `make up` or `make demo` has started it; on AWS: your own .env.
LOAD_ENV = set -a; if [ -f .env ]; then . ./.env; elif [ -f .local/env ]; then . ./.local/env; fi; set +a
PREFIX ?= log_data/
SONGS ?= song_data/
# What a pull request is compared with, and where the manifest of that lies.
BASE ?= origin/main
STATE ?= target/production
# Of a target that builds production, the one that reads what was published.
READ_TARGET = $$(echo $${SPARKIFY_DBT_TARGET:-prod} | sed 's/^prod/published/')
PUBLISHING = PYTHONPATH=. AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR $(BIN)/python -m include.publish.command_line
# The SQL and the Python that are ours.
PYTHON_CODE = bench dags dashboard deploy include local redshift_emulator/src tooling
SQL = dbt_sparkify macros tests/dbt
QUERIES = dashboard/queries
# marimo puts its files' folder on the path, not the root; and it asks the network for a newer version.
MARIMO = PYTHONPATH=. MARIMO_SKIP_UPDATE_CHECK=1 $(BIN)/marimo --yes
UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

# Without .env, docker-compose.yml takes the settings of its profile `local`.
DOCKER ?= docker
HAS_DOCKER = command -v $(firstword $(DOCKER)) > /dev/null || { \
	echo "There is no command $(DOCKER) here. Install Docker, name another (make image DOCKER=podman), or use none: make up." >&2; \
	exit 1; }
COMPOSE = $(DOCKER) compose $(if $(wildcard .env),,--env-file .local/compose.env)
# What the image is built for comes from the environment, where that has it.
BUILD_ARGS = $(addprefix --build-arg ,$(shell sed -n 's/^ARG \([A-Z0-9_]*\).*/\1/p' deploy/Dockerfile))

export UV_PYTHON_DOWNLOADS := never
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/.installed: requirements-bootstrap.txt requirements-dev.txt redshift_emulator/pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements-bootstrap.txt requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable redshift_emulator
	@touch $@

deploy/.venv/.installed: deploy/requirements-lint.txt $(BIN)/.installed
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python deploy/.venv
	$(BIN)/uv pip sync --quiet --python deploy/.venv/bin/python --require-hashes deploy/requirements-lint.txt
	@touch $@

dbt_packages/.installed: packages.yml $(BIN)/.installed $(wildcard local/dbt_packages/dbt_expectations/macros/*)
	$(BIN)/python -m local.dbt_packages.install
	@touch $@

.PHONY: setup
setup: $(BIN)/.installed dbt_packages/.installed ## Install everything into the checkout

# A wrong setting, or a warehouse that does not answer, is said at once and in words.
.PHONY: settings reachable
settings: setup
	@$(LOAD_ENV); $(BIN)/python -m tooling.ready
reachable: setup
	@$(LOAD_ENV); $(BIN)/python -m tooling.ready --redshift

.PHONY: manifest
manifest: setup ## Parse the dbt project: for Cosmos, and so that no task need parse it again
	@echo "Parsing the dbt project …" >&2
	@$(LOAD_ENV); export REDSHIFT_SCHEMA=$${SPARKIFY_REDSHIFT_SCHEMA:-analytics} SPARKIFY_DBT_TARGET=$${SPARKIFY_DBT_TARGET:-prod}; \
		fingerprint=$$($(BIN)/python -m include.cosmos.manifest) && \
		$(BIN)/dbt --quiet parse --profile sparkify --target $$SPARKIFY_DBT_TARGET && \
		$(BIN)/dbt --quiet parse --target-path target/cosmos --vars 'quality_gate_apart: true' && \
		echo $$fingerprint > target/cosmos/project.sha256

.PHONY: demo
demo: setup ## Run the whole pipeline on a month of generated data, through Airflow
	@$(BIN)/python -m local demo

.PHONY: up
up: setup ## Start S3, Redshift and Airflow on this machine and print where they are
	@$(BIN)/python -m local up

.PHONY: down
down: setup ## Stop what `make up` or `make demo` started; the data stays
	@$(BIN)/python -m local down

.PHONY: load
load: export EVENTS_PREFIX = $(value PREFIX)
load: export SONGS_PREFIX = $(value SONGS)
load: settings ## Load songs and PREFIX=log_data/… into the staging tables, without Airflow; RELOAD=1 loads all
	@$(LOAD_ENV); PYTHONPATH=. AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR \
		$(BIN)/python -m include.load.command_line --events-prefix "$$EVENTS_PREFIX" --songs-prefix "$$SONGS_PREFIX" $(if $(RELOAD),--reload)

.PHONY: build
build: reachable manifest ## Build and test every model, without Airflow; production is published behind its tests
	@$(LOAD_ENV); $(BIN)/dbt build --exclude resource_type:unit_test && \
		case "$$SPARKIFY_DBT_TARGET" in prod*) $(PUBLISHING) publish --hold;; esac

.PHONY: publish
publish: settings manifest ## Bring what was built and has passed its tests to the schemas that analysts read
	@$(LOAD_ENV); $(PUBLISHING) publish

.PHONY: rollback
rollback: settings manifest ## Take the last publication back, and publish nothing until `make publish`
	@$(LOAD_ENV); $(PUBLISHING) rollback

.PHONY: gate
gate: reachable ## Run every data test over all history, without building anything
	@$(LOAD_ENV); $(BIN)/dbt test --exclude resource_type:unit_test

.PHONY: roles
roles: settings manifest ## Create the warehouse's roles, as a superuser; LOADER, TRANSFORMER, ANALYST, PERSONAL_DATA=<user> get them
	@$(LOAD_ENV); PYTHONPATH=. AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR $(BIN)/python -m include.access.roles \
		--loader $(LOADER) --transformer $(TRANSFORMER) --analyst $(ANALYST) --personal-data $(PERSONAL_DATA)

.PHONY: doctor
doctor: settings ## Check what the pipeline needs here, name each fault and its cure, write target/doctor.json
	@$(LOAD_ENV); PYTHONPATH=. AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR \
		$(BIN)/python -m include.doctor $(if $(SCRATCH),--scratch $(SCRATCH))

.PHONY: docs
docs: reachable ## Generate the dbt docs site and serve it on 127.0.0.1
	@$(LOAD_ENV); port=$${SPARKIFY_DOCS_PORT:-8081}; $(BIN)/python -m tooling.ready --port SPARKIFY_DOCS_PORT=$$port && \
		$(BIN)/dbt --quiet docs generate --target $(READ_TARGET) && $(BIN)/dbt docs serve --host 127.0.0.1 --port $$port

.PHONY: dashboard
dashboard: setup ## Serve the dashboard on 127.0.0.1, by the reader's login
	@$(LOAD_ENV); port=$${SPARKIFY_DASHBOARD_PORT:-8082}; $(BIN)/python -m tooling.ready --port SPARKIFY_DASHBOARD_PORT=$$port && \
		$(MARIMO) run dashboard/listening.py --headless --host 127.0.0.1 --port $$port

.PHONY: notebook
notebook: setup ## Open the notebook on 127.0.0.1: is everything there, and what does it say
	@$(LOAD_ENV); port=$${SPARKIFY_NOTEBOOK_PORT:-8083}; $(BIN)/python -m tooling.ready --port SPARKIFY_NOTEBOOK_PORT=$$port && \
		AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR \
		$(MARIMO) edit dashboard/notebook.py --headless --host 127.0.0.1 --port $$port

.PHONY: pictures
pictures: browser ## Take the pictures of docs/pictures, after `make demo`
	@$(BIN)/python -m local.pictures

.PHONY: browser
browser: setup ## Install the browser of the tests of pages into the checkout, by npm
	@$(BIN)/python -m local.browser

.PHONY: format
format: setup ## Put Python and SQL into the project's style, as far as the linters can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/sqlfluff fix --quiet $(SQL)
	$(BIN)/sqlfluff fix --quiet --templater placeholder $(QUERIES)

.PHONY: lint
lint: manifest lint-aws lint-pins ## Check Python, SQL, the dbt project, CI, containers, AWS template and pins
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	cd redshift_emulator && ../$(BIN)/mypy
	$(BIN)/marimo check --strict dashboard/listening.py dashboard/notebook.py
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive $(PYTHON_CODE)
	$(BIN)/sqlfluff lint --disable-progress-bar $(SQL)
	$(BIN)/sqlfluff lint --disable-progress-bar --templater placeholder $(QUERIES)
	$(BIN)/dbt-bouncer run
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/pre-commit validate-config

# checkov passes over what a condition leaves out, so it sees the template with a bucket, too; it asks
# nothing of its vendor's server.
.PHONY: lint-aws
lint-aws: setup deploy/.venv/.installed
	$(BIN)/cfn-lint deploy/cloudformation.yml
	mkdir -p target && sed '/^  CreateBucket:/,/Default/ s/"false"/"true"/' deploy/cloudformation.yml > target/own_bucket.yml
	deploy/.venv/bin/checkov --quiet --compact --skip-download --framework cloudformation \
		--file deploy/cloudformation.yml target/own_bucket.yml

# AUDIT=required fails where no vulnerability service answers.
.PHONY: lint-pins
lint-pins: setup ## Look up known vulnerabilities of the pinned packages, where the service can be reached
	@$(BIN)/python -m tooling.audit_pins $(if $(AUDIT),--$(AUDIT)) requirements*.txt deploy/requirements*.txt

.PHONY: check
check: lint ## Lint, and run the tests that start no warehouse: a minute or two
	$(BIN)/python -m pytest -m 'not stack'

.PHONY: test
ifdef T
test: $(if $(filter redshift_emulator/%,$(T)),setup,manifest browser)
	$(BIN)/python -m pytest -n 0 '$(T)'
else
test: lint browser ## Run every test, from lint to the whole pipeline; with T=path::name that one alone
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest redshift_emulator/tests
endif

.PHONY: faults
faults: manifest ## Inject faults into the pipeline and write docs/faults.md; CASES=s3, EVERY=10th statement only, KILLS=1
	@PYTHONPATH=. AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR $(BIN)/python -m tests.faults \
		--every $(or $(EVERY),1) --kills $(or $(KILLS),3) $(CASES)

.PHONY: test-emulator
test-emulator: setup ## Check style and types of the Redshift emulator, and run its own tests
	cd redshift_emulator && ../$(BIN)/ruff format --check && ../$(BIN)/ruff check && ../$(BIN)/mypy
	$(BIN)/python -m pytest redshift_emulator/tests

.PHONY: bench
bench: manifest ## Measure and write docs/PERFORMANCE.md; B=<benchmark> and its ARGS run that alone
	@$(BIN)/python -m bench $(B) $(ARGS)

.PHONY: deploy-check
deploy-check: setup ## List what deploy/cloudformation.yml creates on AWS, its parameters and outputs
	@$(BIN)/python -m deploy.stack check

.PHONY: deploy-env
deploy-env: setup ## Print .env for the stack STACK (sparkify) that was created on AWS
	@$(BIN)/python -m deploy.stack env --stack $(or $(STACK),sparkify)

.PHONY: image
image: ## Build production's image, for the login in .env
	@$(HAS_DOCKER)
	@set -a; if [ -f .env ]; then . ./.env; fi; set +a; \
		$(DOCKER) build --file deploy/Dockerfile --target pipeline --tag sparkify-pipeline $(BUILD_ARGS) .

.PHONY: compose-up
compose-up: $(if $(wildcard .env),,.local/compose.env) ## Start Airflow in containers: on the cluster in .env, or on a local S3 and Redshift
	@$(HAS_DOCKER)
	$(COMPOSE) up --build --wait

.PHONY: compose-down
compose-down: ## Stop and remove the containers; the data stays in their volumes
	@$(HAS_DOCKER)
	$(COMPOSE) --profile local down

.local/compose.env:
	@$(HAS_DOCKER)
	$(DOCKER) build --file deploy/Dockerfile --target local --tag sparkify-local .
	@mkdir -p .local && umask 077 && $(DOCKER) run --rm sparkify-local > $@.new && mv $@.new $@

.PHONY: ci-manifest
ci-manifest: setup ## Save the manifest of BASE (origin/main), which ci-slim compares with
	@git rev-parse --quiet --verify '$(BASE)^{commit}' > /dev/null || { \
		echo "There is no commit $(BASE) to compare with: git fetch origin main, or make ci-manifest BASE=<commit>." >&2; \
		exit 1; }
	@$(LOAD_ENV); base=$$(mktemp -d) && trap 'rm -rf "$$base"' EXIT && mkdir -p $(STATE) && \
		git archive $(BASE) | tar -x -C "$$base" && cp -r dbt_packages "$$base" && \
		$(BIN)/dbt --quiet parse --project-dir "$$base" --profiles-dir "$$base" --target $(READ_TARGET) --target-path "$(abspath $(STATE))"

.PHONY: ci-slim
ci-slim: reachable ## Build what PR=<number> changed in schemas of its own, the rest read from production
	@$(LOAD_ENV); export REDSHIFT_SCHEMA=pr_$(PR); \
		drop() { $(BIN)/dbt --quiet --no-write-json run-operation drop_ci_schemas; }; \
		drop && trap drop EXIT && trap 'exit 130' INT TERM && \
		$(BIN)/dbt --warn-error-options '{"error": []}' build --select state:modified+ --defer --state $(STATE)

.PHONY: lock
lock: ## Compile the pinned requirements again
	$(UV_COMPILE) requirements-bootstrap.in -o requirements-bootstrap.txt
	$(UV_COMPILE) requirements.in -o requirements.txt
	$(UV_COMPILE) -c requirements.txt requirements-dev.in redshift_emulator/pyproject.toml --all-extras -o requirements-dev.txt
	$(UV_COMPILE) deploy/requirements-lint.in -o deploy/requirements-lint.txt
	$(UV_COMPILE) -c requirements-dev.txt deploy/requirements-local.in redshift_emulator/pyproject.toml -o deploy/requirements-local.txt

.PHONY: clean
clean: ## Stop the local stack and delete its data, the environment and all that dbt wrote
	-@$(BIN)/python -m local down
	rm -rf .local .venv deploy/.venv dbt_packages target logs
