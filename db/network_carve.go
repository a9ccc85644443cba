package db

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"nova-manage/netcalc"
)

// carving is one run of CreateNetworks. It plans every network first, then looks at what is in the way, then writes.
type carving struct {
	*tx
	NewNetworks
	networks []Network // the plan, in order
	there    []bool    // networks[i] is in the ledger already
	existing []Network // the ones that are, by the same index
	link     bridge    // the flat managers' bridge as it is; zero if it is new
}

// missing is how many of the networks are not there.
func (c *carving) missing() (n int) {
	for _, there := range c.there {
		if !there {
			n++
		}
	}
	return n
}

func (t *tx) createNetworks(ctx context.Context, n NewNetworks) ([]Network, error) {
	if n.NextFree && n.IfNotExists {
		return t.createMissingNetworks(ctx, n)
	}
	c := &carving{tx: t, NewNetworks: n, networks: make([]Network, n.Count), there: make([]bool, n.Count), existing: make([]Network, n.Count)}
	for i := range c.networks {
		c.networks[i] = c.filled()
	}
	// A network is known by its IPv4 block, or by its /64 where it has no other. What nobody chose is given to those alone
	// that are not there.
	steps := []func(context.Context) error{c.planIPv4, c.findExisting, c.planVLANs, c.planIPv6}
	if !n.Range.IsValid() {
		steps = []func(context.Context) error{c.planIPv6, c.findExisting, c.planVLANs}
	}
	steps = append(steps, c.matchExisting, c.checkVLANs, c.checkPrefixes, c.planVPN, c.write, c.reserveNew)
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return c.readBack(ctx)
}

// readBack replaces the plan by the networks as the ledger has them, so that the answer cannot differ from what is stored.
// One that was there already has been read a moment ago.
func (c *carving) readBack(ctx context.Context) ([]Network, error) {
	first := slices.Index(c.there, false)
	if first < 0 {
		return c.networks, nil
	}
	// The ids of those that are new follow on each other.
	next := first
	for n, err := range networkTable.Rows(ctx, c.ReadTx, " WHERE id >= $1 ORDER BY id", c.networks[first].ID) {
		if err != nil {
			return nil, err
		}
		for next < len(c.networks) && c.there[next] {
			next++
		}
		if next == len(c.networks) || n.ID != c.networks[next].ID {
			return nil, corruptf("%s was not written", n.Name())
		}
		c.networks[next] = n
		next++
	}
	if missing := slices.Index(c.there[min(next, len(c.there)):], false); missing >= 0 {
		return nil, corruptf("%s was written, and is not there", c.networks[next+missing].Name())
	}
	return c.networks, nil
}

// filled is a network with all that does not depend on its place.
func (c *carving) filled() Network {
	n := c.Given
	n.Manager, n.VPNClients, n.CreatedAt = c.Manager, c.VPNClients, c.Now()
	if n.BridgeInterface == "" {
		n.BridgeInterface = c.Default.BridgeInterface
	}
	if !n.DNS1.IsValid() && c.Range.IsValid() {
		n.DNS1 = c.Default.DNS1
	}
	n.Bridge = c.Bridge
	return n
}

// planIPv4 gives each network its IPv4 block and what follows from it.
func (c *carving) planIPv4(ctx context.Context) error {
	if !c.Range.IsValid() {
		return nil
	}
	blocks, err := c.slots(ctx, "fixed_range", c.Range, c.Bits, c.Count)
	if err != nil {
		return err
	}
	for i := range c.networks {
		c.networks[i].CIDR = blocks[i]
		if err := c.networks[i].place(c.Given.Gateway); err != nil {
			return notHere(err)
		}
	}
	return nil
}

// slots returns the first n subnets of r, or under NextFree the first that are free.
func (c *carving) slots(ctx context.Context, name string, r netip.Prefix, bits, n int) ([]netip.Prefix, error) {
	slots := make([]netip.Prefix, 0, n)
	if !c.NextFree {
		carved, err := netcalc.Carve(r, bits, uint64(n))
		if err != nil {
			return nil, invalid(err)
		}
		return slices.AppendSeq(slots, carved), nil
	}
	for rest := netcalc.SpanOf(r); len(slots) < n; {
		free, ok, err := c.firstFree(ctx, rest, bits)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, shortage(fmt.Sprintf("%s %s", name, r), fmt.Sprintf("/%d slot", bits), len(slots), n).
				Try(WayAnotherRange, name)
		}
		for len(slots) < n {
			slot, ok := free.FirstFit(bits)
			if !ok {
				break
			}
			slots = append(slots, slot)
			free.First = netcalc.SpanOf(slot).Last.Next()
			rest.First = free.First
		}
	}
	return slots, nil
}

// slotsInRow returns the first n subnets of r that follow on each other and are free.
func (c *carving) slotsInRow(ctx context.Context, name string, r netip.Prefix, bits, n int) ([]netip.Prefix, error) {
	slots := make([]netip.Prefix, 0, n)
	for rest := netcalc.SpanOf(r); len(slots) < n; {
		free, ok, err := c.firstFree(ctx, rest, bits)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, noneInRow(fmt.Sprintf("%s %s", name, r), fmt.Sprintf("/%d slot", bits), n).
				Try(WaySayRange, name)
		}
		for slots = slots[:0]; len(slots) < n; {
			slot, ok := free.FirstFit(bits)
			if !ok {
				break
			}
			slots = append(slots, slot)
			free.First = netcalc.SpanOf(slot).Last.Next()
		}
		rest.First = free.Last.Next()
	}
	return slots, nil
}

// noneInRow says that so many things are not free one after the other.
func noneInRow(place, thing string, n int) *Error {
	return conflictf(ErrExhausted, "%s has no %s in a row that %s free", place, counted(n, thing), map[bool]string{true: "is", false: "are"}[n == 1])
}

// shortage says that fewer things are free in a place than are asked for.
func shortage(place, thing string, free, asked int) *Error {
	if free == 0 {
		return conflictf(ErrExhausted, "%s has no free %s", place, thing)
	}
	return conflictf(ErrExhausted, "%s has %s, and %d are asked for", place, counted(free, "free "+thing), asked)
}

// notHere makes a conflict of an error about a gateway that would be right elsewhere: Validate has refused what never is,
// so that what is left depends on the slots that the ledger has free or on the prefix that a bridge has.
func notHere(err error) error {
	return conflictf(ErrUnfit, "%v", err).Try(WayGatewayInside)
}

// planIPv6 gives each network its /64.
func (c *carving) planIPv6(ctx context.Context) error {
	switch {
	case c.Manager != VlanManager:
		return c.planFlatIPv6(ctx)
	case !c.RangeV6.IsValid():
		return nil
	}
	n := c.Count
	if c.findsIPv6() {
		n = c.missing()
	}
	prefixes, err := c.slots64(ctx, n)
	if err != nil {
		return err
	}
	for i := range c.networks {
		if c.findsIPv6() && c.there[i] {
			continue
		}
		if err := c.setIPv6(&c.networks[i], prefixes[0], netip.Addr{}); err != nil {
			return err
		}
		prefixes = prefixes[1:]
	}
	return nil
}

// findsIPv6 tells whether the networks get the first /64s in a row that are free, which nobody chose. Those without IPv4
// are known by their /64, so that to find them again it must be known where they begin.
func (c *carving) findsIPv6() bool {
	return !c.RangeV6Asked && !c.NextFree && (c.Range.IsValid() || !c.IfNotExists)
}

// slots64 returns n /64s of fixed_range_v6.
func (c *carving) slots64(ctx context.Context, n int) ([]netip.Prefix, error) {
	if c.findsIPv6() {
		return c.slotsInRow(ctx, "fixed_range_v6", c.RangeV6, 64, n)
	}
	return c.slots(ctx, "fixed_range_v6", c.RangeV6, 64, n)
}

// planFlatIPv6 gives the networks the /64 of their bridge, which gets one if it has none and IPv6 is asked for.
func (c *carving) planFlatIPv6(ctx context.Context) (err error) {
	if c.link, err = c.bridge(ctx, c.Bridge); err != nil {
		return err
	}
	if c.link.vlan != 0 {
		return conflictf(ErrInUse, "bridge %s belongs to VLAN %d", c.Bridge, c.link.vlan).
			Try(WayAnotherBridge)
	}
	prefix := c.link.cidrV6
	if c.NoIPv6 || !prefix.IsValid() && !c.RangeV6.IsValid() {
		return nil
	}
	var usual netip.Addr
	if prefix.IsValid() {
		first, _ := netcalc.Slot(c.RangeV6, 64, 0)
		if c.RangeV6Asked && first != prefix && !(c.NextFree && c.RangeV6.Overlaps(prefix)) {
			return conflictf(ErrUnfit, "bridge %s has the IPv6 prefix %s, and fixed_range_v6 %s asks for %s", c.Bridge, prefix, c.RangeV6, first).
				Try(WayBridgesPrefix, prefix)
		}
		if usual, err = c.gatewayV6On(ctx, c.Bridge); err != nil {
			return err
		}
	} else {
		slots, err := c.slots64(ctx, 1)
		if err != nil {
			return err
		}
		prefix = slots[0]
	}
	for i := range c.networks {
		if err := c.setIPv6(&c.networks[i], prefix, usual); err != nil {
			return err
		}
	}
	if router := c.networks[0].GatewayV6; router != usual {
		// The link may have guests already, even where it had no prefix so far.
		return c.checkRouter(ctx, c.Bridge, router)
	}
	return nil
}

// setIPv6 gives a network a /64 and a gateway in it: the one asked for, else the bridge's usual one, else ::1.
func (c *carving) setIPv6(n *Network, p netip.Prefix, usual netip.Addr) error {
	n.CIDRv6 = p
	switch {
	case c.Given.GatewayV6.IsValid():
		n.GatewayV6 = c.Given.GatewayV6
	case usual.IsValid():
		n.GatewayV6 = usual
	default:
		n.GatewayV6 = p.Addr().Next()
	}
	if err := checkGatewayV6(p, n.GatewayV6); err != nil {
		return notHere(err)
	}
	return nil
}

// checkPrefixes refuses prefixes that claims are in the way of.
func (c *carving) checkPrefixes(ctx context.Context) error {
	ipv6 := c.newIPv6()
	if !c.Range.IsValid() && len(ipv6) == 0 && !c.there[0] {
		// The bridge's prefix may be shared, but two networks of nothing else could not be told apart.
		same, taken, err := networkTable.One(ctx, c.ReadTx, " WHERE first = $1", key(c.networks[0].first()))
		if err != nil {
			return err
		}
		if taken {
			return c.inTheLedger(c.networks[0].CIDRv6, same.Name())
		}
	}
	for _, wanted := range [][]netip.Prefix{c.newIPv4(), ipv6} {
		for _, run := range runs(wanted) {
			if err := c.checkFree(ctx, run, wanted[0].Bits()); err != nil {
				return err
			}
		}
	}
	return nil
}

// newIPv4 is the IPv4 blocks to claim, in address order.
func (c *carving) newIPv4() (new []netip.Prefix) {
	for i, n := range c.networks {
		if !c.there[i] && n.CIDR.IsValid() {
			new = append(new, n.CIDR)
		}
	}
	return new
}

// newIPv6 is the IPv6 prefixes to claim, in address order.
func (c *carving) newIPv6() (new []netip.Prefix) {
	for i, n := range c.networks {
		if c.there[i] || !n.CIDRv6.IsValid() || n.CIDRv6 == c.link.cidrV6 {
			continue
		}
		if len(new) == 0 || new[len(new)-1] != n.CIDRv6 {
			new = append(new, n.CIDRv6)
		}
	}
	return new
}

// checkFree refuses a run of slots of prefix length bits that a claim is in, naming the first such slot and the owner of
// the claim.
func (c *carving) checkFree(ctx context.Context, run netcalc.Span, bits int) error {
	taken, ok, err := c.claimOver(ctx, run)
	if err != nil || !ok {
		return err
	}
	slot := netip.PrefixFrom(run.First, bits)
	if run.Contains(taken.First) {
		slot = netip.PrefixFrom(taken.First, bits).Masked()
	}
	owner, err := c.owner(ctx, taken)
	if err != nil {
		return err
	}
	if slot.String() == taken.prefix {
		return c.inTheLedger(slot, owner)
	}
	return conflictf(ErrOverlaps, "%s overlaps %s", slot, owner).Try(WayTakeFree)
}

// inTheLedger refuses a slot that is taken as it is. The way out is not the one that was tried already.
func (c *carving) inTheLedger(slot netip.Prefix, owner string) error {
	err := conflictf(ErrExists, "%s is in the ledger already: %s", slot, owner)
	switch {
	case c.IfNotExists:
		return err.Try(WayTakeFreeAlone)
	case c.NextFree:
		return err.Try(WayAcceptAlone)
	}
	return err.Try(WayTakeFreeOrAccept)
}

// write records what of the plan is new: claims first, then links, then the networks on them.
func (c *carving) write(ctx context.Context) error {
	var added []*Network
	for i := range c.networks {
		if !c.there[i] {
			added = append(added, &c.networks[i])
		}
	}
	if len(added) == 0 {
		return nil
	}
	if err := c.ensureProject(ctx, c.Given.ProjectID); err != nil {
		return err
	}
	if err := c.checkQuota(ctx, c.Given.ProjectID, "networks", int64(len(added))); err != nil {
		return err
	}
	if err := c.claimPrefixes(ctx, claimNetwork, c.newIPv4()); err != nil {
		return err
	}
	if err := c.claimPrefixes(ctx, claimBridge, c.newIPv6()); err != nil {
		return err
	}
	if err := c.writeBridges(ctx, added); err != nil {
		return err
	}
	id, err := c.nextNumbers(ctx, "network", len(added))
	if err != nil {
		return err
	}
	if err := networkTable.Insert(ctx, c.door, len(added), func(i int) *Network {
		added[i].ID = id + int64(i)
		return added[i]
	}); err != nil || c.Given.MTU == 0 || c.Manager == VlanManager {
		return err
	}
	return c.checkMTU(ctx, c.Bridge)
}

func (c *carving) writeBridges(ctx context.Context, added []*Network) error {
	if c.Manager != VlanManager {
		added = added[:1]
		if c.link.name != "" {
			with := c.link
			if p := added[0].CIDRv6; p.IsValid() && !with.cidrV6.IsValid() {
				with.cidrV6 = p
			}
			_, err := bridgeTable.Update(ctx, c.door, &c.link, &with)
			return err
		}
	}
	return bridgeTable.Insert(ctx, c.door, len(added), func(i int) *bridge {
		return &bridge{added[i].Bridge, added[i].VLAN, added[i].CIDRv6}
	})
}
