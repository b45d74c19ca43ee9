# What people type. `make test` is everything; CI runs it.

GO ?= go
PYTHON ?= python3
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 10m
BUILD = CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w"

.PHONY: build
build: ## the stripped static binary, ./morton
	$(BUILD) -o morton ./cmd/morton

.PHONY: test
test: check race conformance some-simulations crash acceptance ## everything

.PHONY: check
check: ## formatting, vet, staticcheck, unit and virtual-time tests, other platforms
	@test -z "$$(gofmt -l cmd internal test *.go)" || { echo "not gofmt-ed:"; gofmt -l cmd internal test *.go; exit 1; }
	$(GO) vet ./...
	$(STATICCHECK) ./...
	$(GO) test ./...
	$(MAKE) platforms

.PHONY: platforms
platforms: ## builds for every platform that is supported
	for p in linux/amd64 linux/arm64 linux/arm darwin/arm64 windows/amd64; do \
		echo "build $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/morton || exit 1; done

.PHONY: race
race: ## the tests of what runs concurrently, under the race detector
	$(GO) test -race . ./internal/...

.PHONY: conformance
conformance: build ## replays what a real mongod answered; fails for what is not known to differ
	$(GO) run ./test/conformance run -server ./morton

.PHONY: conformance-rewrite
conformance-rewrite: build ## writes what fails now into pending.json, and the table of what works
	$(GO) run ./test/conformance run -server ./morton -rewrite

.PHONY: conformance-table
conformance-table: ## writes the README's table of what works from the corpus
	$(GO) run ./test/conformance table

.PHONY: record
record: ## asks a real mongod: make record URI=mongodb://HOST:PORT CASES="test/conformance/cases/x.json ..."
	$(GO) run ./test/conformance record -server $(URI) $(CASES)

.PHONY: differential
differential: build ## random commands side by side with a real mongod: MONGOD=path, TIME=10m, SEED=number
	$(GO) run ./test/differential -ours ./morton -theirs $(MONGOD) -time $${TIME:-10m} $(if $(SEED),-seed $(SEED))

.PHONY: pymongo-tests
pymongo-tests: build ## PyMongo's own tests, from its source package; test/pymongo/failures.json has the reasons of failures
	$(PYTHON) test/pymongo/run --binary ./morton

.PHONY: crash
crash: build ## real processes killed with -9 under load; ROUNDS=50 for the long form
	$(PYTHON) test/crash/run --binary ./morton --rounds $${ROUNDS:-5}

.PHONY: simulate
simulate: ## sets of members in virtual time, with everything going wrong: SCHEDULES=10000, SEED=number for one of them
	$(GO) run ./test/simulate $(if $(SEED),-seed $(SEED) -schedules $${SCHEDULES:-1},-schedules $${SCHEDULES:-10000})

.PHONY: some-simulations
some-simulations: ## the first of them
	$(MAKE) simulate SCHEDULES=300

.PHONY: simulate-mutations
simulate-mutations: ## are deliberate bugs found? each within 500 schedules
	$(GO) run ./test/simulate -mutations

.PHONY: specification
specification: build ## the drivers' specification tests with the client of this module: against Morton, and MONGOD=path as a set and alone
	$(GO) test ./test/specification -v -count=1 -args -binary $(CURDIR)/morton -known morton.txt
	if [ -n "$(MONGOD)" ]; then $(GO) test ./test/specification -v -count=1 -args -binary "$(MONGOD)" -known mongod.txt && \
		$(GO) test ./test/specification -v -count=1 -run TestSpecifications -args -binary "$(MONGOD)" -alone -known mongod-alone.txt && \
		$(GO) test ./test/specification -v -count=1 -run TestSpecifications -args -binary "$(MONGOD)" -members 3 -only '/logging/replica-set: '; fi

.PHONY: failovers
failovers: build ## a thousand goroutines with one client through TIMES (20) failovers, under the race detector; what they were told is compared with the data
	$(GO) run -race ./test/failovers -binary ./morton -times $${TIMES:-20} $(if $(SEED),-seed $(SEED))

.PHONY: acceptance
acceptance: build ## the article and today's drivers against real processes; makes its own environments
	$(PYTHON) test/acceptance/run --binary ./morton

.PHONY: chaos
chaos: build ## real processes under trouble for TIME (30m), as root in network namespaces of their own; a report in chaos-report
	$(GO) run ./test/chaos -binary ./morton -time $${TIME:-30m} $(if $(SEED),-seed $(SEED))

.PHONY: stress
stress: ## programs that are interrupted between any two steps and overwrite freed buffers (tag stress): SWAPS=100000 tries of each client, chaos for TIME (30m)
	MORTON_SWAPS=$${SWAPS:-100000} $(GO) test -tags stress -count 1 -timeout 0 -v -run TestOneOfTwoSwapsSucceeds ./internal/engine
	$(GO) test -tags stress . ./internal/...
	$(BUILD) -tags stress -o morton-stress ./cmd/morton
	$(GO) run ./test/chaos -binary ./morton-stress -time $${TIME:-30m} $(if $(SEED),-seed $(SEED))

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (10m)
	@for pkg in $$($(GO) list ./internal/...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg || exit 1; done; done

.PHONY: bench
bench: build ## Morton beside a mongod 6.0.5, which is fetched: more than two hours; BENCH="--only operations --slice 500ms" for less; bench.html
	./morton bench --mongod $${MONGOD:-$$(PYTHON=$(PYTHON) scripts/fetch-mongod)} --html bench.html --json bench.json $(BENCH)

.PHONY: figures
figures: build ## start, failover, memory and size, as a table
	$(PYTHON) test/acceptance/figures --binary ./morton

.PHONY: help
help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'
