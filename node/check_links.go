//go:build linux

package node

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// checkLinks compares the kernel's links, their addresses, and what the node answers for on them.
func checkLinks(ctx context.Context, w *Want) (found []Difference, err error) {
	live, err := liveLinks(ctx)
	if err != nil {
		return nil, err
	}
	for i := range w.Links {
		found = append(found, w.Links[i].compare(live[w.Links[i].Name], live)...)
	}
	local, err := checkLocal(ctx, w, live)
	if err != nil {
		return nil, err
	}
	proxies, err := checkProxies(ctx, w, live)
	return append(append(found, local...), proxies...), err
}

// compare compares one link with what the kernel has of that name, nil for nothing.
func (l *Link) compare(live *liveLink, all map[string]*liveLink) (found []Difference) {
	subject := "link " + l.Name
	add := func(is, should string, ip ...string) {
		found = append(found, Difference{Subject: subject, Is: is, Should: should, Because: l.Because, ip: ip})
	}
	if live == nil {
		switch {
		case l.Kind == Given:
			add("missing", "there")
		case l.Kind == VLAN && all[l.Parent] == nil:
			add("missing, and so is "+l.Parent, fmt.Sprintf("VLAN %d on %s", l.VLAN, l.Parent))
		default:
			add("missing", l.String(), l.create()...)
		}
		return found
	}
	if l.Kind != Given && live.LinkInfo.Kind != string(l.Kind) {
		add(or(live.LinkInfo.Kind, "another kind"), string(l.Kind))
		return found
	}
	if l.Kind == VLAN && (live.LinkInfo.Data.ID != l.VLAN || live.Parent != l.Parent) {
		add(fmt.Sprintf("VLAN %d on %s", live.LinkInfo.Data.ID, live.Parent), fmt.Sprintf("VLAN %d on %s", l.VLAN, l.Parent),
			append([]string{"link delete dev " + l.Name}, l.create()...)...)
		return found
	}
	if l.Master != "" && live.Master != l.Master {
		add("a port of "+or(live.Master, "no bridge"), "a port of "+l.Master, "link set dev "+l.Name+" master "+l.Master)
	}
	if l.MTU != 0 && live.MTU != l.MTU {
		add("MTU "+strconv.Itoa(live.MTU), "MTU "+strconv.Itoa(l.MTU), fmt.Sprintf("link set dev %s mtu %d", l.Name, l.MTU))
	}
	if l.Kind == Bridge {
		data := live.LinkInfo.Data
		for _, option := range []struct {
			name string
			is   int
		}{{"stp_state", data.STP}, {"forward_delay", data.ForwardDelay}, {"mcast_snooping", data.MulticastSnoop}} {
			if option.is != 0 {
				add(fmt.Sprintf("%s %d", option.name, option.is), option.name+" 0", fmt.Sprintf("link set dev %s type bridge %s 0", l.Name, option.name))
			}
		}
	}
	if !live.up() {
		ip := []string{"link set dev " + l.Name + " up"}
		for _, a := range l.Addresses {
			if live.lacks(a) {
				ip = append(ip, l.addAddress(a))
			}
		}
		add("down", "up", ip...)
	}
	if l.Kind == Bridge {
		found = append(found, l.compareAddresses(live)...)
	}
	return found
}

func (l *Link) compareAddresses(live *liveLink) (found []Difference) {
	add := func(subject, is, should string, ip ...string) {
		found = append(found, Difference{Subject: subject, Is: is, Should: should, Because: l.Because, ip: ip})
	}
	subject := "address on " + l.Name
	for _, a := range l.Addresses {
		at := slices.IndexFunc(live.Addresses, func(have liveAddress) bool { return have.prefix() == a })
		switch {
		case live.lacks(a):
			// It comes back with the link.
		case at < 0:
			add(subject, "missing", a.String(), l.addAddress(a))
		case live.Addresses[at].Tentative, live.Addresses[at].DADFailed:
			// Nobody can be answered from it (RFC 4862 section 5.4).
			add(subject, a.String()+" tentative", a.String(), "address delete "+a.String()+" dev "+l.Name, l.addAddress(a))
		}
	}
	for _, have := range live.Addresses {
		if have.Scope == "link" || slices.Contains(l.Addresses, have.prefix()) {
			continue
		}
		// The bridge is ours, and networkd would take it away too: a guest could reach the node by an address that nobody knows.
		add(subject, have.prefix().String(), "none but those of the ledger", "address delete "+have.prefix().String()+" dev "+l.Name)
	}
	return found
}

// lacks tells whether the link is without an address because it is down: the kernel takes those of IPv6 away then.
func (l *liveLink) lacks(a netip.Prefix) bool {
	return !l.up() && a.Addr().Is6() && !slices.ContainsFunc(l.Addresses, func(have liveAddress) bool { return have.prefix() == a })
}

// addAddress is the command that gives the link an address. One of IPv6 is not tried for duplicates: without carrier, which a
// bridge has from its first guest on, it would stay tentative, and radvd and dnsmasq could not use it. Replacing is adding, but it is
// no error where a networkd that is late has done the same since we looked.
func (l *Link) addAddress(a netip.Prefix) string {
	command := "address replace " + a.String() + " dev " + l.Name
	if a.Addr().Is6() {
		return command + " nodad"
	}
	return command + " broadcast +"
}

// create are the commands that make the link.
func (l *Link) create() (ip []string) {
	if l.Kind == VLAN {
		ip = append(ip, fmt.Sprintf("link add link %s name %s type vlan id %d", l.Parent, l.Name, l.VLAN))
	} else {
		ip = append(ip, "link add name "+l.Name+" type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
	}
	if l.MTU != 0 {
		ip = append(ip, fmt.Sprintf("link set dev %s mtu %d", l.Name, l.MTU))
	}
	if l.Master != "" {
		ip = append(ip, "link set dev "+l.Name+" master "+l.Master)
	}
	for _, a := range l.Addresses {
		ip = append(ip, l.addAddress(a))
	}
	return append(ip, "link set dev "+l.Name+" up")
}

// String is the link in words.
func (l *Link) String() string {
	if l.Kind == VLAN {
		return fmt.Sprintf("VLAN %d on %s", l.VLAN, l.Parent)
	}
	words := []string{string(l.Kind)}
	for _, a := range l.Addresses {
		words = append(words, a.String())
	}
	return strings.Join(words, " ")
}

// checkLocal compares the local routes over links of ours.
func checkLocal(ctx context.Context, w *Want, live map[string]*liveLink) (found []Difference, err error) {
	wanted := map[string]map[string]*Local{}
	for i := range w.Links {
		if w.Links[i].Kind == Bridge && w.Links[i].Addresses == nil {
			wanted[w.Links[i].Name] = map[string]*Local{}
		}
	}
	for i := range w.Local {
		l := &w.Local[i]
		if wanted[l.Link] == nil {
			wanted[l.Link] = map[string]*Local{}
		}
		wanted[l.Link][l.Address.String()] = l
	}
	for link, routes := range wanted {
		have := map[string]bool{}
		if live[link] != nil {
			all, err := ipJSON[liveRoute](ctx, "-4", "route", "show", "table", "local", "type", "local", "dev", link)
			if err != nil {
				return nil, err
			}
			for _, r := range all {
				have[r.Destination] = true
			}
		}
		for address := range have {
			if routes[address] == nil {
				found = append(found, Difference{Subject: "local route on " + link, Is: address, Should: "none", Because: "no such floating address is held",
					ip: []string{"route delete local " + address + " dev " + link + " table local"}})
			}
		}
		for address, l := range routes {
			if !have[address] {
				found = append(found, Difference{Subject: "local route on " + link, Is: "missing", Should: address, Because: l.Because,
					ip: []string{"route replace local " + address + " dev " + link + " table local"}})
			}
		}
	}
	sortDifferences(found)
	return found, nil
}

// checkProxies compares the addresses that are answered for by NDP. Those of somebody else stay.
func checkProxies(ctx context.Context, w *Want, live map[string]*liveLink) (found []Difference, err error) {
	if w.Proxies == nil && w.Proxied == nil {
		return nil, nil
	}
	have, wanted := map[Proxy]bool{}, map[Proxy]bool{}
	for _, p := range w.Proxies {
		wanted[Proxy{Address: p.Address, Link: p.Link}] = true
	}
	all, err := ipJSON[liveNeighbour](ctx, "-6", "neighbour", "show", "proxy")
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		p := Proxy{Address: n.Address, Link: n.Device}
		have[p] = true
		if !wanted[p] && slices.ContainsFunc(w.Proxied, func(r netip.Prefix) bool { return r.Contains(p.Address) }) {
			found = append(found, Difference{Subject: "NDP proxy on " + p.Link, Is: p.Address.String(), Should: "none", Because: "no such floating address is held",
				ip: []string{"neighbour delete proxy " + p.Address.String() + " dev " + p.Link}})
		}
	}
	for _, p := range w.Proxies {
		if have[Proxy{Address: p.Address, Link: p.Link}] {
			continue
		}
		d := Difference{Subject: "NDP proxy on " + p.Link, Is: "missing", Should: p.Address.String(), Because: p.Because}
		if live[p.Link] != nil {
			d.ip = []string{"neighbour add proxy " + p.Address.String() + " dev " + p.Link}
		}
		found = append(found, d)
	}
	return found, nil
}

func sortDifferences(all []Difference) {
	slices.SortStableFunc(all, func(a, b Difference) int {
		return strings.Compare(a.Subject+"\x00"+a.Should+"\x00"+a.Is, b.Subject+"\x00"+b.Should+"\x00"+b.Is)
	})
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
