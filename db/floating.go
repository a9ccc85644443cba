package db

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// FloatingRange is a block of public addresses that instances may borrow, of either family. However large it is, it is
// one row; only addresses that somebody has or had have rows of their own.
type FloatingRange struct {
	CIDR      netip.Prefix
	Pool      string
	Host      string // the network node that the addresses are routed to
	Interface string // where that node answers for them; "" is left to the node
	CreatedAt time.Time
}

// Name is how messages name the range.
func (r FloatingRange) Name() string {
	return fmt.Sprintf("floating range %s (pool %s)", r.CIDR, r.Pool)
}

// Role says what an address of the range is instead of one to be handed out: network or broadcast, of an IPv4 block that
// has them (a /31 and a /32 have not, RFC 3021), or network for the subnet-router anycast address of an IPv6 block
// (RFC 4291 §2.6.1; a /127 does without it, RFC 6164 §5). It is "" for all others.
func (r FloatingRange) Role(a netip.Addr) string {
	s := netcalc.SpanOf(r.CIDR)
	switch {
	case r.CIDR.Addr().BitLen()-r.CIDR.Bits() < 2:
		return ""
	case a == s.First:
		return "network"
	case a == s.Last && a.Is4():
		return "broadcast"
	}
	return ""
}

// usable is what may be handed out.
func (r FloatingRange) usable() netcalc.Span {
	s := netcalc.SpanOf(r.CIDR)
	if r.Role(s.First) != "" {
		s.First = s.First.Next()
	}
	if r.Role(s.Last) != "" {
		s.Last = s.Last.Prev()
	}
	return s
}

// addressPool is the range as something to take addresses from.
func (r FloatingRange) addressPool() pool {
	return pool{claim: netcalc.SpanOf(r.CIDR), usable: []netcalc.Span{r.usable()}, name: r.Name()}
}

// Validate finds what can never be right; every error is an ErrInvalid.
func (r FloatingRange) Validate() error {
	if err := netcalc.CheckServable(r.CIDR); err != nil {
		return invalid(err)
	}
	return nil
}

var floatingTable = &sqlstore.Table[FloatingRange]{
	Name: "floating_ranges", Alias: "r",
	Columns: []sqlstore.Column[FloatingRange]{
		sqlstore.Derived("first", func(r *FloatingRange) any { return key(netcalc.SpanOf(r.CIDR).First) }),
		sqlstore.Derived("last", func(r *FloatingRange) any { return key(netcalc.SpanOf(r.CIDR).Last) }),
		sqlstore.Col("cidr", func(r *FloatingRange) *netip.Prefix { return &r.CIDR }, optPrefix),
		sqlstore.Col("pool", func(r *FloatingRange) *string { return &r.Pool }, text),
		sqlstore.Col("host", func(r *FloatingRange) *string { return &r.Host }, text),
		sqlstore.Col("interface", func(r *FloatingRange) *string { return &r.Interface }, optText),
		sqlstore.Col("created_at", func(r *FloatingRange) *time.Time { return &r.CreatedAt }, moment),
	},
	Describe: func(r *FloatingRange) string {
		if !r.CIDR.IsValid() {
			return "floating range" // which one is what cannot be read
		}
		return fmt.Sprintf("floating range %s", r.CIDR)
	},
}

// floatingRangeAt returns the floating range that begins at first, where a claim says that there is one.
func (t view) floatingRangeAt(ctx context.Context, first netip.Addr) (FloatingRange, error) {
	r, ok, err := floatingTable.One(ctx, t.ReadTx, " WHERE r.first = $1", key(first))
	if err == nil && !ok {
		err = corruptf("no floating range begins at %s, though a prefix is claimed for one", first)
	}
	return r, err
}

// floatingRangeAround returns the floating range that holds a. Error: ErrNotFound.
func (t view) floatingRangeAround(ctx context.Context, a netip.Addr) (FloatingRange, error) {
	c, ok, err := t.claimAround(ctx, a)
	if err != nil {
		return FloatingRange{}, err
	}
	if !ok || c.kind != claimFloating {
		return FloatingRange{}, notFoundf("%s is in no floating range", a).Try(WayListFloating)
	}
	return t.floatingRangeAt(ctx, c.First)
}

// CreateFloatingRange adds a range of public addresses and returns it. Errors: ErrInvalid as Validate says, ErrConflict
// where it overlaps a network or another range.
func (s *Store) CreateFloatingRange(ctx context.Context, r FloatingRange) (FloatingRange, error) {
	if err := r.Validate(); err != nil {
		return r, err
	}
	var made FloatingRange
	err := s.mutate(ctx, func(ctx context.Context, t *tx) (err error) {
		r.CreatedAt = t.Now()
		if err := t.createFloatingRange(ctx, r); err != nil {
			return err
		}
		made, err = t.floatingRangeAt(ctx, r.CIDR.Addr())
		return err
	})
	return made, err
}

// FloatingAsked says which values of a range somebody has asked for; the others are what they are by default.
type FloatingAsked struct{ Pool, Host, Interface bool }

// EnsureFloatingRange is CreateFloatingRange for a range that may be there already, with the values that were asked for.
func (s *Store) EnsureFloatingRange(ctx context.Context, r FloatingRange, asked FloatingAsked) (made FloatingRange, err error) {
	if err := r.Validate(); err != nil {
		return r, err
	}
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		c, there, err := t.claimAround(ctx, r.CIDR.Addr())
		if err != nil {
			return err
		}
		if there && c.kind == claimFloating && c.Span == netcalc.SpanOf(r.CIDR) {
			if made, err = t.floatingRangeAt(ctx, c.First); err != nil {
				return err
			}
			return asIs(fmt.Sprintf("floating range %s", r.CIDR), wayOut{WayModifyFloating, []any{r.CIDR}},
				comparedValue{"pool", asked.Pool, made.Pool, r.Pool},
				comparedValue{"host", asked.Host, made.Host, r.Host}, comparedValue{"interface", asked.Interface, made.Interface, r.Interface})
		}
		r.CreatedAt = t.Now()
		if err := t.createFloatingRange(ctx, r); err != nil {
			return err
		}
		made, err = t.floatingRangeAt(ctx, r.CIDR.Addr())
		return err
	})
	return made, err
}

func (t *tx) createFloatingRange(ctx context.Context, r FloatingRange) error {
	if err := t.checkUnclaimed(ctx, r.CIDR); err != nil {
		return err
	}
	if err := t.claimPrefixes(ctx, claimFloating, []netip.Prefix{r.CIDR}); err != nil {
		return err
	}
	if err := floatingTable.Insert(ctx, t.door, 1, func(int) *FloatingRange { return &r }); err != nil {
		return err
	}
	return t.openPool(ctx, r.addressPool())
}

// DeleteFloatingRanges deletes the range that is p, or all the ranges within p. Errors: ErrNotFound where there is none;
// ErrConflict where an instance has an address of one, and where p is only a part of a range: the rest would have another
// network and broadcast address, which instances may have.
func (s *Store) DeleteFloatingRanges(ctx context.Context, p netip.Prefix) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if c, ok, err := t.claimAround(ctx, p.Addr()); err != nil {
			return err
		} else if ok && c.kind == claimFloating && !netcalc.SpanOf(p).Covers(c.Span) {
			return conflictf(ErrUnfit, "%s is a part of floating range %s", p, c.prefix).Try(WayDeleteWholeRange, c.prefix)
		}
		span := ownKeys(netcalc.SpanOf(p))
		ranges, err := floatingTable.All(ctx, t.ReadTx, " WHERE r.first BETWEEN $1 AND $2 ORDER BY r.first",
			key(span.First), key(span.Last))
		if err != nil {
			return err
		}
		if len(ranges) == 0 {
			return t.absent(notFoundf("there is no floating range %s", p).Try(WayListFloating))
		}
		for _, r := range ranges {
			if err := t.deleteFloatingRange(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) deleteFloatingRange(ctx context.Context, r FloatingRange) error {
	span := netcalc.SpanOf(r.CIDR)
	held, inUse, err := addressTable.One(ctx, t.ReadTx, " WHERE first BETWEEN $1 AND $2 AND state = 'held' ORDER BY first LIMIT 1",
		key(span.First), key(span.Last))
	if err != nil {
		return err
	}
	if inUse {
		i, err := t.instanceByID(ctx, held.instance)
		if err != nil {
			return err
		}
		return conflictf(ErrInUse, "%s is in use: %s is associated with instance %s", r.Name(), held.First, i.qualifiedName()).
			Try(WayDisassociate, held.First)
	}
	if err := floatingTable.Delete(ctx, t.door, &r); err != nil {
		return err
	}
	return t.releaseClaim(ctx, r.CIDR)
}
