package commands

import (
	"context"
	"net/netip"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

type instanceModifyOptions struct {
	Instances          []string
	Name, Host         string
	MAC                netcalc.MAC
	FixedIP, FixedIPv6 netip.Addr
	SecurityGroups     []string

	from struct{ name, host, mac, fixedIP, fixedIPv6 cli.Origin }

	change db.InstanceChange // what the ledger is asked for
}

func instanceModify() *command {
	o := &instanceModifyOptions{}
	return &command{
		name:  "modify",
		short: "change instances",
		long: "All of them are changed or none. Its floating addresses stay with an instance, and so do its fixed ones until they are " +
			"asked for; but an IPv6 address that is the EUI-64 one of its MAC follows the MAC. An address that is given up comes back after " +
			"those that nobody ever had. An empty host clears it.",
		examples: []string{
			"nova-manage instance modify web --name www",
			"nova-manage instance modify web-1 web-2 --host node3 --security_group default --security_group www",
			"nova-manage instance modify db --mac 02:16:3e:33:44:66 --fixed_ip 10.0.1.9",
			`nova-manage instance modify web --host ""`,
		},
		args: []*cli.Arg{cli.OneOrMore(cli.Texts(&o.Instances, "INSTANCE", instanceUsage).Completes(anInstance))},
		// Only what is typed changes an instance: a variable or a flagfile that sets a default for new ones does not.
		flags: []*cli.Flag{
			named(&o.Name, "name", newWord, "its name, unique within the project; of one instance only").From(&o.from.name).OnlyTyped(),
			named(&o.Host, "host", newWord, "the machine it runs on").As("HOST").Completes(aMachine).From(&o.from.host).OnlyTyped().TakesEmpty(),
			cli.Texts(&o.SecurityGroups, "security_group", "a security group of the project that it is in, instead of those before; repeatable").
				As("GROUP").OnlyTyped().Completes(aGroupName),
			address(&o.FixedIP, "fixed_ip", netcalc.ParseAddr4, "its IPv4 address, of the same network; of one instance only").
				From(&o.from.fixedIP).OnlyTyped(),
			address(&o.FixedIPv6, "fixed_ip_v6", netcalc.ParseAddr6, "its IPv6 address, of the same network; of one instance only").
				From(&o.from.fixedIPv6).OnlyTyped(),
			guestMAC(&o.MAC, "mac", "its MAC; of one instance only").From(&o.from.mac).OnlyTyped(),
		},
		columns: cli.Fields(instanceColumns),
		rows:    func() int { return len(o.Instances) },
		ledger:  writes,
		check:   o.check,
		run:     o.run,
	}
}

func (o *instanceModifyOptions) check(*cli.Env) error {
	c := &o.change
	c.SecurityGroups = o.SecurityGroups
	ifGiven(&c.Name, o.from.name, &o.Name)
	ifGiven(&c.Host, o.from.host, &o.Host)
	ifGiven(&c.FixedIP, o.from.fixedIP, &o.FixedIP)
	ifGiven(&c.FixedIPv6, o.from.fixedIPv6, &o.FixedIPv6)
	ifGiven(&c.MAC, o.from.mac, &o.MAC)
	if len(c.SecurityGroups) == 0 && c.Name == nil && c.Host == nil && c.FixedIP == nil && c.FixedIPv6 == nil && c.MAC == nil {
		return nothingToChange("instance modify")
	}
	return c.Validate(len(o.Instances))
}

func (o *instanceModifyOptions) run(ctx context.Context, s *session) error {
	changed, err := s.store.UpdateInstances(ctx, o.Instances, o.change)
	if err != nil {
		return err
	}
	return cli.PrintSlice(s.Env, instanceColumns, changed)
}
