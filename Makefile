# FerroCache: the commands people type. Everything else is CMake (see CMakePresets.json).
SHELL := /bin/bash
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
PORT ?= 3000
DATA_FOLDER ?= $(CURDIR)/run/data
NODE := build/release/bin/ferrocached
IMAGE_BINARIES := ferrocached ferrocache-operator

export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: packages
packages: ## install the Debian packages that are missing
	@tools/install_packages.sh

.PHONY: build
build: packages ## build everything, tests included, into build/release
	@tools/build.sh release

.PHONY: programs
programs: packages ## build the node and ferroctl alone, without tests
	@tools/build.sh release ferrocached ferroctl

.PHONY: run
run: programs ## build and start a node on :3000 (PORT=, DATA_FOLDER=, FOREGROUND=1)
	@tools/run_node.sh start "$(NODE)" "$(PORT)" "$(DATA_FOLDER)"

.PHONY: stop
stop: ## stop the node that `make run` started
	@tools/run_node.sh stop "$(NODE)" "$(PORT)" "$(DATA_FOLDER)"

.PHONY: test
test: build ## build and run every test short of Kubernetes
	@ctest --test-dir build/release --output-on-failure -j $(JOBS)

.PHONY: test-python
test-python: build ## the Python package's tests alone (ARGS= for pytest)
	@/usr/bin/python3 clients/python/tools/run_tests.py --build build/release $(ARGS)

.PHONY: crash-points
crash-points: packages ## every operation of the operator, killed before and after each of its writes
	@tools/build.sh release operator_scenarios_test
	@FERRO_CRASH_POINTS=all build/release/bin/operator_scenarios_test --gtest_filter='*CrashPoint*'

.PHONY: sim
sim: packages ## simulate clusters with faults (SEEDS=1000 FROM=1, ONLY=seed, NODES=, VERBOSE=1)
	@tools/build.sh release simulator
	@build/release/bin/simulator --from $(or $(ONLY),$(FROM),1) --seeds $(if $(ONLY),1,$(or $(SEEDS),1000)) \
	  $(if $(NODES),--nodes $(NODES)) $(if $(VERBOSE),--verbose) --jobs $(if $(ONLY),1,$(JOBS))

.PHONY: demo
demo: programs ## stream sample questions through a node, kill it, show it remembers (DATA=folder)
	@/usr/bin/python3 samples/demo.py --binary "$(NODE)" $(if $(DATA),--data "$(DATA)")

.PHONY: cluster
cluster: programs ## three nodes that form a cluster, on :3000 to :3002; Ctrl-C stops them (PORT=, NODES=, TLS=1)
	@/usr/bin/python3 tools/run_cluster.py --binary "$(NODE)" --port "$(PORT)" --nodes "$(or $(NODES),3)" \
	  --folder "$(CURDIR)/run/cluster" $(if $(TLS),--tls)

.PHONY: demo-cluster
demo-cluster: programs ## insert anywhere, ask everywhere, kill one node, ask again, bring it back
	@/usr/bin/python3 samples/demo_cluster.py --binary "$(NODE)"

.PHONY: bench
bench: build ## measure beside a baseline in the same run, print one table
	@bench/run.sh

.PHONY: packages-e2e
packages-e2e: packages ## install what the Kubernetes of `make e2e` needs besides
	@tools/install_packages.sh tools/packages_e2e.txt

.PHONY: kube-up
kube-up: packages-e2e ## a real three-node Kubernetes on this machine, with the product's images; prints what to try
	@tools/build.sh release $(IMAGE_BINARIES)
	@e2e/run.py up

.PHONY: kube-demo
kube-demo: packages-e2e ## kube-up, the operator by Helm and a sample cluster of three nodes; prints what to try
	@tools/build.sh release $(IMAGE_BINARIES)
	@e2e/run.py demo

.PHONY: kube-down
kube-down: ## take that Kubernetes away and leave the machine as it was
	@e2e/run.py down

.PHONY: images
images: packages-e2e ## build the product's images again and import them into the Kubernetes of `make kube-up`
	@tools/build.sh release $(IMAGE_BINARIES)
	@e2e/run.py images

.PHONY: e2e
e2e: packages-e2e ## try everything on a real Kubernetes (SCENARIO=name for one, KEEP=1 leaves its namespace)
	@tools/build.sh release $(IMAGE_BINARIES)
	@e2e/run.py scenario $(or $(SCENARIO),all) $(if $(KEEP),--keep)

.PHONY: e2e-ci
e2e-ci: packages ## the few scenarios for every change, as far as MINUTES=15 go; says what it left out
	@tools/install_packages.sh tools/packages_e2e.txt || echo "without these packages the scenarios are left out"
	@tools/build.sh release $(IMAGE_BINARIES)
	@e2e/run.py ci --minutes "$(or $(MINUTES),15)"

.PHONY: lint
lint: packages ## format, walls between modules, headers alone, clang-tidy (AREAS="common node ..." for the last two)
	@AREAS="$(AREAS)" tools/lint.sh

.PHONY: asan
asan: packages ## build and test under AddressSanitizer and UBSan (ONLY=pattern of program names)
	@JOBS=$(JOBS) tools/sanitize.sh asan "$(ONLY)" $(CTEST_ARGS)

.PHONY: tsan
tsan: packages ## build and test under ThreadSanitizer (ONLY=pattern of program names)
	@JOBS=$(JOBS) tools/sanitize.sh tsan "$(ONLY)" $(CTEST_ARGS)

.PHONY: integration
integration: packages ## the black-box suite alone (SANITIZER=asan or tsan: of that build of the node)
	@tools/build.sh $(or $(SANITIZER),release) ferrocached && ctest --test-dir build/$(or $(SANITIZER),release) \
	  --output-on-failure -L integration -j $(JOBS) $(CTEST_ARGS)

.PHONY: fuzz
fuzz: packages ## run every fuzzer (SECONDS_EACH=60)
	@tools/fuzz.sh "$(or $(SECONDS_EACH),60)"

.PHONY: clean
clean: ## remove everything that was built (not the data of `make run`)
	@rm -rf build
