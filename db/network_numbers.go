package db

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"nova-manage/db/internal/sqlstore"
)

// This file gives VlanManager's networks their VLANs and VPN ports. Somebody who names the first one gets exactly those
// from there on; NextFree takes those that are free, one by one; and where neither is asked for they follow on each other
// from the first place where so many are free.

// planVLANs gives each of VlanManager's networks its VLAN and bridge.
func (c *carving) planVLANs(ctx context.Context) error {
	if c.Manager != VlanManager {
		return nil
	}
	used, err := sqlstore.Values[int](ctx, c.ReadTx, "vlan FROM bridges WHERE vlan >= $1 ORDER BY vlan", c.VLANStart)
	if err != nil {
		return err
	}
	flat, err := c.flatBridgesLikeVLANs(ctx)
	if err != nil {
		return err
	}
	numbers := c.numbers(c.VLANStart, c.VLANStartAsked, merged(used, flat))
	for i := range c.networks {
		n := &c.networks[i]
		if c.there[i] && !c.VLANStartAsked {
			continue // it has a VLAN, and nobody asked for another
		}
		switch vlan := numbers.next(); {
		case vlan > maxVLAN:
			return c.outOfNumbers("vlan_start", c.VLANStart, c.VLANStartAsked, "VLAN", i)
		case slices.Contains(flat, vlan):
			return conflictf(ErrInUse, "VLAN %d needs bridge %s, which flat networks are on", vlan, vlanBridge(vlan)).
				Try(WayAnotherVLANStart)
		case c.Bridge != "" && c.Bridge != vlanBridge(vlan):
			return conflictf(ErrInUse, "bridge %s: VlanManager names its bridges itself, and the first free VLAN is %d", c.Bridge, vlan).
				Try(WayVLANOfBridge, strings.TrimPrefix(c.Bridge, "br"))
		default:
			n.VLAN, n.Bridge = vlan, vlanBridge(vlan)
		}
	}
	return nil
}

// flatBridgesLikeVLANs returns the VLANs whose bridges' names flat bridges have, in order: br100 is even the default of both.
func (t view) flatBridgesLikeVLANs(ctx context.Context) (vlans []int, err error) {
	names, err := sqlstore.Values[string](ctx, t.ReadTx, "bridge FROM bridges WHERE vlan IS NULL")
	for _, name := range names {
		if vlan, ok := vlanOfBridge(name); ok {
			vlans = append(vlans, vlan)
		}
	}
	slices.Sort(vlans)
	return vlans, err
}

// vlanOfBridge is the VLAN that would name its bridge so.
func vlanOfBridge(name string) (int, bool) {
	vlan, err := strconv.Atoi(strings.TrimPrefix(name, "br"))
	return vlan, err == nil && vlanBridge(vlan) == name && 1 <= vlan && vlan <= maxVLAN
}

// checkVLANs refuses a VLAN that was asked for and another network has.
func (c *carving) checkVLANs(ctx context.Context) error {
	if c.Manager != VlanManager || c.NextFree || !c.VLANStartAsked {
		return nil
	}
	used, err := sqlstore.Values[int](ctx, c.ReadTx, "vlan FROM bridges WHERE vlan BETWEEN $1 AND $2 ORDER BY vlan",
		c.VLANStart, c.VLANStart+c.Count-1)
	if err != nil {
		return err
	}
	for _, vlan := range used {
		if i := vlan - c.VLANStart; !c.there[i] {
			other, err := c.networkBy(ctx, "vlan", vlan)
			if err != nil {
				return err
			}
			if p := c.networks[i].CIDR; p.IsValid() && p == other.CIDR {
				continue // checkPrefixes says it better
			}
			return conflictf(ErrInUse, "VLAN %d is used by %s", vlan, other.Name()).Try(WayAnotherVLANStart)
		}
	}
	return nil
}

// planVPN gives each of VlanManager's networks with IPv4 its public VPN address and port.
func (c *carving) planVPN(ctx context.Context) error {
	if !c.hasVPN() {
		return nil
	}
	used, err := sqlstore.Values[int](ctx, c.ReadTx,
		"vpn_public_port FROM networks WHERE vpn_public_port >= $1 ORDER BY vpn_public_port", c.VPNStart)
	if err != nil {
		return err
	}
	numbers := c.numbers(c.VPNStart, c.VPNStartAsked, used)
	for i := range c.networks {
		if c.there[i] && !c.VPNStartAsked {
			continue
		}
		port := numbers.next()
		if port > maxPort {
			return c.outOfNumbers("vpn_start", c.VPNStart, c.VPNStartAsked, "VPN port", i)
		}
		if c.there[i] {
			continue
		}
		if _, taken := slices.BinarySearch(used, port); taken {
			other, err := c.networkBy(ctx, "vpn_public_port", port)
			if err != nil {
				return err
			}
			return conflictf(ErrInUse, "VPN port %d is used by %s", port, other.Name()).Try(WayAnotherVPNStart)
		}
		c.networks[i].VPNPublicAddress, c.networks[i].VPNPublicPort = c.VPNAddress, port
	}
	return nil
}

// numbers are VLANs or ports to give out, from the lowest on.
type numbers struct {
	at   int
	used []int // to be passed over, in order
}

// numbers begins at start, where that is asked for, else at the first of as many free ones in a row as are missing.
func (c *carving) numbers(start int, asked bool, used []int) *numbers {
	switch {
	case c.NextFree:
		return &numbers{start, used}
	case asked:
		return &numbers{at: start}
	}
	return &numbers{at: firstRun(start, c.missing(), used)}
}

func (n *numbers) next() int {
	n.at, n.used = firstGap(n.at, n.used)
	n.at++
	return n.at - 1
}

// outOfNumbers says that what is left of VLANs or ports is too few.
func (c *carving) outOfNumbers(name string, start int, asked bool, thing string, found int) error {
	place := fmt.Sprintf("the range from %s %d on", name, start)
	if asked || c.NextFree {
		return shortage(place, thing, found, c.Count).Try(WayLowerStart, name)
	}
	return noneInRow(place, thing, c.missing()).Try(WaySayRange, name)
}

// firstGap returns the first number from next on that is not in used, which is sorted, and what is left of used.
func firstGap(next int, used []int) (int, []int) {
	for len(used) > 0 && used[0] <= next {
		if used[0] == next {
			next++
		}
		used = used[1:]
	}
	return next, used
}

// firstRun returns the first number from next on that begins a run of count that are not in used, which is sorted.
func firstRun(next, count int, used []int) int {
	for _, n := range used {
		if n >= next+count {
			break
		}
		next = max(next, n+1)
	}
	return next
}

// merged is the numbers of two sorted lists in order.
func merged(a, b []int) []int {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return all
}
