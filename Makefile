# `make demo` and `make test` each work as the first command in a fresh clone: they create their own environment.
.DEFAULT_GOAL := help
BIN := .venv/bin
DATA ?= $(or $(PARETONAS_DATA_DIR),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/paretonas/mnist)
export PARETONAS_DATA_DIR := $(DATA)
# where releases publish their images
RELEASES := ghcr.io/paretonas
ACTIONLINT := v1.7.8
.NOTPARALLEL:   # several targets complete the same .venv

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Create .venv from the pinned requirements, or complete it (returns at once when nothing has changed)
	@scripts/setup.sh dev

setup-demo: ## Create .venv with what `make demo` needs and no more
	@scripts/setup.sh demo

data: setup-demo ## Fetch MNIST into $(DATA), checked by md5 (returns at once when it is there)
	@$(BIN)/python -m paretonas_trainer prepare --data-dir "$(DATA)"

demo: data ## Search 48 real MNIST networks on this machine, two at a time, and show the Pareto set
	$(BIN)/paretonas run examples/mnist-nas.yaml

test: setup data ## Run the tests that need no cluster, with coverage
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n auto $(TESTS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered --skip-empty

test-installed: setup data ## Run the tests that install the wheel with torch into fresh environments
	$(BIN)/python -m pytest -m slow

simulate: setup ## Run the engine under thousands of seeded fault schedules (SEEDS=100000 for more; SEED=123 replays one)
	@$(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED))

mutants: setup ## Show that the simulation finds bugs planted in the engine
	@$(BIN)/python -m tests.simulation.mutants

lint: setup ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

cluster-up: setup ## Start a real Kubernetes with Volcano on this machine, with the images of the Dockerfile (root, Debian)
	@PYTHON=$(CURDIR)/$(BIN)/python tests/cluster/bed/cluster.sh up

cluster-down: ## Stop that cluster
	@tests/cluster/bed/cluster.sh down

e2e: setup data ## Run the cluster tests on that cluster, or on kind: make e2e KUBECONFIG=...
	@scripts/e2e.sh "$(if $(filter command line,$(origin KUBECONFIG)),$(KUBECONFIG))" $(TESTS)

chaos: setup data ## Inject every fault into that cluster, and write docs/reliability.md
	@scripts/e2e.sh "" tests/cluster/faults $(TESTS)

kind-up: ## Create a kind cluster with Volcano, the operator and the example (needs Docker and kind)
	@scripts/kind-up.sh

kind-down: ## Remove that cluster with everything in it
	@kind delete cluster --name paretonas

kind-e2e: setup data ## Test kind-up, the example and the README's commands without a registry (Debian, root)
	@tests/cluster/kind/cluster.sh e2e

images: ## Build both images, tag them and push them: make images REGISTRY=registry.example.org/me [TAG=...]
	@scripts/images.sh "$(REGISTRY)" $(TAG)

install-yaml: ## Render dist/install.yaml, for a cluster that you have (REGISTRY=... for images of your own)
	@scripts/install-yaml.sh "$(or $(REGISTRY),$(RELEASES))" $(TAG)

lint-workflows: ## Check .github/workflows with actionlint (needs Go)
	@go run github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT) -color

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: setup ## Generate docs/reference.md and the JSON schemas from crds/
	@$(BIN)/python -m scripts.make_reference

lock: setup ## Pin requirements/*.txt again from pyproject.toml (needs uv)
	scripts/lock.sh

bench-%: setup data ## Run one benchmark of docs/benchmarks.md: bench-mnist, bench-suggest, bench-quality, bench-formula, bench-spaces, bench-objectives, bench-logs, bench-live_logs, bench-stopping, bench-first_trial
	$(BIN)/python -m benchmarks.$* $(ARGS)

clean: ## Remove what the targets above created, except the data
	rm -rf .venv .venv-uv runs .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help setup setup-demo data demo test test-installed simulate mutants lint cluster-up cluster-down e2e chaos kind-up kind-down kind-e2e images install-yaml lint-workflows format reference lock clean
