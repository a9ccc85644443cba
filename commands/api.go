package commands

func apiCategory() *command {
	return &command{name: "api", short: "answer EC2 clients from the ledger", actions: []*command{apiServe(), apiKey()}}
}
