package commands

import (
	"context"
	"fmt"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/internal/redact"
)

// ledgerStatus is what status prints: what the ledger says of itself, and what a check of it found.
type ledgerStatus struct {
	db.Status
	url      string // without secrets
	problems int
	checked  bool
}

var statusColumns = []cli.Column[ledgerStatus]{
	{Name: "ledger", Value: func(s ledgerStatus) any { return s.url }},
	{Name: "engine", Value: func(s ledgerStatus) any { return s.Engine }},
	{Name: "schema_version", Value: func(s ledgerStatus) any { return s.Schema }},
	{Name: "bytes", Value: func(s ledgerStatus) any { return s.Size }},
	{Name: "vlan_networks", Value: func(s ledgerStatus) any { return s.Managers[db.VlanManager] }},
	{Name: "flat_networks", Value: func(s ledgerStatus) any { return s.Managers[db.FlatManager] }},
	{Name: "flat_dhcp_networks", Value: func(s ledgerStatus) any { return s.Managers[db.FlatDHCPManager] }},
	{Name: "floating_ranges", Value: func(s ledgerStatus) any { return s.Floating }},
	{Name: "projects", Value: func(s ledgerStatus) any { return s.Projects }},
	{Name: "instances", Value: func(s ledgerStatus) any { return s.Instances }},
	{Name: "held", Value: func(s ledgerStatus) any { return s.Held }},
	{Name: "reserved", Value: func(s ledgerStatus) any { return s.Reserved }},
	{Name: "released", Value: func(s ledgerStatus) any { return s.Released }},
	{Name: "fullest", Value: func(s ledgerStatus) any {
		full := make([]string, len(s.Fullest))
		for i, u := range s.Fullest {
			full[i] = fmt.Sprintf("%s %s%%", usageName(u), tenths(u.Fill))
		}
		return full
	}},
	{Name: "last_change", Value: func(s ledgerStatus) any { return cli.OrNull(s.Last.Number) }},
	{Name: "last_change_at", Value: func(s ledgerStatus) any { return s.Last.At }},
	{Name: "last_change_by", Value: func(s ledgerStatus) any { return cli.OrNull(s.Last.Actor) }},
	{Name: "last_command", Value: func(s ledgerStatus) any { return cli.OrNull(s.Last.Command) }},
	{Name: "problems", Value: func(s ledgerStatus) any {
		if !s.checked {
			return nil
		}
		return s.problems
	}, Colour: func(s ledgerStatus) cli.Colour {
		if s.problems > 0 {
			return cli.Red
		}
		return cli.Green
	}},
}

func statusCommand() *command {
	check := true
	return &command{
		name:  "status",
		short: "the ledger at a glance",
		long: "It prints where the ledger is and how large, its networks by manager, how many addresses are held, reserved and released, the fullest " +
			"networks and floating pools, the latest change, and how many problems `nova-manage db check` finds, which exits with 5 where there " +
			"are any. --nocheck leaves the check out, which takes long where there are many networks.",
		examples: []string{"nova-manage status", "nova-manage status --nocheck -f json"},
		flags:    []*cli.Flag{cli.Boolean(&check, "check", "check the ledger, too").NotInFlagfile()},
		columns:  cli.Fields(statusColumns),
		ledger:   reads,
		present:  true,
		run: func(ctx context.Context, s *session) error {
			status, err := s.store.Status(ctx)
			if err != nil {
				return err
			}
			url, err := s.ledger.url()
			if err != nil {
				return err
			}
			answer := ledgerStatus{Status: status, url: redact.Value(url), checked: check}
			if check {
				err := s.store.Check(ctx, func(db.Finding) { answer.problems++ })
				if _, damaged := db.Damage(err); damaged {
					answer.problems++
				} else if err != nil {
					return err
				}
			}
			if err := cli.PrintOne(s.Env, statusColumns, answer); err != nil || answer.problems == 0 {
				return err
			}
			return cli.WithHint(checkError(answer.problems, "problem", "problems"), "nova-manage db check")
		},
	}
}
