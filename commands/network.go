package commands

import (
	"context"
	"net/netip"

	"nova-manage/db"
	"nova-manage/netcalc"
)

func networkCategory() *command {
	return &command{name: "network", short: "tenant networks", actions: []*command{
		networkCreate(), networkList(), networkShow(), networkModify(), networkDelete(),
	}}
}

// networkColumns are what every answer about networks has, in this order.
var networkColumns = []column[db.Network]{
	{Name: "id", Value: func(n db.Network) any { return n.ID }, Place: 1},
	{Name: "label", Value: func(n db.Network) any { return orNull(n.Label) }, Long: true},
	{Name: "manager", Value: func(n db.Network) any { return string(n.Manager) }, Long: true},
	{Name: "cidr", Value: func(n db.Network) any { return n.CIDR }, Place: 2},
	{Name: "netmask", Value: func(n db.Network) any { return n.Netmask }, Long: true},
	{Name: "gateway", Value: func(n db.Network) any { return n.Gateway }, Place: 6},
	{Name: "broadcast", Value: func(n db.Network) any { return n.Broadcast }, Long: true},
	{Name: "dhcp_start", Value: func(n db.Network) any { return n.DHCPStart }, Long: true},
	{Name: "bridge", Value: func(n db.Network) any { return n.Bridge }, Place: 5},
	{Name: "bridge_interface", Value: func(n db.Network) any { return orNull(n.BridgeInterface) }, Long: true},
	{Name: "vlan", Value: func(n db.Network) any { return orNull(n.VLAN) }, Place: 4},
	{Name: "vpn_public_address", Value: func(n db.Network) any { return n.VPNPublicAddress }, Long: true},
	{Name: "vpn_public_port", Value: func(n db.Network) any { return orNull(n.VPNPublicPort) }, Place: 7},
	{Name: "vpn_private_address", Value: func(n db.Network) any { return n.VPNPrivateAddress }, Long: true},
	{Name: "cidr_v6", Value: func(n db.Network) any { return n.CIDRv6 }, Place: 3},
	{Name: "gateway_v6", Value: func(n db.Network) any { return n.GatewayV6 }, Long: true},
	{Name: "dns1", Value: func(n db.Network) any { return n.DNS1 }, Long: true},
	{Name: "dns2", Value: func(n db.Network) any { return n.DNS2 }, Long: true},
	{Name: "mtu", Value: func(n db.Network) any { return orNull(n.MTU) }, Long: true},
	{Name: "project_id", Value: func(n db.Network) any { return orNull(n.ProjectID) }, Place: 8},
	{Name: "host", Value: func(n db.Network) any { return orNull(n.Host) }, Place: 9},
	{Name: "created_at", Value: func(n db.Network) any { return n.CreatedAt }, Long: true},
	{Name: "updated_at", Value: func(n db.Network) any { return n.UpdatedAt }, Long: true},
}

// networkValues are the values per network that create and modify both take.
type networkValues struct {
	Label, ProjectID, Host, BridgeInterface string
	DNS1, DNS2, Gateway, GatewayV6          netip.Addr
	MTU                                     int

	from struct{ label, projectID, host, bridgeInterface, dns1, dns2, gateway, gatewayV6, mtu origin }
}

// The MTU of a link that carries IPv6 is at least 1280 (RFC 8200 §5); 65535 is what a bridge takes.
const minMTU, maxMTU = 1280, 65535

func (v *networkValues) flags() []*flag {
	return []*flag{
		named(&v.Label, "label", checkLabel, "a name for each network").from(&v.from.label),
		named(&v.ProjectID, "project_id", checkWord, "the project that has it").as("PROJECT").from(&v.from.projectID).also("project"),
		named(&v.Host, "host", checkWord, "the network node that serves it").as("HOST").from(&v.from.host).notInFlagfile(),
		address(&v.DNS1, "dns1", netcalc.ParseAddr, "its first DNS server, IPv4 or IPv6").from(&v.from.dns1),
		address(&v.DNS2, "dns2", netcalc.ParseAddr, "its second DNS server, IPv4 or IPv6").from(&v.from.dns2),
		typed(&v.MTU, "mtu", parseMTU, "its MTU in bytes").as("BYTES").from(&v.from.mtu),
		networkInterface(&v.BridgeInterface, "bridge_interface", "the interface that its bridge is on").from(&v.from.bridgeInterface),
		address(&v.Gateway, "gateway", netcalc.ParseAddr4, "its IPv4 gateway").byDefault("the first address").from(&v.from.gateway),
		address(&v.GatewayV6, "gateway_v6", netcalc.ParseAddr6, "its IPv6 gateway").byDefault("the /64's ::1").from(&v.from.gatewayV6),
	}
}

// parseMTU reads an MTU; empty text is none, by which `modify` clears it.
func parseMTU(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := parseNumber(s, minMTU, maxMTU)
	return int(n), err
}

type networkListOptions struct{ filter db.NetworkFilter }

func networkList() *command {
	o := &networkListOptions{}
	return &command{
		name:  "list",
		short: "list networks in address order",
		examples: []string{
			"nova-manage network list",
			"nova-manage network list --project_id apollo -f json",
			"nova-manage network list -f value -c cidr -c cidr_v6",
		},
		flags: []*flag{
			named(&o.filter.ProjectID, "project_id", nil, "only those of this project").as("PROJECT").also("project"),
			named(&o.filter.Host, "host", nil, "only those that this network node serves").as("HOST").notInFlagfile(),
			text(&o.filter.Bridge, "bridge", "only those on this bridge").as("IFACE"),
		},
		columns: fieldsOf(networkColumns),
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			return printList(e, networkColumns, store.Networks(ctx, o.filter))
		},
	}
}

// networkUsage is what NETWORK may be, wherever a command takes one.
const networkUsage = "an id, a CIDR of either family, or a label that is unique"

func networkShow() *command {
	var ref string
	columns := allShown(networkColumns)
	return &command{
		name:     "show",
		short:    "show one network",
		examples: []string{"nova-manage network show 10.0.1.0/27", "nova-manage network show 1 -f value -c cidr_v6"},
		args:     []*arg{required(text(&ref, "NETWORK", networkUsage))},
		columns:  fieldsOf(columns),
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			found, err := store.FindNetworks(ctx, ref)
			if err != nil {
				return err
			}
			return printOne(e, columns, found[0])
		},
	}
}

// networkRefs is NETWORK..., or --fixed_range as later releases spelled it.
type networkRefs struct {
	Networks, Ranges []string
}

func (r *networkRefs) args() []*arg {
	return []*arg{anyNumber(texts(&r.Networks, "NETWORK", networkUsage))}
}

func (r *networkRefs) flag() *flag {
	return texts(&r.Ranges, "fixed_range", "NETWORK, as later releases of Nova spelled it; repeatable").as("NETWORK").
		onlyTyped()
}

// all are the networks named. The variable NOVA_FIXED_RANGE does not count: it is a default for what is created, and
// must not choose what is deleted.
func (r *networkRefs) all(command string) ([]string, error) {
	refs := append(r.Networks, r.Ranges...)
	if len(refs) == 0 {
		return nil, withHint(usageErrorf("%s needs NETWORK", command), "NETWORK is "+networkUsage)
	}
	return refs, nil
}

type networkDeleteOptions struct {
	networkRefs
	Force bool
}

func networkDelete() *command {
	o := &networkDeleteOptions{}
	return &command{
		name:  "delete",
		short: "delete networks and free what they had",
		long: "All of them are deleted or none. A network that a project has, or that instances are on, is refused. --force " +
			"deletes it all the same, and the instances on it too.",
		examples: []string{"nova-manage network delete 10.0.1.32/27", "nova-manage network delete 1 2 3 --force"},
		args:     o.args(),
		flags:    []*flag{boolean(&o.Force, "force", "delete them although a project has them, and the instances on them too").onlyTyped(), o.flag()},
		run: func(ctx context.Context, e *env) error {
			refs, err := o.all("network delete")
			if err != nil {
				return err
			}
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			return store.DeleteNetworks(ctx, refs, o.Force)
		},
	}
}

type networkModifyOptions struct {
	networkRefs
	networkValues
	DisassociateProject, DisassociateHost bool
}

func networkModify() *command {
	o := &networkModifyOptions{}
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
		flags: append(o.networkValues.flags(), o.flag(),
			boolean(&o.DisassociateProject, "disassociate_project", "take it from its project").onlyTyped(),
			boolean(&o.DisassociateHost, "disassociate_host", "take it from its network node").onlyTyped()),
		columns: fieldsOf(networkColumns),
		run:     func(ctx context.Context, e *env) error { return runNetworkModify(ctx, e, o) },
	}
}

func runNetworkModify(ctx context.Context, e *env, o *networkModifyOptions) error {
	refs, err := o.all("network modify")
	if err != nil {
		return err
	}
	change, err := o.change()
	if err != nil {
		return err
	}
	store, err := e.openStore(ctx, db.Write)
	if err != nil {
		return err
	}
	changed, err := store.UpdateNetworks(ctx, refs, change)
	if err != nil {
		return err
	}
	return printSlice(e, networkColumns, changed)
}

func (o *networkModifyOptions) change() (c db.NetworkChange, err error) {
	none := ""
	for _, d := range []struct {
		given      bool
		value      origin
		name, flag string
		field      **string
	}{
		{o.DisassociateProject, o.from.projectID, "disassociate_project", "project_id", &c.ProjectID},
		{o.DisassociateHost, o.from.host, "disassociate_host", "host", &c.Host},
	} {
		if !d.given {
			continue
		}
		if d.value.onCommandLine() {
			return c, usageErrorf("--%s and --%s contradict each other", d.name, d.flag)
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
		return c, withHint(usageErrorf("network modify: nothing to change"), "`nova-manage help network modify` lists the flags")
	}
	return c, nil
}

func ifGiven[T any](field **T, from origin, value *T) {
	if from.onCommandLine() {
		*field = value
	}
}

// allShown are the same columns with none left out of a table.
func allShown[T any](columns []column[T]) []column[T] {
	shown := make([]column[T], len(columns))
	for i, c := range columns {
		c.Long, c.Place = false, 0
		shown[i] = c
	}
	return shown
}
