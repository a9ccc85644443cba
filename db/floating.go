package db

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"time"

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

const selectFloatingRanges = "SELECT r.cidr, r.pool, r.host, r.interface, r.created_at FROM floating_ranges r"

func scanFloatingRange(rows *sql.Rows) (r FloatingRange, err error) {
	err = r.scan(rows)
	return r, err
}

// scan reads the columns of selectFloatingRanges, and what a query has after them into more.
func (r *FloatingRange) scan(rows *sql.Rows, more ...any) error {
	var cidr, iface sql.NullString
	var created string
	if err := rows.Scan(append([]any{&cidr, &r.Pool, &r.Host, &iface, &created}, more...)...); err != nil {
		return err
	}
	r.Interface = iface.String
	var p parser
	p.prefix(&r.CIDR, cidr)
	p.time(&r.CreatedAt, sql.NullString{String: created, Valid: true})
	if p.err != nil {
		return fmt.Errorf("floating range %s: %w", cidr.String, p.err)
	}
	return nil
}

// floatingRangeAt returns the floating range that begins at first, where a claim says that there is one.
func (t *tx) floatingRangeAt(ctx context.Context, first netip.Addr) (FloatingRange, error) {
	r, ok, err := one(ctx, t, scanFloatingRange, selectFloatingRanges+" WHERE r.first = $1", key(first))
	if err == nil && !ok {
		err = corruptf("no floating range begins at %s, though a prefix is claimed for one", first)
	}
	return r, err
}

// floatingRangeAround returns the floating range that holds a. Error: ErrNotFound.
func (t *tx) floatingRangeAround(ctx context.Context, a netip.Addr) (FloatingRange, error) {
	c, ok, err := t.claimAround(ctx, a)
	if err != nil {
		return FloatingRange{}, err
	}
	if !ok || c.kind != claimFloating {
		return FloatingRange{}, notFoundf("%s is in no floating range", a).hint("`nova-manage floating list` shows what there is")
	}
	return t.floatingRangeAt(ctx, c.First)
}

// CreateFloatingRange adds a range of public addresses and returns it. Errors: ErrInvalid as Validate says, ErrConflict
// where it overlaps a network or another range.
func (s *Store) CreateFloatingRange(ctx context.Context, r FloatingRange) (FloatingRange, error) {
	if err := r.Validate(); err != nil {
		return r, err
	}
	err := s.mutate(ctx, func(ctx context.Context, t *tx) error {
		r.CreatedAt = t.now
		return t.createFloatingRange(ctx, r)
	})
	return r, err
}

func (t *tx) createFloatingRange(ctx context.Context, r FloatingRange) error {
	if err := t.checkUnclaimed(ctx, r.CIDR); err != nil {
		return err
	}
	if err := t.claimPrefixes(ctx, claimFloating, []netip.Prefix{r.CIDR}); err != nil {
		return err
	}
	columns := []string{"first", "last", "cidr", "pool", "host", "interface", "created_at"}
	if err := t.insert(ctx, "floating_ranges", columns, 1, func(_ int, v []any) {
		s := netcalc.SpanOf(r.CIDR)
		v[0], v[1], v[2], v[3], v[4], v[5], v[6] = key(s.First), key(s.Last), r.CIDR.String(), r.Pool, r.Host, text(r.Interface), formatTime(r.CreatedAt)
	}); err != nil {
		return err
	}
	return t.openPool(ctx, r.addressPool())
}

// checkUnclaimed refuses a prefix that overlaps one in use, and names whose that is.
func (t *tx) checkUnclaimed(ctx context.Context, p netip.Prefix) error {
	taken, ok, err := t.claimOver(ctx, netcalc.SpanOf(p))
	if err != nil || !ok {
		return err
	}
	owner, err := t.owner(ctx, taken)
	if err != nil {
		return err
	}
	if taken.prefix == p.String() {
		return conflictf("%s is in the ledger already: %s", p, owner)
	}
	return conflictf("%s overlaps %s", p, owner)
}

// DeleteFloatingRanges deletes the range that is p, or all the ranges within p. Errors: ErrNotFound where there is none;
// ErrConflict where an instance has an address of one, and where p is only a part of a range: the rest would have another
// network and broadcast address, which instances may have.
func (s *Store) DeleteFloatingRanges(ctx context.Context, p netip.Prefix) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if c, ok, err := t.claimAround(ctx, p.Addr()); err != nil {
			return err
		} else if ok && c.kind == claimFloating && !netcalc.SpanOf(p).Covers(c.Span) {
			return conflictf("%s is a part of floating range %s", p, c.prefix).hint("a range is deleted as a whole: `nova-manage floating delete %s`", c.prefix)
		}
		span := netcalc.SpanOf(p)
		ranges, err := collect(ctx, t, scanFloatingRange, selectFloatingRanges+" WHERE r.first BETWEEN $1 AND $2 ORDER BY r.first",
			key(span.First), key(span.Last))
		if err != nil {
			return err
		}
		if len(ranges) == 0 {
			return notFoundf("there is no floating range %s", p).hint("`nova-manage floating list` shows what there is")
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
	held, inUse, err := one(ctx, t, scanAddress, selectAddresses+" WHERE first BETWEEN $1 AND $2 AND state = 'held' ORDER BY first LIMIT 1",
		key(span.First), key(span.Last))
	if err != nil {
		return err
	}
	if inUse {
		i, err := t.instanceByID(ctx, held.instance)
		if err != nil {
			return err
		}
		return conflictf("%s is in use: %s is associated with instance %s", r.Name(), held.First, i.qualifiedName()).
			hint("`nova-manage floating disassociate %s` first", held.First)
	}
	if _, err := t.ExecContext(ctx, "DELETE FROM floating_ranges WHERE first = $1", key(span.First)); err != nil {
		return err
	}
	return t.releaseClaim(ctx, r.CIDR)
}
