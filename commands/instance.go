package commands

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

func instanceCategory() *command {
	return &command{name: "instance", short: "ports of virtual machines, and their addresses", actions: []*command{
		instanceCreate(), instanceList(), instanceShow(), instanceModify(), instanceDelete(),
	}}
}

// instanceColumns are what every answer about instances has, in this order.
var instanceColumns = []cli.Column[db.Instance]{
	{Name: "id", Value: func(i db.Instance) any { return i.EC2ID() }, By: func(i db.Instance) any { return i.ID }, Read: readInstanceID},
	{Name: "name", Value: func(i db.Instance) any { return i.Name }},
	{Name: "project_id", Value: func(i db.Instance) any { return i.ProjectID }, Drop: 6},
	{Name: "network_id", Value: func(i db.Instance) any { return i.NetworkID }, Long: true},
	{Name: "mac_address", Value: func(i db.Instance) any { return i.MAC }, Read: readMAC, Drop: 9},
	{Name: "fixed_ip", Value: func(i db.Instance) any { return i.FixedIP }},
	{Name: "fixed_ip_v6", Value: func(i db.Instance) any { return i.FixedIPv6 }, Drop: 7},
	{Name: "floating_ip", Value: func(i db.Instance) any { return i.FloatingIP }},
	{Name: "floating_ip_v6", Value: func(i db.Instance) any { return i.FloatingIPv6 }, Long: true},
	{Name: "dns_name", Value: func(i db.Instance) any { return i.DNSName() }, Long: true},
	{Name: "dns_name_v6", Value: func(i db.Instance) any { return i.DNSNameV6() }, Long: true},
	{Name: "host", Value: func(i db.Instance) any { return cli.OrNull(i.Host) }, Drop: 8},
	{Name: "security_groups", Value: func(i db.Instance) any { return i.SecurityGroups }, Long: true},
	{Name: "created_at", Value: func(i db.Instance) any { return i.CreatedAt }, Long: true},
}

// readInstanceID reads an id in a condition.
func readInstanceID(s string) (any, error) {
	id, ok := db.InstanceID(s)
	if !ok {
		return nil, errors.New("is not an instance's id such as i-00000001")
	}
	return id, nil
}

// readMAC reads a MAC in a condition, in any of its spellings, as the text that is compared.
func readMAC(s string) (any, error) {
	m, err := netcalcValue(netcalc.ParseMAC)(s)
	return m.String(), err
}

// instanceUsage is what INSTANCE may be, wherever a command takes one.
const instanceUsage = "a name (PROJECT/NAME where several projects have it), an id, a MAC or an address"

// onNetwork declares the flag that names one network.
func onNetwork(into *string, usage string) *cli.Flag {
	return cli.Text(into, "network", usage+": "+networkUsage).As("NETWORK").NotInFlagfile().Completes(aNetwork)
}

// guestMAC declares a flag for the MAC of a guest's port.
func guestMAC(into *netcalc.MAC, name, usage string) *cli.Flag {
	return cli.Typed(into, name, func(s string) (netcalc.MAC, error) {
		m, err := netcalcValue(netcalc.ParseMAC)(s)
		if err != nil {
			return m, err
		}
		return m, reasonFor(m.String(), m.CheckUnicast())
	}, usage).As("MAC")
}

type instanceCreateOptions struct {
	Name, ProjectID, Network, Host string
	MAC                            netcalc.MAC
	FixedIP, FixedIPv6             netip.Addr
	SecurityGroups                 []string
	Count                          int
	IfNotExists, CreateProject     bool

	spec db.NewInstances // what the ledger is asked for
}

func instanceCreate() *command {
	o := &instanceCreateOptions{}
	return &command{
		name:  "create",
		short: "give instances a MAC and fixed addresses, and record them",
		long: "Without --network an instance goes to the network of its --fixed_ip or --fixed_ip_v6; without these, to the first " +
			"network of its project that has an address left; if there is none, the first network of nobody becomes the project's " +
			"(VlanManager), or is used (flat managers). Addresses that nobody ever had come first, " +
			"in order; then the one released longest ago. All instances are made or none.",
		examples: []string{
			"nova-manage instance create web --project_id apollo",
			"nova-manage instance create web --project_id apollo --count 10 --security_group default",
			"nova-manage instance create db --project_id apollo --mac 02:16:3e:33:44:55 --fixed_ip 10.0.1.5",
		},
		args: []*cli.Arg{cli.Required(named(&o.Name, "NAME", newWord, "its name, unique within the project"))},
		flags: []*cli.Flag{
			named(&o.ProjectID, "project_id", newWord, "the project that has it").As("PROJECT").Also("project").Completes(aProject),
			onNetwork(&o.Network, "the network it is on"),
			guestMAC(&o.MAC, "mac", "its MAC").ByDefault("a random one, 02:16:3e:..."),
			address(&o.FixedIP, "fixed_ip", netcalc.ParseAddr4, "its IPv4 address").ByDefault("the next one"),
			address(&o.FixedIPv6, "fixed_ip_v6", netcalc.ParseAddr6,
				"its IPv6 address, for a guest that does not use EUI-64").ByDefault("the EUI-64 address of its MAC"),
			named(&o.Host, "host", newWord, "the machine it runs on").As("HOST").NotInFlagfile().Completes(aMachine),
			cli.Texts(&o.SecurityGroups, "security_group", "a security group of the project; repeatable").As("GROUP").Completes(aGroupName).
				ByDefault(db.DefaultGroup),
			cli.Number(&o.Count, "count", 1, 1<<20, "make that many, named NAME-1, NAME-2 and so on").ByDefault("one, named NAME"),
			ifNotExists(&o.IfNotExists), createProject(&o.CreateProject),
		},
		columns: cli.Fields(instanceColumns),
		rows:    func() int { return max(1, o.Count) },
		ledger:  writes,
		check:   o.check,
		run:     o.run,
		many:    o,
	}
}

func (o *instanceCreateOptions) check(*cli.Env) error {
	if o.ProjectID == "" {
		return cli.WithHint(cli.UsageErrorf("instance create needs --project_id"), "every instance has a project: `nova-manage project list` lists them")
	}
	o.spec = db.NewInstances{
		Names: o.names(), ProjectID: o.ProjectID, Host: o.Host, Network: o.Network, MAC: o.MAC, FixedIP: o.FixedIP, FixedIPv6: o.FixedIPv6,
		SecurityGroups: o.SecurityGroups, IfNotExists: o.IfNotExists,
	}
	if last := o.spec.Names[len(o.spec.Names)-1]; checkName(last) != nil {
		return cli.BadValue("NAME", last, cli.Origin{}, checkName(last))
	}
	return o.spec.Validate()
}

func (o *instanceCreateOptions) run(ctx context.Context, s *session) error {
	made, err := s.naming(o.CreateProject).CreateInstances(ctx, o.spec)
	if err != nil {
		return err
	}
	return cli.PrintMade(s.Env, instanceColumns, made, "instances; `nova-manage instance list` lists them all")
}

// with lets lines be run together that ask for the same but the name, and leave the addresses to the ledger.
func (o *instanceCreateOptions) with(next manyLines) bool {
	other, ok := next.(*instanceCreateOptions)
	if !ok || o.Count != 0 || other.Count != 0 {
		return false
	}
	single := func(n db.NewInstances) bool {
		return n.MAC != (netcalc.MAC{}) || n.FixedIP.IsValid() || n.FixedIPv6.IsValid()
	}
	a, b := o.spec, other.spec
	return !single(a) && !single(b) && a.ProjectID == b.ProjectID && a.Host == b.Host && a.Network == b.Network &&
		a.IfNotExists == b.IfNotExists && o.CreateProject == other.CreateProject && slices.Equal(a.SecurityGroups, b.SecurityGroups)
}

func (o *instanceCreateOptions) subject() string { return o.Name }

func (o *instanceCreateOptions) runMany(ctx context.Context, s *session, all []manyLines) (func(int, *session) error, error) {
	spec := o.spec
	spec.Names = nil
	for _, line := range all {
		spec.Names = append(spec.Names, line.subject())
	}
	made, err := s.naming(o.CreateProject).CreateInstances(ctx, spec)
	return func(i int, s *session) error { return cli.PrintSlice(s.Env, instanceColumns, made[i:i+1]) }, err
}

// names are NAME alone, or NAME-1 to NAME-N.
func (o *instanceCreateOptions) names() []string {
	if o.Count == 0 {
		return []string{o.Name}
	}
	names := make([]string, o.Count)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", o.Name, i+1)
	}
	return names
}

func instanceList() *command {
	f := &db.InstanceFilter{}
	return &command{
		name:  "list",
		short: "list instances in the order of their fixed addresses",
		examples: []string{
			"nova-manage instance list",
			"nova-manage instance list --project_id apollo -f json",
			"nova-manage instance list --network 10.0.1.0/27 -f value -c mac_address,fixed_ip_v6",
			"nova-manage instance list --filter name~^web- --sort created_at:desc --limit 10",
		},
		flags: []*cli.Flag{
			named(&f.ProjectID, "project_id", nil, "only those of this project").As("PROJECT").Also("project").Completes(aProject),
			onNetwork(&f.Network, "only those on this network"),
			named(&f.Host, "host", nil, "only those that run on this machine").As("HOST").NotInFlagfile().Completes(aMachine),
		},
		columns: cli.Fields(instanceColumns),
		list:    true,
		ledger:  reads,
		run: func(ctx context.Context, s *session) error {
			f.Wanted = s.listing(db.InstancesIndexed)
			return cli.PrintList(s.Env, instanceColumns, s.store.Instances(ctx, *f))
		},
	}
}

func instanceShow() *command {
	var ref string
	columns := cli.AllShown(instanceColumns)
	return &command{
		name:     "show",
		short:    "show one instance",
		examples: []string{"nova-manage instance show web", "nova-manage instance show 10.0.1.3 -f value -c fixed_ip_v6"},
		args:     []*cli.Arg{cli.Required(cli.Text(&ref, "INSTANCE", instanceUsage).Completes(anInstance))},
		columns:  cli.Fields(columns),
		ledger:   reads,
		run: func(ctx context.Context, s *session) error {
			found, err := s.store.FindInstances(ctx, ref)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, columns, found[0])
		},
	}
}

func instanceDelete() *command {
	var refs []string
	var gone bool
	return &command{
		name:     "delete",
		short:    "delete instances and release their addresses",
		long:     "All of them are deleted or none.",
		examples: []string{"nova-manage instance delete web", "nova-manage instance delete apollo/web-1 i-00000002 10.0.1.5"},
		args:     []*cli.Arg{cli.OneOrMore(cli.Texts(&refs, "INSTANCE", instanceUsage).Completes(anInstance))},
		flags:    []*cli.Flag{ifExists(&gone)},
		ledger:   writes,
		run: func(ctx context.Context, s *session) error {
			return s.removing(gone).DeleteInstances(ctx, refs)
		},
	}
}
