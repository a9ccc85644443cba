//go:build linux

package commands

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"nova-manage/db"
	"nova-manage/dnsmasqgen"
	"nova-manage/internal/cli"
	"nova-manage/node"
)

type emitDnsmasqOptions struct {
	nodeOptions
	place
}

func emitDnsmasq() *command {
	o := &emitDnsmasqOptions{nodeOptions: newNodeOptions()}
	return &command{
		name:  "dnsmasq",
		short: "print dnsmasq.conf: DHCP and DNS for the instances of the ledger",
		long: "One dnsmasq serves all bridges. An instance gets its recorded IPv4 address, its gateway, DNS servers and MTU, and nobody " +
			"else gets any; one whose recorded IPv6 address does not follow from its MAC gets that by DHCPv6. Names of instances are " +
			"answered for both families: NAME.PROJECT.dhcp_domain, i-xxxxxxxx.dhcp_domain, and NAME.dhcp_domain where only one instance " +
			"of the node has it. Networks of FlatManager have no DHCP, as in Nova. As one text it is a file that works by itself; --dir " +
			"writes dnsmasq.conf and beside it dnsmasq.hosts and dnsmasq.names, which dnsmasq reads again at SIGHUP. Where there is no " +
			"network the exit code is 3 and no file is touched.",
		examples: []string{
			"nova-manage emit dnsmasq --host node1",
			"nova-manage emit dnsmasq --host node1 --dns_server 192.0.2.53 --dir /etc/nova",
		},
		flags:  slices.Concat([]*cli.Flag{servedBy(&o.Host)}, o.dhcpFlags(), o.place.flags()),
		ledger: reads,
		files:  o.place.files,
		check:  func(*cli.Env) error { return o.place.check() },
		run: func(ctx context.Context, s *session) error {
			view, err := s.store.Node(ctx, o.Host)
			if err != nil {
				return err
			}
			config := o.dnsmasq(view)
			if len(config.Networks) == 0 {
				return &db.Error{Message: "nothing to serve: no network has DHCP", Kind: db.ErrNotFound}
			}
			files, err := dnsmasqFiles(config, o.Dir)
			if err != nil {
				return refusedLedger(err)
			}
			if optmem := config.OptmemMax(); optmem > 0 {
				s.Warnf("DHCPv6 on so many bridges needs net.core.optmem_max = %d, which host apply sets", optmem)
			}
			s.warnAll(dnsmasqWarnings(config))
			return s.outputFiles(ctx, &o.place, files)
		},
	}
}

// dnsmasqWarnings are what of the ledger dnsmasq does not do well.
func dnsmasqWarnings(c dnsmasqgen.Config) []string {
	if n := len(c.Hosts); n > dnsmasqgen.SlowHosts {
		return []string{fmt.Sprintf("dnsmasq takes about %.0f s to read %d instances, and answers nobody meanwhile", dnsmasqgen.ReloadSeconds(n), n)}
	}
	return nil
}

// dnsmasq is what the node that view is of serves.
func (o *nodeOptions) dnsmasq(view db.NodeView) dnsmasqgen.Config {
	sum := sha256.Sum256([]byte("nova-manage DHCPv6 server " + view.Host))
	c := dnsmasqgen.Config{Domain: o.DHCPDomain, LeaseTime: uint32(o.LeaseTime), Upstream: o.DNSServers,
		DUID: [8]byte(sum[:8]), OptmemRaised: true, PIDFile: dnsmasqPID}
	// Whether addresses are handed out is a bridge's matter: its networks share the /64.
	recorded := map[int64]bool{}
	for _, i := range view.Instances {
		recorded[i.NetworkID] = recorded[i.NetworkID] || i.RecordedIPv6
	}
	handed := map[string]bool{}
	served := map[int64]db.Network{}
	for _, n := range view.Networks {
		handed[n.Bridge] = handed[n.Bridge] || recorded[n.ID]
	}
	for _, n := range view.Networks {
		if n.Manager == db.FlatManager {
			continue
		}
		served[n.ID] = n
		d := dnsmasqgen.Network{ID: n.ID, Bridge: n.Bridge, Domain: o.domainOf(n.ProjectID), CIDR: n.CIDR, Router: n.Gateway, First: n.DHCPStart,
			MTU: n.MTU, CIDRv6: n.CIDRv6, GatewayV6: n.GatewayV6, DHCPv6: n.CIDRv6.IsValid() && handed[n.Bridge]}
		for _, a := range []netip.Addr{n.DNS1, n.DNS2} {
			if a.IsValid() {
				d.DNS = append(d.DNS, a)
			}
		}
		c.Networks = append(c.Networks, d)
	}
	names := o.names(view)
	for _, i := range view.Instances {
		n, ok := served[i.NetworkID]
		if !ok {
			continue
		}
		h := dnsmasqgen.Host{Network: i.NetworkID, MAC: i.MAC, Label: names[i.ID].label, IPv4: i.FixedIP}
		if i.RecordedIPv6 && n.CIDRv6.IsValid() {
			h.IPv6 = i.FixedIPv6
		}
		if h.IPv4.IsValid() || h.IPv6.IsValid() {
			c.Hosts = append(c.Hosts, h)
		}
		for _, a := range []netip.Addr{i.FixedIP, i.FixedIPv6} {
			if a.IsValid() {
				c.Records = append(c.Records, dnsmasqgen.Record{Addr: a, Names: names[i.ID].full})
			}
		}
	}
	slices.SortStableFunc(c.Records, func(a, b dnsmasqgen.Record) int { return a.Addr.Compare(b.Addr) })
	return c
}

// domainOf is the part of the zone that a project's instances are in, "" where its name cannot be one.
func (o *nodeOptions) domainOf(project string) string {
	label := strings.ToLower(project)
	if project == "" || dnsmasqgen.CheckLabel(label) != nil {
		return ""
	}
	return label + "." + o.DHCPDomain
}

// instanceNames are what an instance is called: by DHCP, as a label of its network's domain, and in DNS.
type instanceNames struct {
	label string
	full  []string
}

// names gives every instance its names. Names are unique in a project only, and one dnsmasq answers for all: a name that several
// have belongs to none of them without its project.
func (o *nodeOptions) names(view db.NodeView) map[int64]instanceNames {
	zone := "." + o.DHCPDomain
	projectOf := make(map[int64]string, len(view.Networks))
	for _, n := range view.Networks {
		projectOf[n.ID] = n.ProjectID
	}
	// A network whose project has no domain hands out names of the zone itself.
	inZone := func(i db.NodeInstance) bool { return o.domainOf(projectOf[i.NetworkID]) == "" }
	everywhere, plain, qualified := map[string]int{}, map[string]int{}, map[string]int{}
	for _, i := range view.Instances {
		label := strings.ToLower(i.Name)
		everywhere[label]++
		qualified[label+"/"+strings.ToLower(i.ProjectID)]++
		if inZone(i) {
			plain[label]++
		} else {
			plain[label+"/"+projectOf[i.NetworkID]]++
		}
	}
	names := make(map[int64]instanceNames, len(view.Instances))
	for _, i := range view.Instances {
		id := i.EC2ID()
		label := strings.ToLower(i.Name)
		valid := dnsmasqgen.CheckLabel(label) == nil
		n := instanceNames{label: id}
		domain := cmp.Or(o.domainOf(projectOf[i.NetworkID]), strings.TrimPrefix(zone, "."))
		key := label
		if !inZone(i) {
			key += "/" + projectOf[i.NetworkID]
		}
		if valid && plain[key] == 1 {
			n.label = label
		}
		add := func(name string) {
			if !slices.Contains(n.full, name) {
				n.full = append(n.full, name)
			}
		}
		add(n.label + "." + domain)
		if own := o.domainOf(i.ProjectID); valid && own != "" && qualified[label+"/"+strings.ToLower(i.ProjectID)] == 1 {
			add(label + "." + own)
		}
		if valid && everywhere[label] == 1 {
			add(label + zone)
		}
		add(id + zone)
		names[i.ID] = n
	}
	return names
}

const (
	dnsmasqPID     = "/run/nova-dnsmasq.pid"
	dnsmasqConf    = "/etc/nova/dnsmasq.conf"
	dnsmasqHosts   = "/etc/nova/dnsmasq.hosts"
	dnsmasqNames   = "/etc/nova/dnsmasq.names"
	dnsmasqService = "/etc/systemd/system/nova-dnsmasq.service"
)

// dnsmasqFiles are the files of dnsmasq. In a folder they are three, of which the main one names the others there; without one it
// is one that holds everything.
func dnsmasqFiles(c dnsmasqgen.Config, dir string) (files []node.File, err error) {
	if dir != "" {
		// The daemon may be started anywhere.
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
		c.HostsFile, c.NamesFile = filepath.Join(dir, filepath.Base(dnsmasqHosts)), filepath.Join(dir, filepath.Base(dnsmasqNames))
	}
	text, err := c.Append(nil)
	if err != nil {
		return nil, err
	}
	files = append(files, node.File{Path: dnsmasqConf, Mode: 0o644, Text: text, Does: node.RestartDHCP})
	if dir == "" {
		return files, nil
	}
	hosts, err := c.AppendHosts(nil)
	if err != nil {
		return nil, err
	}
	names, err := c.AppendNames(nil)
	return append(files,
		node.File{Path: dnsmasqHosts, Mode: 0o644, Text: hosts, Does: node.ReloadDHCP},
		node.File{Path: dnsmasqNames, Mode: 0o644, Text: names, Does: node.ReloadDHCP}), err
}
