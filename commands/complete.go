package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

// What of the ledger a flag or an argument names, for shells that complete it.
const (
	aNetwork         cli.Kind = "network"
	aNetworkRange    cli.Kind = "network range" // of networks, or of public addresses
	aProject         cli.Kind = "project"
	anInstance       cli.Kind = "instance"
	aHost            cli.Kind = "host"    // a network node
	aMachine         cli.Kind = "machine" // what instances run on
	aPool            cli.Kind = "pool"
	aBridge          cli.Kind = "bridge"
	aGroup           cli.Kind = "group"            // PROJECT/NAME, or NAME where a project is given
	aGroupName       cli.Kind = "group of project" // NAME, where a project is given
	aFloatingRange   cli.Kind = "floating range"
	aFloatingAddress cli.Kind = "floating address"
	aChange          cli.Kind = "change"
	anything         cli.Kind = "anything" // of which whois tells
	aKey             cli.Kind = "key"      // of the credentials file, not of the ledger
)

// names finds the names of each kind in the ledger.
var names = map[cli.Kind]func(n *db.Names, w cli.Incomplete) ([]db.Name, error){
	aNetwork: func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) {
		return first(n.Labels, n.NetworkCIDRs, n.NetworkIDs)
	},
	aNetworkRange: func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return first(n.NetworkCIDRs, n.FloatingRanges) },
	anything: func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) {
		return first(n.Projects, n.NetworkCIDRs, n.FloatingRanges)
	},
	aProject:         func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return n.Projects() },
	anInstance:       func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return n.Instances() },
	aHost:            func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return n.Hosts() },
	aMachine:         func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return first(n.Machines, n.Hosts) },
	aPool:            func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return n.Pools() },
	aBridge:          func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return n.Bridges() },
	aFloatingRange:   func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return n.FloatingRanges() },
	aFloatingAddress: func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return n.FloatingAddresses() },
	aChange:          func(n *db.Names, _ cli.Incomplete) ([]db.Name, error) { return n.Changes() },
	aGroup:           func(n *db.Names, w cli.Incomplete) ([]db.Name, error) { return n.Groups(w.Given("project_id")) },
	aGroupName:       groupsOfProject,
}

// groupsOfProject are the groups of the project that the command is about.
func groupsOfProject(n *db.Names, w cli.Incomplete) ([]db.Name, error) {
	project := w.Given("project_id")
	if of, _, ok := strings.Cut(w.Given("GROUP"), "/"); ok {
		project = of
	}
	if instance := w.Given("INSTANCE"); instance != "" {
		var err error
		if project, err = n.ProjectOf(instance); err != nil {
			return nil, err
		}
	}
	if project == "" {
		return nil, nil
	}
	return n.Groups(project)
}

// first is what each finds, one after the other, and each name once.
func first(each ...func() ([]db.Name, error)) (all []db.Name, err error) {
	seen := map[string]bool{}
	for _, find := range each {
		some, err := find()
		if err != nil {
			return nil, err
		}
		all = append(all, slices.DeleteFunc(some, func(n db.Name) bool {
			known := seen[n.Name]
			seen[n.Name] = true
			return known
		})...)
	}
	return all, nil
}

// complete finds in the ledger what somebody may be typing. Nothing is made, nothing is waited for, and where something is
// wrong there is nothing to offer.
func (l *ledger) complete(ctx context.Context, w cli.Incomplete) (list []cli.Candidate) {
	if w.Kind == aKey {
		keys, _ := (&credentialsFile{Path: w.Given("credentials")}).keys(l)
		for _, k := range keys {
			list = append(list, cli.Candidate{Value: k.Name, About: k.ProjectID})
		}
		return list
	}
	find := names[w.Kind]
	url, err := l.url()
	if find == nil || err != nil {
		return nil
	}
	store, err := db.Open(ctx, db.Options{URL: url, Mode: db.Read, Clock: l.sys.Now, LockTimeout: time.Nanosecond})
	if err != nil {
		return nil
	}
	defer store.Close()
	_ = store.Names(ctx, w.Prefix, func(n *db.Names) error {
		found, err := find(n, w)
		if err != nil {
			return err
		}
		for _, f := range found {
			list = append(list, cli.Candidate{Value: f.Name, About: f.About})
		}
		return nil
	})
	return list
}
