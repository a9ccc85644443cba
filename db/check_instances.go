package db

import (
	"context"
	"net/netip"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// checkReleases compares the numbers of releases with their sequence: they are the order in which addresses come back.
func (c *checker) checkReleases(ctx context.Context) error {
	for _, q := range []question{
		{"addresses", "release %s is counted twice", `
			released FROM addresses WHERE released IS NOT NULL GROUP BY released HAVING count(*) > 1`},
		{"addresses", "%s has release %s, which has not been counted yet", `
			address, released FROM addresses
			WHERE released > (SELECT value FROM sequences WHERE name = 'release') OR released < 1`},
	} {
		if err := c.ask(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// checkRouters finds IPv6 addresses of the links' routers that are held or reserved. There is a handful of routers per
// bridge at most, however many networks.
func (c *checker) checkRouters(ctx context.Context) error {
	routers, err := sqlstore.Collect(ctx, c.ReadTx, func(row sqlstore.Row) (r [2]string, err error) {
		err = row.Scan(&r[0], optText.Into(&r[1]))
		return r, err
	}, "DISTINCT cidr_v6, gateway_v6 FROM networks WHERE cidr_v6 IS NOT NULL")
	if err != nil {
		return err
	}
	for _, r := range routers {
		prefix, noPrefix := netip.ParsePrefix(r[0])
		gateway, noGateway := netip.ParseAddr(r[1])
		if noPrefix != nil || noGateway != nil {
			continue // checkNetworks says so
		}
		for _, own := range []netip.Addr{prefix.Addr(), gateway} {
			row, ok, err := c.addressAt(ctx, own)
			if err != nil {
				return err
			}
			if ok {
				c.say("addresses", "%s is %s, and a router's in %s", own, row.state, prefix)
			}
		}
	}
	return nil
}

// portRow is an instance with what its network says of its addresses, as text.
type portRow struct {
	id                           int64
	first                        []byte
	name, mac, on                string
	fixed, fixedV6, cidr, cidrV6 *string
}

// checkInstances compares each instance with its network and with what it holds, a page of them at a time: some need a
// look-up of their own, and PostgreSQL's driver has one statement open at a time.
func (c *checker) checkInstances(ctx context.Context) error {
	const page = 1000
	for last, checked := int64(0), int64(0); ; {
		rows, err := sqlstore.Collect(ctx, c.ReadTx, func(row sqlstore.Row) (r portRow, err error) {
			err = row.Scan(&r.id, &r.first, &r.name, &r.mac, written.Into(&r.fixed), written.Into(&r.fixedV6), written.Into(&r.cidr),
				written.Into(&r.cidrV6), &r.on)
			return r, err
		}, `i.id, i.first, i.project_id || '/' || i.name, i.mac_address, i.fixed_ip, i.fixed_ip_v6, n.cidr, n.cidr_v6, n.bridge
			FROM instances i JOIN networks n ON n.id = i.network_id WHERE i.id > $1 ORDER BY i.id LIMIT $2`, last, page)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		held, err := c.heldBy(ctx, rows[0].id, rows[len(rows)-1].id)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := c.checkInstance(ctx, r, held[r.id]); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
		last, checked = rows[page-1].id, checked+page
		c.report("checking instances", checked)
	}
}

// heldBy returns what the instances from one id to another hold, in address order.
func (c *checker) heldBy(ctx context.Context, from, to int64) (map[int64][]addressRow, error) {
	rows, err := addressTable.All(ctx, c.ReadTx, " WHERE instance_id BETWEEN $1 AND $2 ORDER BY first", from, to)
	held := make(map[int64][]addressRow, len(rows)/2)
	for _, r := range rows {
		held[r.instance] = append(held[r.instance], r)
	}
	return held, err
}

func (c *checker) checkInstance(ctx context.Context, r portRow, held []addressRow) error {
	i, n, err := r.parse()
	if err != nil {
		c.say("instances", "instance %s: %v", i.Name, err)
		return nil
	}
	if i.MAC.String() != r.mac {
		c.say("instances", "instance %s: MAC %s is written %s", i.Name, i.MAC, r.mac)
	}
	if string(key(i.first())) != string(r.first) {
		c.say("instances", "instance %s stands in the order as if its address were not %s", i.Name, i.first())
	}
	for _, f := range []struct {
		name string
		is   netip.Addr
		in   netip.Prefix
	}{{"fixed_ip", i.FixedIP, n.CIDR}, {"fixed_ip_v6", i.FixedIPv6, n.CIDRv6}} {
		// Neither an address without a prefix nor, since each network gives of both, a prefix without an address.
		if f.is.IsValid() != f.in.IsValid() || f.is.IsValid() && !f.in.Contains(f.is) {
			c.say("instances", "instance %s has %s %s, and its network has %s", i.Name, f.name, orNone(f.is), orNone(f.in))
		}
	}
	if err := c.checkHeld(ctx, i, held); err != nil {
		return err
	}
	return c.checkRecorded(ctx, i, r.on)
}

// parse reads what is stored as text; the network has its prefixes alone.
func (r portRow) parse() (i Instance, n Network, err error) {
	i = Instance{ID: r.id, Name: r.name}
	for _, a := range []struct {
		from *string
		to   *netip.Addr
	}{{r.fixed, &i.FixedIP}, {r.fixedV6, &i.FixedIPv6}} {
		if *a.to, err = readWritten(a.from, optAddr); err != nil {
			return i, n, err
		}
	}
	for _, p := range []struct {
		from *string
		to   *netip.Prefix
	}{{r.cidr, &n.CIDR}, {r.cidrV6, &n.CIDRv6}} {
		if *p.to, err = readWritten(p.from, optPrefix); err != nil {
			return i, n, err
		}
	}
	if i.MAC, err = netcalc.ParseMAC(r.mac); err == nil {
		err = i.MAC.CheckUnicast()
	}
	return i, n, err
}

// checkHeld compares what an instance holds with what it says it has. What else it holds is floating, one of a family,
// and stands for a fixed address of that family.
func (c *checker) checkHeld(ctx context.Context, i Instance, held []addressRow) error {
	missing := []struct {
		name string
		is   netip.Addr
	}{{"fixed_ip", i.FixedIP}, {"fixed_ip_v6", i.FixedIPv6}}
	floating := map[int]int{} // by length of the address
	for _, r := range held {
		fixed := false
		for k := range missing {
			if missing[k].is == r.First {
				missing[k].is, fixed = netip.Addr{}, true
			}
		}
		if fixed {
			continue
		}
		in, _, err := c.claimAround(ctx, r.First)
		if err != nil {
			return err
		}
		if in.kind != claimFloating {
			c.say("addresses", "%s is held by instance %s, whose fixed address it is not", r.First, i.Name)
			continue
		}
		if floating[r.First.BitLen()]++; floating[r.First.BitLen()] == 2 {
			c.say("addresses", "instance %s has more than one floating address of a family", i.Name)
		}
		if !i.FixedIP.IsValid() && r.First.Is4() || !i.FixedIPv6.IsValid() && r.First.Is6() {
			c.say("addresses", "%s is associated with instance %s, which has no fixed address of that family", r.First, i.Name)
		}
	}
	for _, m := range missing {
		if m.is.IsValid() {
			c.say("instances", "instance %s has %s %s, and does not hold it", i.Name, m.name, m.is)
		}
	}
	return nil
}

// checkRecorded finds an instance whose IPv6 address is the one that the guest of another, on the same link, gives itself.
func (c *checker) checkRecorded(ctx context.Context, i Instance, bridge string) error {
	mac, err := netcalc.MACFromEUI64(i.FixedIPv6)
	if err != nil || mac == i.MAC {
		return nil // no EUI-64 address, or its own
	}
	return c.ask(ctx, question{"instances", "instance %s has the address that instance %s gives itself", `
		a.project_id || '/' || a.name, i.project_id || '/' || i.name FROM instances i JOIN networks n ON n.id = i.network_id, instances a
		WHERE i.mac_address = $1 AND a.id = $2 AND n.bridge = $3`},
		mac.String(), i.ID, bridge)
}
