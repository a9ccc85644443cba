package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/internal/configfile"
	"nova-manage/radvdgen"
)

type emitRadvdOptions struct {
	db.LinkFilter
	Output    string
	PerBridge string
	Prune     bool
	advertOptions
}

func emitRadvd() *command {
	o := &emitRadvdOptions{advertOptions: newAdvertOptions()}
	return &command{
		name:  "radvd",
		short: "print radvd.conf: what the node's bridges advertise to their guests",
		long: "There is one interface block for every bridge with IPv6. --host and --network choose bridges; a block then tells all " +
			"there is about its link, whichever network chose it. Networks on one bridge have their IPv6 DNS servers announced " +
			"together, in the order in which the networks were made, and must agree on their MTU, which must not exceed the bridge's " +
			"own. An IPv4 DNS server cannot be announced. Where a guest has a recorded address that does not follow from its MAC, the bridge's " +
			"guests are told to ask for addresses by DHCPv6 too, as --managed does for all. Where there is nothing to advertise the exit code is 3 and no file is touched, " +
			"but with --prune the files of bridges that are gone are removed, and the exit code is 0 unless --host names a node " +
			"that serves no network.",
		examples: []string{
			"nova-manage emit radvd -o /etc/radvd.conf",
			"nova-manage emit radvd --host node1 --per_bridge /var/lib/nova/networks --prune",
			"nova-manage emit radvd --network 10.0.1.0/27 --dns_search example.org --other_config",
		},
		flags:  append(o.placeFlags(), o.advertOptions.flags()...),
		ledger: reads,
		files:  func() bool { return o.PerBridge != "" || isFile(o.Output) },
		check:  func(*cli.Env) error { return o.validate() },
		run:    o.run,
	}
}

func (o *emitRadvdOptions) placeFlags() []*cli.Flag {
	return []*cli.Flag{
		servedBy(&o.Host),
		cli.Texts(&o.Networks, "network", "only for the bridge of this network: "+networkUsage+"; repeatable").As("NETWORK").NotInFlagfile().Completes(aNetwork),
		outputFlag(&o.Output),
		cli.Typed(&o.PerBridge, "per_bridge", filePath, "write DIR/"+perBridgeName("BRIDGE")+
			" for each bridge, where it differs").As("DIR").NotInFlagfile().Completes(cli.Folders),
		cli.Boolean(&o.Prune, "prune", "with --per_bridge: remove the files written so for bridges that are gone").NotInFlagfile(),
	}
}

func (o *emitRadvdOptions) run(ctx context.Context, s *session) error {
	links, err := s.store.Links(ctx, o.LinkFilter)
	if err != nil {
		return err
	}
	config := radvdgen.Config{Interfaces: make([]radvdgen.Interface, len(links))}
	for i, l := range links {
		config.Interfaces[i] = o.advertise(l)
	}
	radvdgen.SortInterfaces(config.Interfaces)
	text, err := config.Append(nil)
	switch {
	case errors.Is(err, radvdgen.ErrNothing):
		return o.nothing(ctx, s)
	case err != nil:
		return refusedLedger(err)
	case o.PerBridge == "":
		return s.output(ctx, o.Output, text)
	}
	f := o.folder()
	for _, i := range config.Interfaces {
		one := radvdgen.Config{Interfaces: []radvdgen.Interface{i}}
		if text, err = one.Append(nil); err != nil {
			return refusedLedger(err)
		}
		f.files = append(f.files, textFile{perBridgeName(i.Name), text})
	}
	return s.outputFolder(ctx, f)
}

// folder is the folder that --per_bridge names, without a file in it.
func (o *emitRadvdOptions) folder() *folder {
	return &folder{
		path:   o.PerBridge,
		header: configfile.Header,
		named: func(name string) bool {
			bridge, ok := bridgeOf(name)
			return ok && radvdgen.CheckRadvdName(bridge) == nil
		},
		partial: o.Networks != nil,
		prune:   o.Prune,
		gone:    "of bridges that are gone",
		spare:   "of bridges that are in the ledger",
	}
}

// perBridgeName is the name of a bridge's file, as Nova had it.
func perBridgeName(bridge string) string { return "nova-ra-" + bridge + ".conf" }

// bridgeOf is the bridge whose file has that name.
func bridgeOf(name string) (bridge string, ok bool) {
	bridge = strings.TrimSuffix(strings.TrimPrefix(name, "nova-ra-"), ".conf")
	return bridge, perBridgeName(bridge) == name
}

// validate finds what is wrong with the flags whatever the ledger holds: package radvdgen judges the block of a
// link like any other.
func (o *emitRadvdOptions) validate() error {
	switch {
	case o.Output != "" && o.PerBridge != "":
		return cli.UsageErrorf("--output and --per_bridge exclude each other")
	case o.Prune && o.PerBridge == "":
		return cli.UsageErrorf("--prune is for --per_bridge")
	case o.Prune && o.Networks != nil:
		return cli.UsageErrorf("--prune with --network would remove the files of all other bridges")
	}
	return o.advertOptions.validate()
}

// nothing is what there is to do where no bridge is chosen: with --prune the files of earlier runs are removed, since
// without that the last bridge's would be advertised for ever. The folder then is what the ledger says, which is success.
//
// A host that serves no network at all may be one that has just lost its last one, or a slip of whoever typed it, which
// must not stop IPv6 on all bridges here. So it stays an error, and the files of bridges that are in the ledger stay, too.
func (o *emitRadvdOptions) nothing(ctx context.Context, s *session) error {
	message := "nothing to advertise: no network in the ledger has IPv6"
	if o.Host != "" {
		message = fmt.Sprintf("nothing to advertise: no network with IPv6 is served by %s", cli.Quote(o.Host))
	}
	err := &db.Error{Message: message, Kind: db.ErrNotFound}
	if !o.Prune {
		return err
	}
	served, failed := s.store.Bridges(ctx, o.Host)
	if failed != nil {
		return failed
	}
	f := o.folder()
	if o.Host == "" || len(served) > 0 {
		s.Notef("%s", message)
		return s.outputFolder(ctx, f)
	}
	known, failed := s.store.Bridges(ctx, "")
	if failed != nil {
		return failed
	}
	f.spared = func(name string) bool {
		bridge, _ := bridgeOf(name)
		return slices.Contains(known, bridge)
	}
	if failed := s.outputFolder(ctx, f); failed != nil {
		return failed
	}
	return err
}
