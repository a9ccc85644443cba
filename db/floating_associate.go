package db

import (
	"context"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// FloatingFrom says which floating addresses will do.
type FloatingFrom struct {
	Pool   string // "" is any
	Family int    // 4 or 6; 0 is either
}

// passes tells whether an address of that family will do.
func (from FloatingFrom) passes(f family) bool { return from.Family == 0 || from.Family == f.number }

// AssociateFloating gives an instance, named as FindInstances takes it, a floating address, and returns it: the address a,
// or, where a is the zero address, the next one that from lets pass. The next one is the first that
// nobody ever had, in address order, else the one released longest ago. An instance has at most one of each family, for
// a fixed address of the same family; the next one is IPv4 where the instance lacks it and the pool has IPv4.
//
// Errors: ErrNotFound for an instance, a range or a pool that is not there; ErrConflict for an address that is taken or
// kept out of its range, an instance that has one or could not use it, a pool with nothing left, and over quota.
func (s *Store) AssociateFloating(ctx context.Context, instance string, a netip.Addr, from FloatingFrom) (got FloatingAddress, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		i, err := t.findInstance(ctx, instance)
		if err != nil {
			return err
		}
		got, err = t.associate(ctx, i, a, from)
		return err
	})
	return got, err
}

// EnsureFloating is AssociateFloating for an instance that may have the address already: a or, where that is the zero address, any
// that from lets pass.
func (s *Store) EnsureFloating(ctx context.Context, instance string, a netip.Addr, from FloatingFrom) (got FloatingAddress, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		i, err := t.findInstance(ctx, instance)
		if err != nil {
			return err
		}
		if err := (known{pool: from.Pool}).check(ctx, t.view); err != nil {
			return err
		}
		for _, f := range i.families() {
			if !f.floating.IsValid() || a.IsValid() && a != f.floating || !from.passes(f) {
				continue
			}
			if got, err = t.heldFloating(ctx, f.floating); err != nil {
				return err
			}
			if from.Pool == "" || got.Range.Pool == from.Pool {
				return nil
			}
		}
		got, err = t.associate(ctx, i, a, from)
		return err
	})
	return got, err
}

func (t *tx) associate(ctx context.Context, i Instance, a netip.Addr, from FloatingFrom) (got FloatingAddress, err error) {
	if err := (known{pool: from.Pool}).check(ctx, t.view); err != nil {
		return got, err
	}
	var r FloatingRange
	if a.IsValid() {
		r, err = t.floatingRangeFor(ctx, i, a, from)
	} else {
		r, err = t.nextFloatingRange(ctx, i, from)
	}
	if err != nil {
		return got, err
	}
	if err := t.checkQuota(ctx, i.ProjectID, "floating_ips", 1); err != nil {
		return got, err
	}
	var reused bool
	if a.IsValid() {
		reused, err = t.takeThis(ctx, r.addressPool(), a)
	} else {
		a, reused, err = t.takeFloating(ctx, r)
	}
	if err != nil {
		return got, err
	}
	if err := t.hold(ctx, a, r.CIDR.Addr(), i.ID, reused); err != nil {
		return got, err
	}
	t.aboutNetwork(i.NetworkID, i.ProjectID)
	return t.heldFloating(ctx, a)
}

// DisassociateFloating takes a floating address from its instance; it is handed out again after all those that nobody
// had before, and after those released before it. Error: ErrNotFound where no instance has it.
func (s *Store) DisassociateFloating(ctx context.Context, a netip.Addr) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.floatingRangeAround(ctx, a); err != nil {
			return t.absent(err)
		}
		r, ok, err := t.addressAt(ctx, a)
		if err != nil {
			return err
		}
		if !ok || r.state != stateHeld {
			return t.absent(notFoundf("%s is not associated with any instance", a))
		}
		i, err := t.instanceByID(ctx, r.instance)
		if err != nil {
			return err
		}
		t.aboutNetwork(i.NetworkID, i.ProjectID)
		return t.release(ctx, r, true)
	})
}

// takeFloating takes the next address of a range that has one.
func (t *tx) takeFloating(ctx context.Context, r FloatingRange) (a netip.Addr, reused bool, err error) {
	taken, again, err := t.takeNext(ctx, r.addressPool(), 1)
	if err == nil && len(taken) == 0 {
		err = corruptf("%s has no address left, though the ledger counts one", r.Name())
	}
	if err != nil {
		return a, false, err
	}
	return taken[0], again > 0, nil
}

// family is what an instance has of one family of addresses.
type family struct {
	name            string
	number          int
	whole           netcalc.Span // where its floating ranges are
	fixed, floating netip.Addr
}

// families are IPv4 and IPv6, in the order in which floating addresses are given.
func (i Instance) families() []family {
	return []family{{"IPv4", 4, wholeIPv4, i.FixedIP, i.FloatingIP}, {"IPv6", 6, wholeIPv6, i.FixedIPv6, i.FloatingIPv6}}
}

func (i Instance) familyOf(a netip.Addr) family {
	if a.Is4() {
		return i.families()[0]
	}
	return i.families()[1]
}

// qualifiedName is the name by which no other instance is meant.
func (i Instance) qualifiedName() string { return i.ProjectID + "/" + i.Name }

// floatingRangeFor returns the range of an address that is asked for, and refuses the address where the instance could
// not have it even if nobody else has.
func (t view) floatingRangeFor(ctx context.Context, i Instance, a netip.Addr, from FloatingFrom) (FloatingRange, error) {
	r, err := t.floatingRangeAround(ctx, a)
	if err != nil {
		return r, err
	}
	if from.Pool != "" && from.Pool != r.Pool {
		return r, conflictf(ErrUnfit, "%s is in pool %s, not in %s", a, quoteRef(r.Pool), quoteRef(from.Pool))
	}
	if f := i.familyOf(a); !from.passes(f) {
		return r, invalidf("%s is %s, and IPv%d is asked for", a, f.name, from.Family)
	}
	if role := r.Role(a); role != "" {
		return r, conflictf(ErrReserved, "%s is not handed out: it is the %s address of %s", a, role, r.Name())
	}
	switch f := i.familyOf(a); {
	case f.floating == a:
		return r, conflictf(ErrInUse, "%s is associated with instance %s already", a, i.qualifiedName())
	case f.floating.IsValid():
		return r, hasFloating(i, f)
	case !f.fixed.IsValid():
		return r, conflictf(ErrUnfit, "instance %s has no %s address that %s could stand for", i.qualifiedName(), f.name, a)
	}
	return r, nil
}

func hasFloating(i Instance, f family) error {
	return conflictf(ErrInUse, "instance %s has the floating address %s", i.qualifiedName(), f.floating).
		Try(WayDisassociate, f.floating)
}

// nextFloatingRange returns the range that the next floating address of an instance comes from.
func (t view) nextFloatingRange(ctx context.Context, i Instance, from FloatingFrom) (r FloatingRange, err error) {
	var wanted []family
	families := slices.DeleteFunc(i.families(), func(f family) bool { return !from.passes(f) })
	for _, f := range families {
		if f.fixed.IsValid() && !f.floating.IsValid() {
			wanted = append(wanted, f)
		}
	}
	if len(wanted) == 0 {
		for _, f := range families {
			if f.floating.IsValid() {
				return r, hasFloating(i, f)
			}
		}
		return r, conflictf(ErrUnfit, "instance %s has no %s address that a floating one could stand for", i.qualifiedName(), families[0].name)
	}
	for _, f := range wanted {
		// A family with ranges and nothing left is an error, not a reason to give another one: whoever did not say
		// which expects IPv4 as long as there is any.
		if there, err := t.hasFloatingRange(ctx, f, from.Pool); err != nil {
			return r, err
		} else if there {
			return t.openFloatingRange(ctx, f, from.Pool)
		}
	}
	there, err := t.hasFloatingRange(ctx, family{whole: netcalc.Span{First: wholeIPv4.First, Last: wholeIPv6.Last}}, from.Pool)
	switch {
	case err != nil:
		return r, err
	case there: // of the other family
		err = conflictf(ErrExhausted, "%s has no range of %s, and instance %s could use nothing else", poolName(from.Pool), wanted[0].name, i.qualifiedName())
	default: // a pool that has none was refused before
		err = notFoundf("there is no floating range").Try(WayCreateFloating)
	}
	return r, err
}

func poolName(pool string) string {
	if pool == "" {
		return "the ledger"
	}
	return "floating pool " + quoteRef(pool)
}

// inFamily is the condition on the ranges r of one family of a pool.
func inFamily(f family, pool string) *sqlstore.Where {
	return sqlstore.That("r.first BETWEEN ? AND ?", key(f.whole.First), key(f.whole.Last)).If("r.pool", pool)
}

func (t view) hasFloatingRange(ctx context.Context, f family, pool string) (bool, error) {
	where := inFamily(f, pool)
	return sqlstore.Exists(ctx, t.ReadTx, "FROM floating_ranges r"+where.String(), where.Args()...)
}

// openFloatingRange returns the first range with an address that nobody ever had, else the one with the address released
// longest ago. Each range is an index look-up or two, however many addresses are taken.
func (t view) openFloatingRange(ctx context.Context, f family, pool string) (FloatingRange, error) {
	where := inFamily(f, pool)
	for _, open := range []string{
		" AND EXISTS (SELECT 1 FROM free_addresses f WHERE f.first BETWEEN r.first AND r.last) ORDER BY r.first LIMIT 1",
		` AND EXISTS (SELECT 1 FROM addresses a WHERE a.claim = r.first AND a.state = 'released')
			ORDER BY (SELECT min(a.released) FROM addresses a WHERE a.claim = r.first AND a.state = 'released') LIMIT 1`,
	} {
		r, ok, err := floatingTable.One(ctx, t.ReadTx, where.String()+open, where.Args()...)
		if err != nil || ok {
			return r, err
		}
	}
	return FloatingRange{}, conflictf(ErrExhausted, "%s has no floating %s address left", poolName(pool), f.name).
		Try(WayCreateAnotherFloating)
}
