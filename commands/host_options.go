package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"nova-manage/internal/cli"
	"nova-manage/node"
)

// hostOptions are what the commands about one network node have in common.
type hostOptions struct {
	nodeOptions
	advertOptions
	Root string
}

func newHostOptions() *hostOptions {
	return &hostOptions{nodeOptions: newNodeOptions(), advertOptions: newAdvertOptions(), Root: "/"}
}

func (o *hostOptions) hostArg() *cli.Arg {
	return cli.Optional(named(&o.Host, "HOST", nil, "the network node").ByDefault("the name of this machine").Completes(aHost))
}

func (o *hostOptions) flags() []*cli.Flag {
	return slices.Concat(o.nodeOptions.flags(), o.advertOptions.flags())
}

func (o *hostOptions) rootFlag() *cli.Flag {
	return cli.Typed(&o.Root, "root", filePath, "the folder that is to become the node's /; the files go below it, and nothing is reloaded").
		As("DIR").NotInFlagfile().Completes(cli.Folders)
}

func (o *hostOptions) check(e *cli.Env) (err error) {
	if o.Host == "" {
		if o.Host, err = e.Sys.Hostname(); err != nil {
			return cli.WithHint(fmt.Errorf("this machine's name cannot be told: %w", err), "name the host: nova-manage host ... HOST")
		}
	}
	if o.Root, err = filepath.Abs(o.Root); err != nil {
		return err
	}
	return o.advertOptions.validate()
}

// plan reads the ledger and works out what the node should be.
func (o *hostOptions) plan(ctx context.Context, s *session) (*nodePlan, error) {
	// A folder that is misspelt would be made, or seem to be an empty machine.
	info, err := os.Stat(o.Root)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a folder")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use %s as the node's root: %w", o.Root, cli.ReasonOf(err))
	}
	view, err := s.store.Node(ctx, o.Host)
	if err != nil {
		return nil, err
	}
	plan, err := planNode(&o.nodeOptions, &o.advertOptions, view, func(link string) (string, error) { return o.usedFile(ctx, link) })
	if err != nil {
		return nil, err
	}
	s.warnAll(plan.warnings)
	return plan, nil
}

// usedFile is the .network file by which networkd configures a link of the machine.
func (o *hostOptions) usedFile(ctx context.Context, link string) (string, error) {
	for _, f := range o.NetworkFiles {
		if f.link == link {
			return f.file, nil
		}
	}
	file, err := node.NetworkFile(ctx, o.Root, link)
	if errors.Is(err, node.ErrNoNetworkFile) {
		return "", cli.WithHint(contradiction("networkd has no .network file for %s, so it cannot be told what is to be on it", link),
			"--network_file "+link+"=FILE names one; --style ifupdown or netplan is for a host where another program makes the links")
	}
	return file, err
}

// machine is this machine, or what is below the root.
func (o *hostOptions) machine(s *session) *node.Machine {
	m := &node.Machine{Root: o.Root, Note: s.Notef, Networkd: o.Style != styleIfupdown}
	if o.Style == styleNetplan {
		m.Generate = []string{"netplan", "generate"}
	}
	return m
}
