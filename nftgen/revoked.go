package nftgen

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// Revocation is what flows have to end because what allowed them is gone, perhaps: the kernel lets an established flow go
// on without asking a rule again. All lists are sorted.
//
// Flows whose addresses are not theirs any more are forgotten, because they are translated as they once began. Those that a
// rule let in are not, but judged again: a guest that is just sending would begin a forgotten flow anew, from its own side
// and in the middle, and the other side's packets would be answers, which no rule has to let in. So a flow keeps its
// beginner, with [JudgeMark], and each packet from there has to pass the rules.
//
// To forget or judge too much costs little. To end too little leaves somebody in. So whatever is in doubt is listed.
type Revocation struct {
	To        []netip.Prefix   // forget flows that were begun to these addresses, fixed or floating
	From      []netip.Prefix   // forget flows that guests began from these fixed addresses
	VPN       []netip.AddrPort // forget flows to these UDP ports
	JudgeTo   []netip.Prefix   // judge flows to these addresses again
	JudgeFrom []netip.Prefix   // judge flows from these addresses again
}

// JudgeMark is the bit of a connection's mark that has its beginner's packets judged by the rules. Others may use the other
// bits.
const JudgeMark = 0x00400000

// Empty tells that nothing was revoked.
func (r Revocation) Empty() bool {
	return len(r.To)+len(r.From)+len(r.VPN)+len(r.JudgeTo)+len(r.JudgeFrom) == 0
}

// Conntrack is the arguments of each call of conntrack that ends these flows. It exits with 1 where no flow matches, which
// is no failure. A flow is known by where it was begun from and to, because conntrack 1.4.7 takes prefixes there alone, and
// not for where answers come from and go to.
func (r Revocation) Conntrack() [][]string {
	var calls [][]string
	add := func(do string, a netip.Addr, args ...string) {
		family := "ipv4"
		if a.Is6() {
			family = "ipv6"
		}
		calls = append(calls, append([]string{do, "-f", family}, args...))
	}
	mark := fmt.Sprintf("%#x/%#x", JudgeMark, JudgeMark)
	for _, p := range r.JudgeTo {
		add("-U", p.Addr(), "-d", p.String(), "-m", mark)
	}
	for _, p := range r.JudgeFrom {
		add("-U", p.Addr(), "-s", p.String(), "-m", mark)
	}
	for _, p := range r.To {
		add("-D", p.Addr(), "-d", p.String())
	}
	for _, p := range r.From {
		add("-D", p.Addr(), "-s", p.String())
	}
	for _, v := range r.VPN {
		add("-D", v.Addr(), "-p", "udp", "-d", v.Addr().String(), "--dport", strconv.Itoa(int(v.Port())))
	}
	return calls
}

// maxRevoked bounds each list: each entry is a walk through all flows of the node, some milliseconds. Where a group with
// 10,000 members has lost a rule, shorter prefixes stand for several addresses each, and concern flows of their neighbours.
const maxRevoked = 64

// Revoked compares two files of [Config.Append]'s, with other lines of comment in them or not, and tells what before
// allowed and after does not.
//
//   - A guest's address, with its floating one, is in JudgeTo if a rule of its groups went or became narrower; in To and
//     From if it is not a guest's any more: somebody else may get it.
//   - A member that a source group has lost is in JudgeFrom, and the members of the groups that let it in are not: there
//     may be 10,000 of them.
//   - A floating address that went or leads elsewhere is in To, and the fixed address that went out by it in From.
//
// Where before is empty or none of ours nothing was filtered: JudgeTo is all networks of after. Where after is none of ours
// nothing filters any more, so that nothing is revoked.
func Revoked(before, after []byte) Revocation {
	now, ok := readFile(after)
	if !ok {
		return Revocation{}
	}
	was, ok := readFile(before)
	if !ok {
		return Revocation{JudgeTo: aggregated(now.fixed)}
	}
	c := comparison{was: was, now: now, verdicts: map[[2]string]bool{}, missing: map[[2]string][]netip.Addr{}, left: map[netip.Addr]bool{}}
	var r Revocation
	var to, from, judgeTo, judgeFrom []netip.Prefix
	for a, chain := range was.to {
		chainNow, still := now.to[a]
		switch {
		case !still:
			to, from = append(to, hostPrefix(a)), append(from, hostPrefix(a))
		case c.lost(chain, chainNow):
			judgeTo = append(judgeTo, hostPrefix(a))
		}
	}
	for a := range c.left {
		judgeFrom = append(judgeFrom, hostPrefix(a))
	}
	for public, fixed := range was.floating {
		chainNow, still := now.to[fixed]
		switch {
		case now.floating[public] != fixed:
			to, from = append(to, hostPrefix(public)), append(from, hostPrefix(fixed))
		case !still:
			to = append(to, hostPrefix(public))
		case c.lost(was.to[fixed], chainNow):
			judgeTo = append(judgeTo, hostPrefix(public))
		}
	}
	for public, private := range was.vpn {
		if now.vpn[public] != private {
			r.VPN = append(r.VPN, public)
		}
	}
	r.To, r.From = aggregated(to), aggregated(from)
	r.JudgeTo, r.JudgeFrom = aggregated(judgeTo), aggregated(judgeFrom)
	slices.SortFunc(r.VPN, netip.AddrPort.Compare)
	return r
}

func hostPrefix(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// aggregated sorts prefixes, each once, and shortens the longest of them bit by bit while there are too many in a family.
func aggregated(prefixes []netip.Prefix) []netip.Prefix {
	v4, v6 := family(prefixes, netip.Prefix.Addr)
	return append(shortened(v4, maxRevoked), shortened(v6, maxRevoked)...)
}

func shortened(prefixes []netip.Prefix, most int) []netip.Prefix {
	prefixes = joined(prefixes)
	if len(prefixes) == 0 {
		return nil
	}
	for bits := prefixes[0].Addr().BitLen() - 1; len(prefixes) > most; bits-- {
		for i, p := range prefixes {
			if p.Bits() > bits {
				prefixes[i] = netip.PrefixFrom(p.Addr(), bits).Masked()
			}
		}
		prefixes = joined(prefixes)
	}
	return prefixes
}

// comparison remembers what it has found, because guests share chains, and chains share sets.
type comparison struct {
	was, now *file
	verdicts map[[2]string]bool         // by old and new chain of a combination
	missing  map[[2]string][]netip.Addr // by old and new source
	left     map[netip.Addr]bool        // members that source sets have lost
}

// lost tells whether something is allowed by one combination of groups and not by the other.
func (c *comparison) lost(before, after string) bool {
	key := [2]string{before, after}
	lost, known := c.verdicts[key]
	if known {
		return lost
	}
	now := c.now.allowed(after)
	for _, a := range c.was.allowed(before) {
		if !c.covered(a, now) {
			lost = true
		}
	}
	c.verdicts[key] = lost
	return lost
}

// covered tells whether what a allows is allowed now. A group that is smaller covers it as well, if one member at least
// is left; whoever is in it no more is remembered.
func (c *comparison) covered(a allowance, now []allowance) bool {
	var fewest []netip.Addr
	found := false
	for _, n := range now {
		switch {
		case !n.covers(a.match):
		case a.members == nil:
			if n.members == nil && n.cidr.Bits() <= a.cidr.Bits() && n.cidr.Contains(a.cidr.Addr()) {
				return true
			}
		default:
			missing := c.missingIn(a, n)
			if len(missing) < len(a.members) && (!found || len(missing) < len(fewest)) {
				fewest, found = missing, true
			}
		}
	}
	for _, m := range fewest {
		c.left[m] = true
	}
	return found
}

// missingIn returns the members of a source whom another one does not let in.
func (c *comparison) missingIn(a, n allowance) []netip.Addr {
	key := [2]string{a.source, n.source}
	missing, known := c.missing[key]
	if known {
		return missing
	}
	for m := range a.members {
		if _, in := n.members[m]; !in && !n.cidr.Contains(m) {
			missing = append(missing, m)
		}
	}
	c.missing[key] = missing
	return missing
}
