//go:build linux

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// liveLink is a link as `ip -json -details address show` tells it.
type liveLink struct {
	Name     string   `json:"ifname"`
	Parent   string   `json:"link"`
	Master   string   `json:"master"`
	MTU      int      `json:"mtu"`
	Flags    []string `json:"flags"`
	LinkInfo struct {
		Kind string `json:"info_kind"`
		Data struct {
			ID               int    `json:"id"`
			STP              int    `json:"stp_state"`
			ForwardDelay     int    `json:"forward_delay"` // 1/100 s
			MulticastSnoop   int    `json:"mcast_snooping"`
			VLANProtocolName string `json:"protocol"`
		} `json:"info_data"`
	} `json:"linkinfo"`
	Addresses []liveAddress `json:"addr_info"`
}

type liveAddress struct {
	Local     netip.Addr `json:"local"`
	Length    int        `json:"prefixlen"`
	Scope     string     `json:"scope"`
	Tentative bool       `json:"tentative"`
	DADFailed bool       `json:"dadfailed"`
}

func (a liveAddress) prefix() netip.Prefix { return netip.PrefixFrom(a.Local, a.Length) }

func (l *liveLink) up() bool { return slices.Contains(l.Flags, "UP") }

// wanted is the link as one that is to be so.
func (l *liveLink) wanted() *Link {
	w := &Link{Name: l.Name, Kind: Kind(l.LinkInfo.Kind), VLAN: l.LinkInfo.Data.ID, Parent: l.Parent, Master: l.Master, MTU: l.MTU}
	for _, a := range l.Addresses {
		if a.Scope != "link" {
			w.Addresses = append(w.Addresses, a.prefix())
		}
	}
	return w
}

type liveRoute struct {
	Destination string `json:"dst"`
	Type        string `json:"type"`
	Device      string `json:"dev"`
}

type liveNeighbour struct {
	Address netip.Addr `json:"dst"`
	Device  string     `json:"dev"`
	MAC     string     `json:"lladdr"`
	State   []string   `json:"state"`
}

// ipJSON reads an answer of ip(8).
func ipJSON[T any](ctx context.Context, args ...string) (all []T, err error) {
	out, err := run(ctx, nil, "ip", append([]string{"-json"}, args...)...)
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("ip %v: %w", args, err)
	}
	return all, nil
}

// liveLinks are the links of this machine by their names.
func liveLinks(ctx context.Context) (map[string]*liveLink, error) {
	all, err := ipJSON[*liveLink](ctx, "-details", "address", "show")
	if err != nil {
		return nil, err
	}
	links := make(map[string]*liveLink, len(all))
	for _, l := range all {
		links[l.Name] = l
	}
	return links, nil
}

// Port is a link that is a port of a bridge.
type Port struct{ Name, Bridge string }

// ForeignPorts are the ports of bridges that are not among ours over which somebody outside of this machine may be reached: not
// those of its containers and virtual machines.
func ForeignPorts(ctx context.Context, ours []string) (ports []Port, err error) {
	live, err := liveLinks(ctx)
	if err != nil {
		return nil, err
	}
	for name, l := range live {
		master := live[l.Master]
		if master == nil || master.LinkInfo.Kind != string(Bridge) || slices.Contains(ours, l.Master) {
			continue
		}
		if kind := l.LinkInfo.Kind; kind != "veth" && kind != "tun" {
			ports = append(ports, Port{name, l.Master})
		}
	}
	slices.SortFunc(ports, func(a, b Port) int { return strings.Compare(a.Name, b.Name) })
	return ports, nil
}
