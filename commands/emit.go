package commands

import (
	"errors"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/internal/configfile"
)

func emitCategory() *command {
	return &command{name: "emit", short: "configuration files of a network node", actions: []*command{
		emitRadvd(), emitSysctl(), emitNetworkd(), emitDnsmasq(), emitNftables(), emitAll(),
	}}
}

// servedBy declares the flag that chooses the networks of one network node.
func servedBy(into *string) *cli.Flag {
	return cli.Text(into, "host", "only for the networks that this network node serves").As("HOST").NotInFlagfile().Completes(aHost)
}

// outputFlag declares -o, by which a rendered file goes to the disk instead of standard output.
func outputFlag(into *string) *cli.Flag {
	return cli.Typed(into, "output", filePath, "write FILE, as a whole or not at all; - is standard output, /dev/fd/N a descriptor").
		As("FILE").Letter("o").ByDefault("standard output").NotInFlagfile().Completes(cli.Files)
}

// boundOf adapts a check of a generator, whose errors name the value as the framework does already.
func boundOf(check func(string) error) func(string) (string, error) {
	return func(s string) (string, error) {
		err := check(s)
		if option := (*configfile.OptionError)(nil); errors.As(err, &option) {
			err = errors.New(option.Bound)
		}
		return s, err
	}
}

// refusedLedger is the error for what a generator refuses once the flags are known to be fine: it contradicts what the
// ledger holds, or the ledger holds what can never reach a file.
func refusedLedger(err error) error {
	if option := (*configfile.OptionError)(nil); errors.As(err, &option) {
		return &db.Error{Message: err.Error(), Kind: db.ErrUnfit}
	}
	return err
}
