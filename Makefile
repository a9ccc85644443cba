.PHONY: build test lint fuzz bench ci

build: ## nova-manage, one static file
	CGO_ENABLED=0 go build -trimpath -o nova-manage .

test:
	go test ./...

lint: ## format, vet, staticcheck, the arrows between the rooms
	.ci/lint

fuzz: ## every fuzz target, 30 seconds each
	.ci/fuzz

bench: ## beside the sqlite3 shell, on this machine
	go run ./bench

ci: ## all of it on a Debian 12 machine, as root
	.ci/run
