package commands

import (
	"io/fs"

	"nova-manage/internal/cli"
	"nova-manage/node"
)

// emitCategories are what prints a node's files.
var emitCategories = []func() *command{emitCategory}

func emitCategory() *command {
	return &command{name: "emit", short: "configuration files of a network node", actions: []*command{
		emitRadvd(), emitSysctl(), emitNetworkd(), emitDnsmasq(), emitNftables(), emitAll(),
	}}
}

// liveActions are what looks at a node itself, or changes it.
func liveActions() []*command { return []*command{hostDiff(), hostApply(), hostCheck()} }

// missing is what other systems have commands for.
var missing []cli.Retired

// writeWhole makes path hold data as a whole or not at all. The error does not name path.
func writeWhole(path string, mode fs.FileMode, data []byte) error {
	return node.WriteFile(path, mode, data)
}
