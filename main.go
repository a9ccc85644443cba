// Command nova-manage keeps a ledger of dual-stack tenant networks and prints what a network node needs to serve them.
package main

import (
	"os"

	"nova-manage/commands"
)

func main() {
	os.Exit(commands.Main(os.Args, commands.System()))
}
