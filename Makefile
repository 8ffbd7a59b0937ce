# make run   sets everything up and serves a week of the town, live in a browser
# make test  sets everything up and passes the tests
# make help  lists the rest

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: run build proto stories test test-long check lint bench help

run: build ## serve a week of the town, live, and print the address
	./bin/smatrix serve

build: ## build bin/smatrix
	$(GO) build -o bin/smatrix ./cmd/smatrix

PROTOC_GEN_GO = google.golang.org/protobuf/cmd/protoc-gen-go

proto: ## make ui/stream/stream.pb.go anew from ui/stream.proto; wants protoc
	$(GO) build -o bin/protoc-gen-go $(PROTOC_GEN_GO)
	protoc --plugin=bin/protoc-gen-go -I ui --go_out=ui/stream --go_opt=paths=source_relative ui/stream.proto

test: check ## lint, then all tests; with the race detector where actors run
	$(GO) test ./...
	$(GO) test -tags sabotage ./cmd/smatrix -run TestScript
	$(GO) test -race -short ./actors/... ./sim/... ./ui/... ./cmd/...

stories: ## play what people do with a grid against a server, and print it
	$(GO) test ./cmd/smatrix -run '^TestStories$$' -v -count 1 -failfast

test-long: ## the long forms of the tests (a billion steps, more seeds)
	$(GO) test -tags long -timeout 80m ./...

check: lint ## formatting and lint, no tests
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

bench: ## ns per household-step of each hosting beside the flat loop, on this machine
	$(GO) test ./actors -run '^$$' -bench 'Step|OverFlat' -benchtime 50x

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12
