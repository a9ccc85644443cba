package db

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"nova-manage/netcalc"
)

// This file reserves addresses of new networks, which is one thing with creating them: no instance comes in between.

// countedFrom tells which block of a network offsets are counted from: the IPv4 one, or the /64 if it has no other.
func (n Network) countedFrom() netip.Prefix {
	if n.CIDR.IsValid() {
		return n.CIDR
	}
	return n.CIDRv6
}

// validateReserve finds reservations that cannot be in the networks, as far as is known before the ledger is.
func (n NewNetworks) validateReserve() error {
	if err := n.validateReserveOffsets(); err != nil {
		return err
	}
	for _, r := range n.Reserve {
		within, known := n.reach(r.First.Is4())
		switch {
		case !within.First.IsValid() && known && r.First.Is4():
			return invalidf("reserve %s is IPv4, which the networks do not have", r)
		case !within.First.IsValid() && known:
			return invalidf("reserve %s is IPv6, which is not asked for", r).Try(WayAskForIPv6)
		case known && !within.Covers(r):
			return invalidf("reserve %s is not in the networks asked for: they are %s", r, within)
		}
	}
	return nil
}

// reach is the range that the networks are in, of one family, and whether that is known before the ledger is; the zero
// span if they have no such addresses.
func (n NewNetworks) reach(ipv4 bool) (s netcalc.Span, known bool) {
	within, bits, count := n.Range, n.Bits, n.Count
	if !ipv4 {
		within, bits, count = n.RangeV6, 64, n.prefixesV6()
		if n.Manager != VlanManager && !n.RangeV6Asked && !n.NoIPv6 {
			return s, false // the bridge may have a prefix
		}
	}
	if !within.IsValid() {
		return s, true
	}
	s = netcalc.SpanOf(within)
	if last, ok := netcalc.Slot(within, bits, uint64(count-1)); ok && !n.NextFree && (ipv4 || n.RangeV6Asked) {
		s.Last = netcalc.SpanOf(last).Last
	}
	return s, true
}

// validateReserveOffsets finds offsets that are outside a network of that size, or that none gives to guests.
func (n NewNetworks) validateReserveOffsets() error {
	if len(n.ReserveOffsets) == 0 {
		return nil
	}
	sample := Network{Manager: n.Manager, VPNClients: n.VPNClients}
	part := fixedPart{}
	if n.Range.IsValid() {
		sample.CIDR = netip.PrefixFrom(n.Range.Addr(), n.Bits)
		if err := sample.place(netip.Addr{}); err != nil {
			return invalid(err)
		}
		pool, err := sample.pool()
		if err != nil {
			return invalid(err)
		}
		part = fixedPart{claim: pool.claim, usable: pool.usable, network: sample}
	} else {
		sample.CIDRv6 = netip.PrefixFrom(n.RangeV6.Addr(), 64)
		part.claim = netcalc.SpanOf(sample.CIDRv6)
		part.usable = usableOf(part.claim, part.claim.First, part.claim.First.Next())
	}
	for _, r := range n.ReserveOffsets {
		span, err := r.In(sample.countedFrom())
		if err != nil {
			return invalid(fmt.Errorf("reserve %w", err))
		}
		if part.Span = span; !part.forGuests() && !n.Given.Gateway.IsValid() && !n.Given.GatewayV6.IsValid() {
			return invalidf("reserve %s is not for guests: every network keeps it (%s)", r, strings.Join(part.roles(), ", "))
		}
	}
	return nil
}

// reserveNew reserves what is asked for of the networks, which are written by now. Under IfNotExists, what was there must
// have it reserved already.
func (c *carving) reserveNew(ctx context.Context) error {
	for _, r := range c.Reserve {
		if !c.plans(r) {
			return conflictf(ErrUnfit, "reserve %s is not in the networks that would be created", r)
		}
		parts, err := c.fixedParts(ctx, r)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(parts, fixedPart.forGuests) {
			return parts[0].refuse(r)
		}
		for _, p := range parts {
			if err := c.reserveUnlessThere(ctx, p, c.wasThere(p)); err != nil {
				return err
			}
		}
	}
	for i, n := range c.networks {
		for _, r := range c.ReserveOffsets {
			if err := c.reserveOffsets(ctx, n, r, c.there[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// plans tells whether all of r lies in the networks.
func (c *carving) plans(r netcalc.Span) bool {
	var prefixes []netip.Prefix
	for _, n := range c.networks {
		p := n.CIDR
		if r.First.Is6() {
			p = n.CIDRv6
		}
		if p.IsValid() && (len(prefixes) == 0 || prefixes[len(prefixes)-1] != p) {
			prefixes = append(prefixes, p)
		}
	}
	return slices.ContainsFunc(runs(prefixes), func(run netcalc.Span) bool { return run.Covers(r) })
}

// wasThere tells whether the prefix of p was in the ledger before.
func (c *carving) wasThere(p fixedPart) bool {
	if c.link.cidrV6.IsValid() && c.link.cidrV6.Addr() == p.claim.First {
		return true
	}
	i := slices.IndexFunc(c.networks, func(n Network) bool { return n.CIDR.Addr() == p.claim.First || n.CIDRv6.Addr() == p.claim.First })
	return i >= 0 && c.there[i]
}

func (c *carving) reserveOffsets(ctx context.Context, n Network, r netcalc.RelativeSpan, there bool) error {
	block := n.countedFrom()
	span, err := r.In(block)
	if err != nil {
		return invalid(fmt.Errorf("reserve %w", err))
	}
	kind := claimNetwork
	if block.Addr().Is6() {
		kind = claimBridge
	}
	p, err := c.fixedPart(ctx, claim{Span: netcalc.SpanOf(block), prefix: block.String(), kind: kind})
	if err != nil {
		return err
	}
	if p.Span = span; !p.forGuests() {
		return p.refuse(span)
	}
	return c.reserveUnlessThere(ctx, p, there)
}

func (c *carving) reserveUnlessThere(ctx context.Context, p fixedPart, there bool) error {
	if !c.IfNotExists || !there {
		return c.reservePart(ctx, p)
	}
	rows, err := c.addressesIn(ctx, p.Span, stateReserved)
	if err != nil {
		return err
	}
	for _, u := range p.usable {
		part, ok := u.Intersect(p.Span)
		if !ok {
			continue
		}
		if gaps := gapsBetween(part, rows); len(gaps) > 0 {
			return conflictf(ErrDiffers, "%s exists, and %s is not reserved", p.owner, gaps[0]).
				Try(WayReserve, p.Span)
		}
	}
	return nil
}
