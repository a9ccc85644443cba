package commands

import (
	"context"
	"net/netip"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

type floatingModifyOptions struct {
	Range                 netip.Prefix
	Pool, Host, Interface string

	from struct{ pool, host, inter cli.Origin }

	change db.FloatingChange // what the ledger is asked for
}

func floatingModify() *command {
	o := &floatingModifyOptions{}
	return &command{
		name:  "modify",
		short: "move a range of public addresses to another pool, host or interface",
		long: "Instances keep the addresses that they have of it; the node that answered for them and the one that does now follow with their " +
			"next `host apply`. An empty interface leaves it to the node.",
		examples: []string{
			"nova-manage floating modify 192.0.2.0/28 --pool public",
			`nova-manage floating modify 198.51.100.0/24 --host node2 --interface ""`,
		},
		args: []*cli.Arg{cli.Required(cli.Typed(&o.Range, "RANGE", parseBlock, "the range as it was created").Completes(aFloatingRange))},
		flags: []*cli.Flag{
			named(&o.Pool, "pool", newWord, "the pool that it belongs to").As("POOL").Completes(aPool).From(&o.from.pool).OnlyTyped(),
			named(&o.Host, "host", newWord, "the network node that the addresses are routed to").As("HOST").Completes(aHost).From(&o.from.host).OnlyTyped(),
			networkInterface(&o.Interface, "interface", "the interface that the host answers for them on").From(&o.from.inter).OnlyTyped().
				TakesEmpty(),
		},
		columns: cli.Fields(floatingRangeColumns),
		ledger:  writes,
		check: func(*cli.Env) error {
			ifGiven(&o.change.Pool, o.from.pool, &o.Pool)
			ifGiven(&o.change.Host, o.from.host, &o.Host)
			ifGiven(&o.change.Interface, o.from.inter, &o.Interface)
			if o.change == (db.FloatingChange{}) {
				return nothingToChange("floating modify")
			}
			return nil
		},
		run: func(ctx context.Context, s *session) error {
			changed, err := s.store.UpdateFloatingRange(ctx, o.Range, o.change)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, floatingRangeColumns, changed)
		},
	}
}
