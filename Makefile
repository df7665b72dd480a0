# The project's commands. Everything runs inside the project's own folder; `make setup` installs what is missing.

BIN := .venv/bin
APE := $(BIN)/ape
# Ape's pytest plugin is for contract tests alone: without it the others start in a second.
PYTEST := $(BIN)/python -m pytest -p no:ape_test

# Every target is a name, not a file.
.PHONY: $(shell grep -oE '^[a-z-]+:' $(firstword $(MAKEFILE_LIST)) | tr -d :)

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-17s %s\n", $$1, $$2}'

setup: ## Install what is missing, inside this folder
	@python3 scripts/_setup.py

demo: setup ## Run the closed loop on this machine (KEEP=1 leaves it running)
	@$(BIN)/python -m scripts.demo $(if $(KEEP),--keep) $(if $(PORT_BASE),--port-base $(PORT_BASE))

demo-page: setup ## The same, shown on the explorer's pages while it unfolds, and kept running
	@$(BIN)/python -m scripts.demo --pages --keep $(if $(PORT_BASE),--port-base $(PORT_BASE))

# The first three use a core each, two at a time; the others have clocks to meet, or both cores already.
test: setup ## Run the whole test suite
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-foundry test-evm test-anvil
	@$(MAKE) --no-print-directory test-oracles
	@$(MAKE) --no-print-directory test-integration

lint: setup ## Check format, style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/forge fmt --check
	FOUNDRY_PROFILE=contracts $(BIN)/forge build

fmt: setup ## Format everything
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/forge fmt

test-foundry: setup ## Contract unit and fuzz tests, in Solidity
	$(BIN)/forge test

test-oracles: setup ## The Python package's tests, without Ape
	$(PYTEST) tests/oracles -n 2

test-contracts: test-evm test-anvil ## Contract tests from Python; the stateful model on both EVMs

test-evm: setup ## Contract tests and the stateful model on Ape's own EVM
	$(APE) test tests/contracts tests/invariants --network ethereum:local:test

test-anvil: setup ## Permissions, the stateful model and the stories on Anvil
	$(APE) test tests/contracts/test_permissions.py tests/invariants tests/stories --network ethereum:local:foundry

test-hardhat: setup tests/rehearsal/node_modules ## Contract tests and the stateful model on Hardhat's node
	$(APE) test -p tests.support.hardhat tests/contracts tests/invariants --network ethereum:local:hardhat

test-evms: test-evm test-hardhat ## The whole contract suite and the stateful model on all three EVMs
	$(APE) test tests/contracts tests/invariants --network ethereum:local:foundry

stories: setup ## Play and tell the bad days of tests/stories, and a vote, on Anvil
	$(APE) test tests/stories --network ethereum:local:foundry

test-integration: setup ## Processes, independent clients and the toolchain, against a real Anvil
	$(PYTEST) tests/integration

bench-oracle: setup ## Measure agreement with 4 to 31 oracles, write benchmarks/oracle.json
	$(BIN)/python -m benchmarks.oracle

chaos: setup ## Break a network of real oracles at random (SEED=, EACH=, ORACLES=), write benchmarks/chaos.json
	$(BIN)/python -m tests.chaos --out benchmarks/chaos.json $(if $(SEED),--seed $(SEED)) $(if $(EACH),--each $(EACH)) $(if $(ORACLES),--oracles $(ORACLES))

test-network: setup ## The small chaos campaign, demands, double signers, latecomers: real oracles on Anvil, minutes
	$(PYTEST) tests/chaos

test-relay: setup ## The relayer's bad days: wallets, reorgs, floods, full queues, a node that is gone
	$(PYTEST) tests/relay

test-explorer: setup ## The explorer's long and bad days: reorgs, kills, PostgreSQL, hostile clients; a demo kept running
	$(PYTEST) tests/explorer

rehearse: setup tests/rehearsal/node_modules ## Play a deployment to Sepolia on this machine: on Anvil, then on Hardhat's node
	$(BIN)/python -m tests.rehearsal --node anvil
	$(BIN)/python -m tests.rehearsal --node hardhat

tests/rehearsal/node_modules: tests/rehearsal/package-lock.json
	npm ci --prefix tests/rehearsal
	@touch $@

docs: setup ## Build the documentation site into build/docs
	$(BIN)/python -m docs._site.build

test-docs: setup ## Do what the documentation says, every command of it, in a clone set up anew; build its site
	$(PYTEST) tests/docs -s

test-package: setup ## The built wheel in an empty environment, as an operator has it
	$(PYTEST) tests/package

test-browser: setup web/node_modules ## The explorer's pages in Chromium (Debian: chromium)
	$(PYTEST) tests/browser

pages: setup web/node_modules ## Build the explorer's pages into the Python package
	npm run --prefix web build

pages-check: setup web/node_modules ## Check that the pages are what their sources give
	npm run --prefix web check

web/node_modules: web/package-lock.json
	npm ci --prefix web
	@touch $@

bench-explorer: setup ## Measure the explorer under load (ARGS="--events 100000 --visitors 100 --seconds 60" for less)
	$(BIN)/python -m benchmarks.explorer $(ARGS)

seeded-bugs: setup ## Show that the stateful model catches bugs seeded in the contracts
	$(BIN)/python -m tests.invariants.seeded_bugs

abi: setup ## Write the compiled ABIs into the Python package
	$(APE) run export_abi

bench-proof: setup ## Measure what a proof of compute and its check cost, into benchmarks/proof.json
	$(BIN)/python -m benchmarks.proof

gas: setup ## Measure gas on Anvil and compare with benchmarks/gas.json (UPDATE=1 writes it)
	$(BIN)/python -m benchmarks.gas $(if $(UPDATE),,--check)

peers: setup ## Measure the same work by peers' published contracts, write benchmarks/peers.json (CHECK=1 compares)
	$(BIN)/python -m benchmarks.peers $(if $(CHECK),--check)

coverage: setup ## Measure which lines and branches of the contracts the tests run
	$(BIN)/python -m benchmarks.coverage

static: setup ## Slither, its checks of the ERCs, solhint, compiler warnings: none may be left; writes benchmarks/static.json
	$(BIN)/python -m tests.assurance.static

prove: setup ## Prove the theorems of tests/prove with halmos, write benchmarks/prove.json
	$(BIN)/python -m tests.assurance.prove

fuzz: setup ## The long stateful campaign of invariants 1 to 11 (ARGS="--runs 20" for less), write benchmarks/fuzz.json
	$(BIN)/python -m tests.assurance.fuzz $(ARGS)

fuzz-parsers: setup ## Every parser under a coverage-guided fuzzer (SECONDS=20 each), write benchmarks/fuzz_parsers.json
	$(BIN)/python -m tests.assurance.fuzz_parsers $(if $(SECONDS),--seconds $(SECONDS))

mutate: setup ## Put mutants into a copy of the contracts and see the tests kill them (ARGS="--count 20" for less)
	$(BIN)/python -m tests.assurance.mutate $(ARGS)

bench-roll: setup ## Measure rolls of 1e6, 1e7 and 1e8 citizens beside npm's package (SIZES=1000000 for one alone)
	$(BIN)/python -m benchmarks.roll $(if $(SIZES),--sizes $(SIZES))

bench-relay: setup ## Measure the relayer: gas a payment, payments a second, floods and kills, into benchmarks/relay.json
	$(BIN)/python -m benchmarks.relay

scale: setup ## Write the figures of docs/scale.md from the committed benchmarks
	$(BIN)/python -m benchmarks.scale

bench-simulate: setup ## Measure the simulation against the same model in radCAD, into benchmarks/simulate.json
	$(BIN)/python -m benchmarks.simulate

policy-plots: setup ## Draw the plots of docs/policy.md again
	$(BIN)/python -m benchmarks.year

bench-soak: setup ## A keeper, then an oracle for an hour (SECONDS=3600): does its memory grow? Writes benchmarks/soak*.json
	$(BIN)/python -m benchmarks.soak --seconds $(or $(SECONDS),3600)
	$(BIN)/python -m benchmarks.soak --seconds $(or $(SECONDS),3600) --daemon oracle

gas-products: setup ## Measure on Anvil what settling a wrong product costs (UPDATE=1 writes benchmarks/products.json)
	$(BIN)/python -m benchmarks.products $(if $(UPDATE),,--check)

lock: setup ## Resolve the Python packages anew into requirements.lock
	$(BIN)/python scripts/_lock.py $(if $(UPGRADE),--upgrade)

clean: ## Remove what builds and tests leave; installed tools stay
	rm -rf build .build .hypothesis .pytest_cache .mypy_cache .ruff_cache
