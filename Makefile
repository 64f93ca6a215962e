MODULES := producer processor analytics
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: help build stage install uninstall dist run test test-dist test-metrics test-registry test-api test-clients test-page screenshots \
	test-kafka test-connect fuzz chaos lint fmt generate tidy check bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: generate ## build bin/producer, bin/processor and bin/analytics
	go build -buildvcs=false -ldflags='-X $(CMDLINE).version=$(VERSION) -X $(CMDLINE).commit=$(COMMIT)' -o bin/ purchases/producer purchases/processor purchases/analytics

run: build ## run everything on this machine with real purchases, until Ctrl-C
	@./run.sh

test: generate ## run all tests, with the race detector (needs Go and a C compiler)
	go test -race -p 4 -parallel 4 -timeout 10m work

API_TESTER ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/purchases/api-tester
test-api: generate ## check the HTTP API against its OpenAPI document, SEED=1 chooses the requests (needs Python 3.10 and its venv)
	@test -x $(API_TESTER)/bin/python || python3 -m venv $(API_TESTER)
	@$(API_TESTER)/bin/pip install --quiet --disable-pip-version-check -r .ci/api/requirements.txt
	go test -v -count=1 -run '^TestAPI$$' purchases/analytics/internal/endtoend -args -api-tester $(API_TESTER)/bin -api-seed $(or $(SEED),1)

CLIENTS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/purchases/clients
test-clients: generate ## run the recipes of docs/clients.md (needs Python 3.10 and its venv)
	@test -x $(CLIENTS)/bin/python || python3 -m venv $(CLIENTS)
	@$(CLIENTS)/bin/pip install --quiet --disable-pip-version-check -r .ci/clients/requirements.txt
	go test -v -count=1 -run '^TestClients$$' purchases/analytics/internal/endtoend -args -clients $(CLIENTS)/bin

# The page in Chromium. axe-core is fetched once and never committed.
PAGE_TESTS := purchases/analytics/internal/endtoend/browser
AXE_VERSION := 4.14.1
AXE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/purchases/axe-core-$(AXE_VERSION)
test-page: generate ## test the page in a browser, accessibility included (needs Chromium and npm)
	@test -e $(AXE)/package/axe.min.js || (mkdir -p $(AXE) && cd $(AXE) && npm pack --silent axe-core@$(AXE_VERSION) && tar -xzf axe-core-$(AXE_VERSION).tgz)
	go test -v -count=1 $(PAGE_TESTS) -args -axe $(AXE)/package/axe.min.js

screenshots: generate ## write pictures of the page into screenshots/ (needs Chromium); DB=data/analytics.db takes those of a database
	go test -v -count=1 -run '^TestScreenshots$$' $(PAGE_TESTS) -args -screenshots $(CURDIR)/screenshots $(if $(DB),-db $(abspath $(DB)))

# The test's own flags come after -args. Only these two targets ever look at
# the environment's cluster.
test-kafka: generate ## run the tests that need a real Apache Kafka (Java, Maven, kcat, python3-confluent-kafka), or on KAFKA_BOOTSTRAP_SERVERS
	go test -p 1 -count=1 -timeout 15m purchases/analytics/internal/endtoend purchases/analytics/internal/endtoend/security \
		-args -cluster "$${KAFKA_BOOTSTRAP_SERVERS:-kafka}"

INTEROP := analytics/internal/endtoend/interop
SERIALIZERS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/purchases/serializers
test-registry: generate ## run the tests that need a real schema registry and Confluent's serializers (Java 17, Maven, Python 3.10 and its venv)
	@test -x $(SERIALIZERS)/bin/python || python3 -m venv $(SERIALIZERS)
	@$(SERIALIZERS)/bin/pip install --quiet --disable-pip-version-check -r $(INTEROP)/testdata/requirements.txt
	go test -v -count=1 -timeout 10m purchases/$(INTEROP) -args -python $(SERIALIZERS)/bin/python

CONNECT ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/purchases/connect-4.3.1
test-connect: generate ## run docs/connect.md: Kafka Connect into PostgreSQL, and DuckDB (needs Java, Maven, PostgreSQL, Python's venv)
	@test -d $(CONNECT) || .ci/connect/fetch $(CONNECT)
	go test -v -count=1 -run '^TestConnect$$' purchases/analytics/internal/endtoend -args -connect $(CONNECT)

DURATION ?= 2m
CLUSTER ?= embedded
chaos: generate ## kill, pause and restart everything at random, then compare; SEED= repeats, DURATION=2m, CLUSTER=embedded|kafka|HOST:PORT
	go test -v -count=1 -timeout 0 -run '^TestChaos$$' purchases/analytics/internal/endtoend -args \
		-chaos $(DURATION) -cluster $(CLUSTER) $(if $(SEED),-seed $(SEED))

FUZZ_TIME ?= 12s
fuzz: generate ## send made-up statements to the SQL sandbox, requests to the HTTP handler and values to the decoders, FUZZ_TIME=12s each
	go test -run '^$$' -fuzz '^FuzzStatement$$' -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1x purchases/analytics/internal/sandbox
	go test -run '^$$' -fuzz '^FuzzHandler$$' -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1x purchases/analytics/internal/server
	go test -run '^$$' -fuzz '^FuzzParse$$' -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1x purchases/producer/registry
	go test -run '^$$' -fuzz '^FuzzAvro$$' -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1x purchases/processor/internal/deserialize
	go test -run '^$$' -fuzz '^FuzzProtobuf$$' -fuzztime $(FUZZ_TIME) -fuzzminimizetime 1x purchases/processor/internal/deserialize

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

PREFIX ?= /usr/local
PROGRAMS := producer processor analytics
VERSION ?= $(shell git describe --tags --always --dirty=+changes 2>/dev/null || echo unknown)
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
CMDLINE := purchases/producer/cmdline
RELEASE_FLAGS := -trimpath -buildvcs=false -ldflags='-s -w -buildid= -X $(CMDLINE).version=$(VERSION) -X $(CMDLINE).commit=$(COMMIT)'
STAGE := bin/stage

stage: generate ## build what install and dist copy, in bin/stage
	rm -rf $(STAGE)
	mkdir -p $(STAGE)/bin $(STAGE)/share/man/man1 $(STAGE)/share/bash-completion/completions \
		$(STAGE)/share/zsh/site-functions $(STAGE)/share/fish/vendor_completions.d $(STAGE)/lib/systemd/system $(STAGE)/share/doc/purchases
	go build $(RELEASE_FLAGS) -o $(STAGE)/bin/ purchases/producer purchases/processor purchases/analytics
	@set -e; for p in $(PROGRAMS); do \
		$(STAGE)/bin/$$p man > $(STAGE)/share/man/man1/$$p.1; \
		$(STAGE)/bin/$$p completion bash > $(STAGE)/share/bash-completion/completions/$$p; \
		$(STAGE)/bin/$$p completion zsh > $(STAGE)/share/zsh/site-functions/_$$p; \
		$(STAGE)/bin/$$p completion fish > $(STAGE)/share/fish/vendor_completions.d/$$p.fish; \
	done
	cp LICENSE README.md CHANGELOG.md $(STAGE)/share/doc/purchases/
	for u in deploy/systemd/*.service; do sed 's|/usr/local/bin/|$(PREFIX)/bin/|' $$u > $(STAGE)/lib/systemd/system/$${u##*/}; done
	chmod -R u=rwX,go=rX $(STAGE)

install: stage ## install programs, manual pages, completions and units to $(DESTDIR)$(PREFIX)
	mkdir -p "$(DESTDIR)$(PREFIX)"
	cp -R $(STAGE)/. "$(DESTDIR)$(PREFIX)/"

uninstall: ## remove what install installs; the data stays
	@set -e; cd $(STAGE) && find . -type f | while read -r f; do rm -f "$(DESTDIR)$(PREFIX)/$$f"; done

# The analytics program is linked with SQLite's C code: an archive is for the
# platform that it is built on, or that CC and GOARCH name.
DIST_NAME = purchases-$(VERSION)-$(shell go env GOOS)-$(shell go env GOARCH)
EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
dist: stage ## make bin/dist: a reproducible archive for this platform, and SHA256SUMS
	rm -rf bin/dist && mkdir -p bin/dist
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$(EPOCH) --transform='s|^\.|$(DIST_NAME)|' -C $(STAGE) -cf - . \
		| gzip -9n > bin/dist/$(DIST_NAME).tar.gz
	cd bin/dist && sha256sum *.tar.gz > SHA256SUMS

test-dist: ## build the archive twice, from two folders, and compare
	$(MAKE) --no-print-directory dist && cp bin/dist/SHA256SUMS bin/SHA256SUMS.first
	@set -e; copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; git archive HEAD | tar -x -C "$$copy"; \
		$(MAKE) --no-print-directory -C "$$copy" dist VERSION='$(VERSION)' COMMIT='$(COMMIT)' EPOCH='$(EPOCH)'; \
		diff bin/SHA256SUMS.first "$$copy/bin/dist/SHA256SUMS" && echo "the same bytes twice"

PROMTOOL ?= promtool
test-metrics: build ## check the metrics and alert rules with promtool (Debian: prometheus)
	$(PROMTOOL) check rules deploy/prometheus/alerts.yaml
	$(PROMTOOL) test rules deploy/prometheus/alerts_test.yaml
	./deploy/prometheus/check-metrics.sh $(PROMTOOL)
