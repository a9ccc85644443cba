package db

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// Finding is one thing that Check found wrong.
type Finding struct {
	Check   string // which check: integrity, schema, or the table that is at fault
	Problem string
}

// Check runs the engine's own integrity check and compares everything the ledger derives with what it is derived from.
// It calls found for each difference; an error means that the check itself could not go on.
func (s *Store) Check(ctx context.Context, found func(Finding)) error {
	return s.view(ctx, func(ctx context.Context, t view) error { return s.check(ctx, t, found) })
}

func (s *Store) check(ctx context.Context, t view, found func(Finding)) error {
	integrity, schema, err := s.db.Check(ctx, t.ReadTx)
	if err != nil {
		return err
	}
	for _, p := range integrity {
		found(Finding{"integrity", p})
	}
	if len(integrity) > 0 {
		return nil // what a damaged file says of itself is not worth comparing
	}
	// Without a trigger or a constraint the rest may still agree, or show what got in meanwhile.
	for _, p := range schema {
		found(Finding{"schema", p})
	}
	c := &checker{view: t, found: found}
	for _, check := range []func(context.Context) error{
		c.checkSpace, c.checkOwners, c.checkNetworks, c.checkPools, c.checkReleases, c.checkRouters, c.checkInstances,
		c.checkProjects, c.checkSequences, c.checkTimes, c.checkDomains, c.checkHistory,
	} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

type checker struct {
	view
	found func(Finding)
}

// report tells now and then how far the check has come.
func (c *checker) report(doing string, done int64) {
	if done%1000 == 0 {
		c.Report(doing, done, -1)
	}
}

func (c *checker) say(check, format string, args ...any) {
	c.found(Finding{check, fmt.Sprintf(format, args...)})
}

// spacePiece is a claim or, where it is free, a range that none covers.
type spacePiece struct {
	claim
	largest int
	free    bool
}

func (p spacePiece) String() string {
	if p.free {
		return p.Span.String()
	}
	return p.claim.String()
}

// checkSpace walks claims and free ranges together in address order: they must tile the address space, each address in
// one of them, and free neighbours must be joined.
func (c *checker) checkSpace(ctx context.Context) error {
	wholes := []netcalc.Span{wholeIPv4, wholeIPv6}
	next := wholes[0].First // the first address that no piece has covered yet
	var before spacePiece
	gap := func(first, last netip.Addr) {
		c.say("free_ranges", "%s is neither claimed nor free", netcalc.Span{First: first, Last: last})
	}
	finish := func() {
		if last := wholes[0].Last; next.IsValid() && !last.Less(next) {
			gap(next, last)
		}
		if wholes = wholes[1:]; len(wholes) > 0 {
			next, before = wholes[0].First, spacePiece{}
		}
	}
	expect := func(p spacePiece) {
		switch {
		case p.First.Less(wholes[0].First):
			c.say("claims", "%s is outside the space that networks are in", p)
		case !next.IsValid() || p.First.Less(next):
			c.say("claims", "%s overlaps %s", p, before)
		case p.First != next:
			gap(next, p.First.Prev())
		case p.free && before.free:
			c.say("free_ranges", "%s and %s are not joined", before, p)
		}
		if next.IsValid() && !p.Last.Less(next) {
			next = p.Last.Next()
		}
	}
	scan := func(row sqlstore.Row) (p spacePiece, err error) {
		err = row.Scan(keyed.Into(&p.First), keyed.Into(&p.Last), &p.prefix, &p.kind, &p.largest, &p.free)
		return p, err
	}
	n := int64(0)
	for p, err := range sqlstore.Rows(ctx, c.ReadTx, scan, `first, last, prefix, kind, 0, 0 FROM claims
		UNION ALL SELECT first, last, '', '', largest, 1 FROM free_ranges ORDER BY 1`) {
		if err != nil {
			return err
		}
		n++
		c.report("checking prefixes", n)
		if p.First.Is6() && len(wholes) == 2 {
			finish()
		}
		expect(p)
		switch {
		case p.free && p.largest != p.LargestBlock():
			c.say("free_ranges", "%s says that /%d fits, and /%d does", p, p.largest, p.LargestBlock())
		case !p.free:
			if prefix, ok := p.Prefix(); !ok || prefix.String() != p.prefix {
				c.say("claims", "%s is called %s", p, p.prefix)
			}
		}
		before = p
	}
	for len(wholes) > 0 {
		finish()
	}
	return nil
}

// checkOwners finds claims without an owner, owners without a claim, bridges without a network, and prefixes that disagree.
func (c *checker) checkOwners(ctx context.Context) error {
	for _, q := range []question{
		{"claims", "%s is claimed for a network that is not there",
			"prefix FROM claims c WHERE kind = 'network' AND NOT EXISTS (SELECT 1 FROM networks n WHERE n.first = c.first AND n.cidr = c.prefix)"},
		{"claims", "%s is claimed for a bridge that is not there",
			"prefix FROM claims c WHERE kind = 'bridge' AND NOT EXISTS (SELECT 1 FROM bridges b WHERE b.first_v6 = c.first AND b.cidr_v6 = c.prefix)"},
		{"claims", "%s is claimed for a floating range that is not there",
			"prefix FROM claims c WHERE kind = 'floating' AND NOT EXISTS (SELECT 1 FROM floating_ranges f WHERE f.first = c.first AND f.last = c.last AND f.cidr = c.prefix)"},
		{"floating_ranges", "%s is not claimed as a floating range",
			"cidr FROM floating_ranges f WHERE NOT EXISTS (SELECT 1 FROM claims c WHERE c.first = f.first AND c.last = f.last AND c.prefix = f.cidr AND c.kind = 'floating')"},
		{"bridges", "%s has an IPv6 prefix that is not claimed for it",
			"bridge FROM bridges b WHERE first_v6 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.first = b.first_v6 AND c.prefix = b.cidr_v6 AND c.kind = 'bridge')"},
		{"bridges", "%s carries no network",
			"bridge FROM bridges b WHERE NOT EXISTS (SELECT 1 FROM networks n WHERE n.bridge = b.bridge)"},
		{"bridges", "%s has an IPv6 prefix that no network on it has",
			"bridge FROM bridges b WHERE cidr_v6 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM networks n WHERE n.bridge = b.bridge AND n.cidr_v6 = b.cidr_v6)"},
	} {
		if err := c.ask(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// checkNetworks compares each network's derived columns with its prefix, manager and bridge.
func (c *checker) checkNetworks(ctx context.Context) error {
	bridges := map[string]bridge{}
	all, err := bridgeTable.All(ctx, c.ReadTx, "")
	if err != nil {
		return err
	}
	for _, b := range all {
		bridges[b.name] = b
	}
	i := int64(0)
	for n, err := range networkTable.Rows(ctx, c.ReadTx, " ORDER BY first") {
		i++
		c.report("checking networks", i)
		switch {
		case isCorrupt(err) && n.ID != 0: // a row that cannot be read, not the file
			c.say("networks", "%v", err)
		case err != nil:
			return err
		default:
			c.checkNetwork(n, bridges[n.Bridge])
		}
	}
	return c.checkPlaces(ctx)
}

func (c *checker) checkNetwork(n Network, b bridge) {
	differs := func(name string, is, should any) {
		if is != should {
			c.say("networks", "%s has %s %s, and %s follows from the rest", n.Name(), name, orNone(is), orNone(should))
		}
	}
	should := n
	if n.CIDR.IsValid() {
		if err := should.place(n.Gateway); err != nil {
			c.say("networks", "%s: %v", n.Name(), err)
			return
		}
	} else {
		should.Netmask, should.Gateway, should.Broadcast = netip.Addr{}, netip.Addr{}, netip.Addr{}
		should.DHCPStart, should.VPNPrivateAddress = netip.Addr{}, netip.Addr{}
	}
	differs("netmask", n.Netmask, should.Netmask)
	differs("gateway", n.Gateway, should.Gateway)
	differs("broadcast", n.Broadcast, should.Broadcast)
	differs("dhcp_start", n.DHCPStart, should.DHCPStart)
	differs("vpn_private_address", n.VPNPrivateAddress, should.VPNPrivateAddress)
	differs("vlan", n.VLAN, b.vlan)
	if n.VLAN != 0 {
		differs("bridge", n.Bridge, vlanBridge(n.VLAN))
	}
	if n.CIDRv6.IsValid() {
		differs("cidr_v6", n.CIDRv6, b.cidrV6)
		if err := checkGatewayV6(n.CIDRv6, n.GatewayV6); err != nil {
			c.say("networks", "%s: %v", n.Name(), err)
		}
		if n.CIDRv6.Bits() != 64 {
			c.say("networks", "%s: the IPv6 prefix is no /64", n.Name())
		}
	}
}

// checkPlaces finds sort keys that are not the prefix's.
func (c *checker) checkPlaces(ctx context.Context) error {
	type placed struct {
		id    int64
		first []byte
		where string
	}
	rows, err := sqlstore.Collect(ctx, c.ReadTx, func(row sqlstore.Row) (p placed, err error) {
		err = row.Scan(&p.id, &p.first, &p.where)
		return p, err
	}, "n.id, n.first, coalesce(n.cidr, n.cidr_v6) FROM networks n JOIN claims c ON c.first = n.first WHERE c.prefix <> coalesce(n.cidr, n.cidr_v6)")
	if err != nil {
		return err
	}
	for _, p := range rows {
		prefix, err := netip.ParsePrefix(p.where)
		if err != nil || !bytes.Equal(key(prefix.Addr()), p.first) {
			c.say("networks", "network %d (%s) stands in the order as if it began elsewhere", p.id, p.where)
		} else {
			c.say("networks", "network %d (%s) is claimed with another prefix length", p.id, p.where)
		}
	}
	return nil
}
