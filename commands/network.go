package commands

import (
	"context"
	"net/netip"
	"slices"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

func networkCategory() *command {
	return &command{name: "network", short: "tenant networks", actions: []*command{
		networkCreate(), networkList(), networkShow(), networkModify(), networkDelete(),
	}}
}

// networkColumns are what every answer about networks has, in this order.
var networkColumns = []cli.Column[db.Network]{
	{Name: "id", Value: func(n db.Network) any { return n.ID }, Place: 1},
	{Name: "label", Value: func(n db.Network) any { return cli.OrNull(n.Label) }, Long: true},
	{Name: "manager", Value: func(n db.Network) any { return string(n.Manager) }, Long: true},
	{Name: "cidr", Value: func(n db.Network) any { return n.CIDR }, Place: 2},
	{Name: "netmask", Value: func(n db.Network) any { return n.Netmask }, Long: true},
	{Name: "gateway", Value: func(n db.Network) any { return n.Gateway }, Place: 6, Drop: 8},
	{Name: "broadcast", Value: func(n db.Network) any { return n.Broadcast }, Long: true},
	{Name: "dhcp_start", Value: func(n db.Network) any { return n.DHCPStart }, Long: true},
	{Name: "bridge", Value: func(n db.Network) any { return n.Bridge }, Place: 5, Drop: 7},
	{Name: "bridge_interface", Value: func(n db.Network) any { return cli.OrNull(n.BridgeInterface) }, Long: true},
	{Name: "vlan", Value: func(n db.Network) any { return cli.OrNull(n.VLAN) }, Place: 4, Drop: 5},
	{Name: "vpn_public_address", Value: func(n db.Network) any { return n.VPNPublicAddress }, Long: true},
	{Name: "vpn_public_port", Value: func(n db.Network) any { return cli.OrNull(n.VPNPublicPort) }, Place: 7, Drop: 9},
	{Name: "vpn_private_address", Value: func(n db.Network) any { return n.VPNPrivateAddress }, Long: true},
	{Name: "cidr_v6", Value: func(n db.Network) any { return n.CIDRv6 }, Place: 3, Drop: 3},
	{Name: "gateway_v6", Value: func(n db.Network) any { return n.GatewayV6 }, Long: true},
	{Name: "dns1", Value: func(n db.Network) any { return n.DNS1 }, Long: true},
	{Name: "dns2", Value: func(n db.Network) any { return n.DNS2 }, Long: true},
	{Name: "mtu", Value: func(n db.Network) any { return cli.OrNull(n.MTU) }, Long: true},
	{Name: "project_id", Value: func(n db.Network) any { return cli.OrNull(n.ProjectID) }, Place: 8, Drop: 4},
	{Name: "host", Value: func(n db.Network) any { return cli.OrNull(n.Host) }, Place: 9, Drop: 6},
	{Name: "created_at", Value: func(n db.Network) any { return n.CreatedAt }, Long: true},
	{Name: "updated_at", Value: func(n db.Network) any { return n.UpdatedAt }, Long: true},
}

// filledColumns are networkColumns and, where somebody asks for them, how full the network is: to count takes as long as to list.
var filledColumns = func() []cli.Column[db.FilledNetwork] {
	var columns []cli.Column[db.FilledNetwork]
	for _, c := range networkColumns {
		columns = append(columns, cli.Column[db.FilledNetwork]{Name: c.Name, Long: c.Long, Place: c.Place, Drop: c.Drop,
			Value: func(n db.FilledNetwork) any { return c.Value(n.Network) }})
	}
	return append(columns,
		cli.Column[db.FilledNetwork]{Name: "used", Asked: true, Value: func(n db.FilledNetwork) any { return n.Fill.Used }},
		cli.Column[db.FilledNetwork]{Name: "reserved", Asked: true, Value: func(n db.FilledNetwork) any { return n.Fill.Reserved }},
		cli.Column[db.FilledNetwork]{Name: "released", Asked: true, Value: func(n db.FilledNetwork) any { return n.Fill.Released }},
		cli.Column[db.FilledNetwork]{Name: "free", Asked: true, Value: func(n db.FilledNetwork) any { return n.Fill.Free }})
}()

// asksFill tells whether somebody has asked how full networks are.
func asksFill(s *session) bool {
	return slices.ContainsFunc(filledColumns, func(c cli.Column[db.FilledNetwork]) bool { return c.Asked && s.Asked(c.Name) })
}

// fillUsage is what help says of that.
const fillUsage = "-c used, reserved, released and free tell how many of its addresses guests have and may have, as `nova-manage usage` counts them: of " +
	"its IPv4 block, or of its /64 if it has no IPv4."

// networkValues are the values per network that create and modify both take.
type networkValues struct {
	Label, ProjectID, Host, BridgeInterface string
	DNS1, DNS2, Gateway, GatewayV6          netip.Addr
	MTU                                     int

	from struct{ label, projectID, host, bridgeInterface, dns1, dns2, gateway, gatewayV6, mtu cli.Origin }
}

func (v *networkValues) flags() []*cli.Flag {
	return []*cli.Flag{
		named(&v.Label, "label", newLabel, "a name for each network").From(&v.from.label),
		named(&v.ProjectID, "project_id", newWord, "the project that has it").As("PROJECT").Completes(aProject).From(&v.from.projectID).Also("project"),
		named(&v.Host, "host", newWord, "the network node that serves it").As("HOST").Completes(aHost).From(&v.from.host).NotInFlagfile(),
		address(&v.DNS1, "dns1", netcalc.ParseAddr, "its first DNS server, IPv4 or IPv6").From(&v.from.dns1),
		address(&v.DNS2, "dns2", netcalc.ParseAddr, "its second DNS server, IPv4 or IPv6").From(&v.from.dns2),
		cli.Typed(&v.MTU, "mtu", parseMTU, "its MTU in bytes").As("BYTES").From(&v.from.mtu),
		networkInterface(&v.BridgeInterface, "bridge_interface", "the interface that its bridge is on").From(&v.from.bridgeInterface),
		address(&v.Gateway, "gateway", netcalc.ParseAddr4, "its IPv4 gateway").ByDefault("the first address").From(&v.from.gateway),
		address(&v.GatewayV6, "gateway_v6", netcalc.ParseAddr6, "its IPv6 gateway").ByDefault("the /64's ::1").From(&v.from.gatewayV6),
	}
}

// parseMTU reads an MTU; empty text is none, by which `modify` clears it.
func parseMTU(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := cli.ParseNumber(s, db.MinMTU, db.MaxMTU)
	return int(n), err
}

type networkListOptions struct{ filter db.NetworkFilter }

func networkList() *command {
	o := &networkListOptions{}
	return &command{
		name:  "list",
		short: "list networks in address order",
		long:  fillUsage,
		examples: []string{
			"nova-manage network list",
			"nova-manage network list --project_id apollo -f json",
			"nova-manage network list -c cidr,used,free --sort free --limit 10",
			`nova-manage network list --filter project_id= --filter "vlan>=200"`,
			"nova-manage network list -f value -c cidr -c cidr_v6",
		},
		flags: []*cli.Flag{
			named(&o.filter.ProjectID, "project_id", nil, "only those of this project").As("PROJECT").Completes(aProject).Also("project"),
			named(&o.filter.Host, "host", nil, "only those that this network node serves").As("HOST").Completes(aHost).NotInFlagfile(),
			cli.Text(&o.filter.Bridge, "bridge", "only those on this bridge").As("IFACE").Completes(aBridge),
		},
		columns: cli.Fields(filledColumns),
		list:    true,
		ledger:  reads,
		run: func(ctx context.Context, s *session) error {
			if asksFill(s) {
				o.filter.Wanted = s.listing(db.FilledIndexed)
				return cli.PrintList(s.Env, filledColumns, s.store.FilledNetworks(ctx, o.filter))
			}
			o.filter.Wanted = s.listing(db.NetworksIndexed)
			return cli.PrintList(s.Env, networkColumns, s.store.Networks(ctx, o.filter))
		},
	}
}

// networkUsage is what NETWORK may be, wherever a command takes one.
const networkUsage = "an id, a CIDR of either family, or a label that is unique"

func networkShow() *command {
	var ref string
	columns := cli.AllShown(networkColumns)
	return &command{
		name:     "show",
		short:    "show one network",
		long:     fillUsage,
		examples: []string{"nova-manage network show 10.0.1.0/27", "nova-manage network show 1 -f value -c cidr_v6"},
		args:     []*cli.Arg{cli.Required(cli.Text(&ref, "NETWORK", networkUsage).Completes(aNetwork))},
		columns:  cli.Fields(cli.AllShown(filledColumns)),
		ledger:   reads,
		run: func(ctx context.Context, s *session) error {
			if asksFill(s) {
				found, err := s.store.FindFilledNetworks(ctx, ref)
				if err != nil {
					return err
				}
				return cli.PrintOne(s.Env, filledColumns, found[0])
			}
			found, err := s.store.FindNetworks(ctx, ref)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, columns, found[0])
		},
	}
}

// networkRefs is NETWORK..., or --fixed_range as later releases spelled it.
type networkRefs struct {
	Networks, Ranges []string

	all []string // the networks named, once they were checked
}

func (r *networkRefs) args() []*cli.Arg {
	return []*cli.Arg{cli.AnyNumber(cli.Texts(&r.Networks, "NETWORK", networkUsage).Completes(aNetwork))}
}

func (r *networkRefs) flag() *cli.Flag {
	return cli.Texts(&r.Ranges, "fixed_range", "NETWORK, as later releases of Nova spelled it; repeatable").As("NETWORK").Completes(aNetwork).
		OnlyTyped()
}

// checkNamed wants a network named. The variable NOVA_FIXED_RANGE does not count: it is a default for what is created, and
// must not choose what is deleted.
func (r *networkRefs) checkNamed(command string) error {
	r.all = append(r.Networks, r.Ranges...)
	if len(r.all) == 0 {
		return cli.WithHint(cli.UsageErrorf("%s needs NETWORK", command), "NETWORK is "+networkUsage)
	}
	return nil
}

type networkDeleteOptions struct {
	networkRefs
	Force, IfExists bool
	AllOfProject    string
}

func networkDelete() *command {
	o := &networkDeleteOptions{}
	return &command{
		name:  "delete",
		short: "delete networks and free what they had",
		long: "All of them are deleted or none. NETWORK may also be a range around several, such as the fixed_range that they were carved " +
			"from. A network that a project has, or that instances are on, is refused. --force deletes it all the same, and the instances " +
			"on it too.",
		examples: []string{
			"nova-manage network delete 10.0.1.32/27",
			"nova-manage network delete 10.0.1.0/24 --dry_run -f table",
			"nova-manage network delete 1 2 3 --force",
			"nova-manage network delete --all_of_project apollo",
		},
		args: o.args(),
		flags: []*cli.Flag{
			cli.Boolean(&o.Force, "force", "delete them although a project has them, and the instances on them too").OnlyTyped(), o.flag(),
			named(&o.AllOfProject, "all_of_project", nil, "delete all networks of this project").As("PROJECT").Completes(aProject).OnlyTyped(),
			ifExists(&o.IfExists),
		},
		ledger: writes,
		check:  func(*cli.Env) error { return o.check() },
		run: func(ctx context.Context, s *session) error {
			if o.AllOfProject != "" {
				return s.removing(o.IfExists).DeleteNetworksOf(ctx, o.AllOfProject, o.Force)
			}
			return s.removing(o.IfExists).DeleteNetworks(ctx, o.all, o.Force)
		},
	}
}

func (o *networkDeleteOptions) check() error {
	if o.AllOfProject == "" {
		return o.checkNamed("network delete")
	}
	if len(o.Networks)+len(o.Ranges) > 0 {
		return cli.UsageErrorf("NETWORK and --all_of_project %s exclude each other", cli.Quote(o.AllOfProject))
	}
	return nil
}

type networkModifyOptions struct {
	networkRefs
	networkValues
	DisassociateProject, DisassociateHost bool

	change db.NetworkChange // what the ledger is asked for
}

func networkModify() *command {
	o := &networkModifyOptions{}
	values := o.networkValues.flags()
	for _, f := range values {
		f.TakesEmpty()
	}
	return &command{
		name:  "modify",
		short: "change networks",
		long:  "All of them are changed or none. An empty value clears it; an empty gateway goes back to the usual one.",
		examples: []string{
			"nova-manage network modify 10.0.1.0/27 --project_id apollo --label web",
			"nova-manage network modify 1 2 --disassociate_project",
			`nova-manage network modify web --dns1 2001:db8::53 --dns2 ""`,
		},
		args: o.args(),
		flags: append(values, o.flag(),
			cli.Boolean(&o.DisassociateProject, "disassociate_project", "take it from its project").OnlyTyped(),
			cli.Boolean(&o.DisassociateHost, "disassociate_host", "take it from its network node").OnlyTyped()),
		columns: cli.Fields(networkColumns),
		rows:    func() int { return len(o.all) },
		ledger:  writes,
		check:   o.check,
		run:     o.run,
	}
}

func (o *networkModifyOptions) check(*cli.Env) (err error) {
	if err := o.checkNamed("network modify"); err != nil {
		return err
	}
	o.change, err = o.asked()
	return err
}

func (o *networkModifyOptions) run(ctx context.Context, s *session) error {
	changed, err := s.store.UpdateNetworks(ctx, o.all, o.change)
	if err != nil {
		return err
	}
	return cli.PrintSlice(s.Env, networkColumns, changed)
}

// asked is the change that the flags ask for.
func (o *networkModifyOptions) asked() (c db.NetworkChange, err error) {
	none := ""
	for _, d := range []struct {
		given      bool
		value      cli.Origin
		name, flag string
		field      **string
	}{
		{o.DisassociateProject, o.from.projectID, "disassociate_project", "project_id", &c.ProjectID},
		{o.DisassociateHost, o.from.host, "disassociate_host", "host", &c.Host},
	} {
		if !d.given {
			continue
		}
		if d.value.OnCommandLine() {
			return c, cli.UsageErrorf("--%s and --%s contradict each other", d.name, d.flag)
		}
		*d.field = &none
	}
	// Only what was typed changes a network: a variable or a flagfile that sets a default for new ones does not.
	ifGiven(&c.Label, o.from.label, &o.Label)
	ifGiven(&c.ProjectID, o.from.projectID, &o.ProjectID)
	ifGiven(&c.Host, o.from.host, &o.Host)
	ifGiven(&c.BridgeInterface, o.from.bridgeInterface, &o.BridgeInterface)
	ifGiven(&c.DNS1, o.from.dns1, &o.DNS1)
	ifGiven(&c.DNS2, o.from.dns2, &o.DNS2)
	ifGiven(&c.Gateway, o.from.gateway, &o.Gateway)
	ifGiven(&c.GatewayV6, o.from.gatewayV6, &o.GatewayV6)
	ifGiven(&c.MTU, o.from.mtu, &o.MTU)
	if c == (db.NetworkChange{}) {
		return c, nothingToChange("network modify")
	}
	return c, nil
}

// nothingToChange refuses to run a command that was not told what to change.
func nothingToChange(command string) error {
	return cli.WithHint(cli.UsageErrorf("%s: nothing to change", command), "`nova-manage help "+command+"` lists the flags")
}

func ifGiven[T any](field **T, from cli.Origin, value *T) {
	if from.OnCommandLine() {
		*field = value
	}
}
