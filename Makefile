# make run   sets everything up and serves a week of the town, live in a browser
# make test  sets everything up and passes the tests
# make help  lists the rest

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: run build web web-test web-format e2e proto api-types stories test test-long fuzz check lint bench bench-parts bench-compare peers help

run: build ## serve a week of the town, live, and print the address
	./bin/smatrix serve

build: web ## build bin/smatrix, with the page in it where npm is there
	$(GO) build -o bin/smatrix ./cmd/smatrix

WEB := $(shell find ui/web/src ui/web/public ui/web/scripts ui/web/index.html ui/web/vite.config.ts ui/web/package-lock.json -type f 2>/dev/null)

web: ## build the page into ui/web/dist; without npm the binary serves one that says how to get it
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory ui/web/dist/index.html || echo "The page was not built; the binary serves one that says so." >&2; \
	else echo "npm is not there: the page is not built, the binary serves one that says so." >&2; fi

ui/web/node_modules/.package-lock.json: ui/web/package-lock.json
	cd ui/web && npm ci
	@touch $@

ui/web/dist/index.html: $(WEB) ui/web/node_modules/.package-lock.json
	cd ui/web && npm run build
	@touch $@

web-test: web ## check the page's format and types, and test what is pure in it
	cd ui/web && npm run check && npm test

web-format: ## check the format of the page's sources, where npm is there; cd ui/web && npm run format formats them
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory ui/web/node_modules/.package-lock.json && cd ui/web && npm run --silent format:check; \
	else echo "npm is not there: the format of the page's sources is not checked." >&2; fi

e2e: build ## play the journeys in a browser against bin/smatrix; needs chromium
	cd ui/web && npm run e2e

PROTOC_GEN_GO = google.golang.org/protobuf/cmd/protoc-gen-go

proto: ## make ui/stream/stream.pb.go anew from ui/stream.proto; wants protoc
	$(GO) build -o bin/protoc-gen-go $(PROTOC_GEN_GO)
	protoc --plugin=bin/protoc-gen-go -I ui --go_out=ui/stream --go_opt=paths=source_relative ui/stream.proto

api-types: ## make ui/web/src/gen/api.ts anew from what the server says of its API
	$(GO) test ./ui -run '^TestAPITypes$$' -count 1 -rewrite

test: check ## lint, then all tests; with the race detector where actors run
	$(GO) test -timeout 30m ./...
	$(GO) test -tags sabotage ./cmd/smatrix -run TestScript/sabotage
	$(GO) test -race -short -timeout 30m ./actors/... ./sim/... ./ui/...
	$(GO) test -race -short -timeout 30m ./cmd/smatrix -run 'TestScript/serve|TestServed|TestInterrupt|TestResumed'

stories: ## play what people do with a grid against a server, and print it
	$(GO) test ./cmd/smatrix -run '^TestStories$$' -v -count 1 -failfast

test-long: ## the long forms of the tests (a billion steps, more seeds)
	$(GO) test -tags long -timeout 80m ./...

FUZZTIME ?= 1000000x

fuzz: ## feed malformed input to every entrance, a million inputs each: make fuzz [FUZZTIME=20s]
	@grep -rHo '^func Fuzz[A-Za-z]*' --include='*_test.go' . | sed -E 's|^(.*)/[^/]*:func (.*)|\1 \2|' | sort | while read -r package target; do \
		echo "$$package $$target"; $(GO) test "$$package" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x || exit 1; done

check: lint web-format ## formatting, lint, and whether made files are up to date; no other tests
	$(GO) test ./ui -run '^TestAPITypes$$'
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

bench: ## actors beside a flat loop, on this machine: make bench [ARGS='--households 1000000']
	$(GO) build -buildvcs=auto -o bin/smatrix ./cmd/smatrix
	./bin/smatrix bench $(ARGS)

bench-parts: ## Go benchmarks of a step's parts by number of households, for benchstat: make bench-parts [ARGS='-count 10']
	$(GO) test ./sim ./ui ./actors -run '^$$' -bench 'Parts|Frame$$|Step|OverFlat' -benchtime 50x $(ARGS)
	$(GO) test ./persistence -run '^$$' -bench 'Journal' -benchtime 1x $(ARGS)

bench-compare: ## processor time of NEW's hostings over OLD's: make bench-compare OLD=main NEW=HEAD [ARGS='-pairs 5']
	$(GO) run ./bench/compare $(ARGS) $(OLD) $(NEW)

PEERS = bench/peers
PYTHON ?= python3

peers: build $(PEERS)/.venv/installed ## compare with programs of others, that read the same tables or answer the same questions; needs Python 3.11
	@failed=0; for question in tables; do $(PEERS)/.venv/bin/python -B $(PEERS)/$$question.py || failed=1; done; exit $$failed

$(PEERS)/.venv/installed: $(PEERS)/requirements.txt
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "make peers needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv), or name another one: make peers PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(PEERS)/.venv
	$(PEERS)/.venv/bin/pip install --quiet --disable-pip-version-check --requirement $(PEERS)/requirements.txt
	@touch $@

help:
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' | expand -t 12
