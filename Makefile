.PHONY: build test lint fuzz bench pictures release ci

build: ## nova-manage, one static file, stripped
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o nova-manage .

test:
	go test ./...

lint: ## format, vet, staticcheck, the arrows between the rooms
	.ci/lint

fuzz: ## every fuzz target, 30 seconds each
	.ci/fuzz

bench: ## beside the sqlite3 shell, on this machine; as root also the packet filter beside a rule for each address
	go run ./bench
	go test ./db -run '^$$' -bench History -benchtime 5x
	go test ./nftgen -run '^$$' -bench . -benchtime 1x

pictures: ## what the README shows, drawn by the program itself
	go run ./docs/pictures

release: ## packages, archives and SHA256SUMS in dist/; TARGETS=linux/arm64 makes some, VERSION=1.2.3 names them
	release/build $(TARGETS)

ci: ## all of it on a Debian 12 machine, as root
	.ci/run
