MODULES := producer processor analytics
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: help build run test test-api test-kafka test-connect fuzz chaos lint fmt generate tidy check bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: generate ## build bin/producer, bin/processor and bin/analytics
	go build -o bin/ purchases/producer purchases/processor purchases/analytics

run: build ## run everything on this machine with real purchases, until Ctrl-C
	@./run.sh

test: generate ## run all tests, with the race detector (needs Go and a C compiler)
	go test -race -p 4 -parallel 4 -timeout 10m work

API_TESTER ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/purchases/api-tester
test-api: generate ## check the HTTP API against its OpenAPI document, SEED=1 chooses the requests (needs Python 3.10 and its venv)
	@test -x $(API_TESTER)/bin/python || python3 -m venv $(API_TESTER)
	@$(API_TESTER)/bin/pip install --quiet --disable-pip-version-check -r .ci/api/requirements.txt
	go test -v -count=1 -run '^TestAPI$$' purchases/analytics/internal/endtoend -args -api-tester $(API_TESTER)/bin -api-seed $(or $(SEED),1)

# The test's own flags come after -args. Only these two targets ever look at
# the environment's cluster.
test-kafka: generate ## run the tests that need a real Apache Kafka (Java, Maven, kcat, python3-confluent-kafka), or on KAFKA_BOOTSTRAP_SERVERS
	go test -p 1 -count=1 -timeout 15m purchases/analytics/internal/endtoend purchases/analytics/internal/endtoend/security \
		-args -cluster "$${KAFKA_BOOTSTRAP_SERVERS:-kafka}"

CONNECT ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/purchases/connect-4.3.1
test-connect: generate ## run docs/connect.md: Kafka Connect into PostgreSQL, and DuckDB (needs Java, Maven, PostgreSQL, Python's venv)
	@test -d $(CONNECT) || .ci/connect/fetch $(CONNECT)
	go test -v -count=1 -run '^TestConnect$$' purchases/analytics/internal/endtoend -args -connect $(CONNECT)

DURATION ?= 2m
CLUSTER ?= embedded
chaos: generate ## kill, pause and restart everything at random, then compare; SEED= repeats, DURATION=2m, CLUSTER=embedded|kafka|HOST:PORT
	go test -v -count=1 -timeout 0 -run '^TestChaos$$' purchases/analytics/internal/endtoend -args \
		-chaos $(DURATION) -cluster $(CLUSTER) $(if $(SEED),-seed $(SEED))

FUZZ_TIME ?= 30s
fuzz: generate ## send made-up statements to the SQL sandbox and made-up requests to the HTTP handler, FUZZ_TIME=30s each
	go test -run '^$$' -fuzz '^FuzzStatement$$' -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1x purchases/analytics/internal/sandbox
	go test -run '^$$' -fuzz '^FuzzHandler$$' -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1x purchases/analytics/internal/server

lint: ## run the linters on each module
	@set -e; for m in $(MODULES); do echo "lint $$m"; (cd $$m && $(GOLANGCI_LINT) run ./...); done

fmt: ## format the Go code
	gofmt -w $(MODULES)

generate: ## copy migrations/ and queries/ to where the programs embed them
	go generate purchases/analytics/internal/sqlfiles

tidy: ## tidy each module and bring the workspace in step
	@set -e; for m in $(MODULES); do (cd $$m && go mod tidy); done
	go work sync

check: ## everything that a commit must pass: format, vet, lint, generated files, tests, a minute of fuzzing
	@test -z "$$(gofmt -l $(MODULES))" || { echo "not formatted, run make fmt:"; gofmt -l $(MODULES); exit 1; }
	go vet work
	@diff -r migrations analytics/internal/sqlfiles/migrations && diff -r queries analytics/internal/sqlfiles/queries \
		|| { echo "the embedded SQL differs from its source, run make generate and commit"; exit 1; }
	@set -e; for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy -diff && GOWORK=off go build ./...); done
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory fuzz

EVENTS ?= 500000
LOAD ?= 10s
bench: generate ## measure each stage against its limit, the whole pipeline, latency and start, and the queries beside an ingest; EVENTS=500000 in each round, LOAD=10s of requests
	BENCH_EVENTS=$(EVENTS) go test -run '^$$' -bench . -skip 'Benchmark(Queries|Load)$$' -benchtime 2s -timeout 1h work | grep -v 'no test files'
	BENCH_EVENTS=$(EVENTS) go test -run '^$$' -bench 'Benchmark(Queries|Load)$$' -benchtime 2s -timeout 0 purchases/analytics/internal/endtoend -args -load $(LOAD)

clean: ## remove what was built; the data stays
	rm -rf bin
