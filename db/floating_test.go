package db

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

func floating(cidr string) FloatingRange {
	return FloatingRange{CIDR: prefix(cidr), Pool: "nova", Host: "node1"}
}

func (r FloatingRange) with(change func(*FloatingRange)) FloatingRange {
	change(&r)
	return r
}

func addRanges(t testing.TB, s *Store, ranges ...FloatingRange) {
	t.Helper()
	for _, r := range ranges {
		if _, err := s.CreateFloatingRange(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

// associate gives an instance the next floating address of any pool.
func associate(t testing.TB, s *Store, instance string) string {
	t.Helper()
	a, err := s.AssociateFloating(t.Context(), instance, netip.Addr{}, FloatingFrom{Pool: ""})
	if err != nil {
		t.Fatal(err)
	}
	return a.First.String()
}

func disassociate(t testing.TB, s *Store, a string) {
	t.Helper()
	if err := s.DisassociateFloating(t.Context(), addr(a)); err != nil {
		t.Fatal(err)
	}
}

func wantFloating(t testing.TB, s *Store, f FloatingFilter, want ...string) {
	t.Helper()
	var got []string
	for a, err := range s.FloatingAddresses(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprint(a.Span, " ", a.State)
		if a.Instance != "" {
			line += fmt.Sprintf(" %s/%s %s", a.ProjectID, a.Instance, a.FixedIP)
		}
		got = append(got, line)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v\n got %q\nwant %q", f, got, want)
	}
}

func TestFloatingRange_usable(t *testing.T) {
	for cidr, want := range map[string]string{
		"192.0.2.0/24":       "192.0.2.1-192.0.2.254",
		"192.0.2.4/30":       "192.0.2.5-192.0.2.6",
		"192.0.2.4/31":       "192.0.2.4-192.0.2.5",
		"192.0.2.7/32":       "192.0.2.7",
		"2001:db8::/64":      "2001:db8::1-2001:db8::ffff:ffff:ffff:ffff",
		"2001:db8::4/126":    "2001:db8::5-2001:db8::7",
		"2001:db8::4/127":    "2001:db8::4-2001:db8::5",
		"2001:db8::7/128":    "2001:db8::7",
		"2001:db8:0:1::/128": "2001:db8:0:1::",
	} {
		if got := floating(cidr).usable().String(); got != want {
			t.Errorf("usable of %s: %s, want %s", cidr, got, want)
		}
	}
}

func TestStore_CreateFloatingRange(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 1).v6("fd00:1::/48"))
		given := floating("192.0.2.0/29").with(func(r *FloatingRange) { r.Interface = "eth1" })
		got, err := s.CreateFloatingRange(t.Context(), given)
		if given.CreatedAt = testTime; err != nil || got != given {
			t.Fatalf("made %+v, %v, want %+v", got, err, given)
		}
		addRanges(t, s, floating("2001:db8::/64").with(func(r *FloatingRange) { r.Pool, r.Host = "public", "node2" }), floating("198.51.100.7/32"))
		wantFloating(t, s, FloatingFilter{}, "192.0.2.1-192.0.2.6 free", "198.51.100.7 free", "2001:db8::1-2001:db8::ffff:ffff:ffff:ffff free")
		wantFloating(t, s, FloatingFilter{Host: "node2"}, "2001:db8::1-2001:db8::ffff:ffff:ffff:ffff free")
		wantFloating(t, s, FloatingFilter{Host: "node2", Pool: "nova"})
		for a, err := range s.FloatingAddresses(t.Context(), FloatingFilter{}) {
			if err != nil || a.Range != given {
				t.Errorf("stored %+v, %v, want %+v", a.Range, err, given)
			}
			break
		}

		for _, tt := range []struct{ cidr, want string }{
			{"192.0.2.0/29", "192.0.2.0/29 is in the ledger already: floating range 192.0.2.0/29 (pool nova)"},
			{"192.0.2.4/30", "192.0.2.4/30 overlaps floating range 192.0.2.0/29 (pool nova)"},
			{"192.0.0.0/16", "192.0.0.0/16 overlaps floating range 192.0.2.0/29 (pool nova)"},
			{"10.0.0.0/8", "10.0.0.0/8 overlaps network 1 (10.0.1.0/27, fd00:1::/64)"},
			{"fd00:1::/64", "fd00:1::/64 is in the ledger already: network 1 (10.0.1.0/27, fd00:1::/64)"},
			{"2001:db8::7/128", "2001:db8::7/128 overlaps floating range 2001:db8::/64 (pool public)"},
		} {
			_, err := s.CreateFloatingRange(t.Context(), floating(tt.cidr))
			wantError(t, err, ErrConflict, tt.want)
		}
		_, err = s.CreateFloatingRange(t.Context(), floating("224.0.0.0/24"))
		if !isKind(err, ErrInvalid) {
			t.Errorf("multicast: %v", err)
		}
		_, err = s.CreateNetworks(t.Context(), vlans("192.0.2.0/24", 24, 1).with(func(n *NewNetworks) { n.VLANStart, n.VPNStart = 200, 2000 }))
		wantError(t, err, ErrConflict, "192.0.2.0/24 overlaps floating range 192.0.2.0/29 (pool nova)")
	})
}

func TestStore_DeleteFloatingRanges(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 1))
		boot(t, s, instance("web"))
		addRanges(t, s, floating("192.0.2.0/29"), floating("192.0.2.16/28"), floating("198.51.100.0/24"))
		got := associate(t, s, "web")
		for _, tt := range []struct {
			cidr string
			kind error
			want string
		}{
			{"192.0.2.0/24", ErrConflict, "floating range 192.0.2.0/29 (pool nova) is in use: 192.0.2.1 is associated with instance apollo/web"},
			{"192.0.2.0/30", ErrConflict, "192.0.2.0/30 is a part of floating range 192.0.2.0/29"},
			{"192.0.2.4/32", ErrConflict, "192.0.2.4/32 is a part of floating range 192.0.2.0/29"},
			{"192.0.2.8/29", ErrNotFound, "there is no floating range 192.0.2.8/29"},
			{"10.0.1.0/27", ErrNotFound, "there is no floating range 10.0.1.0/27"},
			{"::/0", ErrNotFound, "there is no floating range ::/0"},
		} {
			wantError(t, s.DeleteFloatingRanges(t.Context(), prefix(tt.cidr)), tt.kind, tt.want)
		}
		disassociate(t, s, got)
		// A range of IPv6, also one around the keys of IPv4, has nothing of IPv4 in it.
		addRanges(t, s, floating("2001:db8:f::/120"))
		if err := s.DeleteFloatingRanges(t.Context(), prefix("::/0")); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteFloatingRanges(t.Context(), prefix("192.0.2.0/24")); err != nil {
			t.Fatal(err)
		}
		wantFloating(t, s, FloatingFilter{}, "198.51.100.1-198.51.100.254 free")
		addRanges(t, s, floating("192.0.2.0/24"))
		wantFloating(t, s, FloatingFilter{}, "192.0.2.1-192.0.2.254 free", "198.51.100.1-198.51.100.254 free")
	})
}

// The next address: what nobody ever had, over all ranges in address order; then what was released longest ago.
func TestStore_AssociateFloating_order(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 1))
		for i := range 5 {
			boot(t, s, instance(fmt.Sprint("web", i)))
		}
		addRanges(t, s, floating("198.51.100.0/31"), floating("192.0.2.0/30"), floating("203.0.113.0/24").with(func(r *FloatingRange) { r.Pool = "zone" }))
		next := func(i int) string {
			t.Helper()
			a, err := s.AssociateFloating(t.Context(), fmt.Sprint("web", i), netip.Addr{}, FloatingFrom{Pool: "nova"})
			if err != nil {
				t.Fatal(err)
			}
			return a.First.String()
		}
		first := next(0)
		disassociate(t, s, first)
		got := []string{first, next(0), next(1), next(2), next(3)}
		if want := []string{"192.0.2.1", "192.0.2.2", "198.51.100.0", "198.51.100.1", "192.0.2.1"}; !slices.Equal(got, want) {
			t.Errorf("handed out %v, want %v", got, want)
		}
		_, err := s.AssociateFloating(t.Context(), "web4", netip.Addr{}, FloatingFrom{Pool: "nova"})
		wantError(t, err, ErrConflict, "floating pool nova has no floating IPv4 address left")
		disassociate(t, s, "198.51.100.1")
		disassociate(t, s, "192.0.2.1")
		if got := []string{next(4), next(2)}; !slices.Equal(got, []string{"198.51.100.1", "192.0.2.1"}) {
			t.Errorf("released ones come back as %v", got)
		}
		disassociate(t, s, "192.0.2.1")
		if got := associate(t, s, "web2"); got != "203.0.113.1" {
			t.Errorf("the next one of any pool is %s, want one that nobody had", got)
		}
	})
}

func TestStore_AssociateFloating_families(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 1).v6("fd00:1::/48"))
		web := boot(t, s, instance("web").with(func(n *NewInstances) { n.MAC = mac("02:16:3e:33:44:55") }))[0]
		addRanges(t, s, floating("2001:db8::/64"), floating("192.0.2.0/29").with(func(r *FloatingRange) { r.Pool = "old" }))
		got, err := s.AssociateFloating(t.Context(), "web", netip.Addr{}, FloatingFrom{Pool: "nova"})
		if err != nil || got.First != addr("2001:db8::1") || got.FixedIP != web.FixedIPv6 || got.Instance != "web" || got.State != "held" {
			t.Errorf("a pool of IPv6: %+v, %v", got, err)
		}
		disassociate(t, s, "2001:db8::1")
		if got := []string{associate(t, s, "web"), associate(t, s, "web")}; !slices.Equal(got, []string{"192.0.2.1", "2001:db8::2"}) {
			t.Errorf("any pool: %v, want IPv4 first, then IPv6", got)
		}
		web, err = first(s.FindInstances(t.Context(), "192.0.2.1"))
		if err != nil || web.FloatingIP != addr("192.0.2.1") || web.FloatingIPv6 != addr("2001:db8::2") ||
			web.DNSName() != web.FloatingIP || web.DNSNameV6() != web.FloatingIPv6 {
			t.Errorf("the instance has %+v, %v", web, err)
		}
		_, err = s.AssociateFloating(t.Context(), "web", netip.Addr{}, FloatingFrom{Pool: ""})
		wantError(t, err, ErrConflict, "instance apollo/web has the floating address 192.0.2.1")

		wantFloating(t, s, FloatingFilter{}, "192.0.2.1 held apollo/web 10.0.1.3", "192.0.2.2-192.0.2.6 free",
			"2001:db8::1 free", "2001:db8::2 held apollo/web fd00:1::16:3eff:fe33:4455",
			"2001:db8::3-2001:db8::ffff:ffff:ffff:ffff free")
		wantFloating(t, s, FloatingFilter{All: true}, "192.0.2.0 network", "192.0.2.1 held apollo/web 10.0.1.3", "192.0.2.2 free",
			"192.0.2.3 free", "192.0.2.4 free", "192.0.2.5 free", "192.0.2.6 free", "192.0.2.7 broadcast",
			"2001:db8::1 released", "2001:db8::2 held apollo/web fd00:1::16:3eff:fe33:4455",
			"2001:db8::3-2001:db8::ffff:ffff:ffff:ffff free")

		// An instance that goes returns its addresses of both families.
		if err := s.DeleteInstances(t.Context(), []string{"web"}); err != nil {
			t.Fatal(err)
		}
		wantFloating(t, s, FloatingFilter{Pool: "old"}, "192.0.2.1-192.0.2.6 free")
		wantFloating(t, s, FloatingFilter{Pool: "nova", All: true}, "2001:db8::1 released", "2001:db8::2 released",
			"2001:db8::3-2001:db8::ffff:ffff:ffff:ffff free")
	})
}

func first(found []Instance, err error) (Instance, error) {
	if err != nil {
		return Instance{}, err
	}
	return found[0], nil
}

func TestStore_AssociateFloating_refused(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ask := func(instance, a, pool string) error {
			var want netip.Addr
			if a != "" {
				want = addr(a)
			}
			_, err := s.AssociateFloating(t.Context(), instance, want, FloatingFrom{Pool: pool})
			return err
		}
		create(t, s, vlans("10.0.1.0/24", 27, 1))
		create(t, s, vlans("10.0.2.0/24", 27, 1).v6("fd00:2::/48").with(func(n *NewNetworks) {
			n.VLANStart, n.VPNStart, n.Range, n.Bits = 200, 2000, netip.Prefix{}, 0
		}))
		boot(t, s, instance("four"))
		boot(t, s, instance("web"))
		boot(t, s, instance("six").with(func(n *NewInstances) { n.Network = "2" }))
		wantError(t, ask("four", "", ""), ErrNotFound, "there is no floating range")
		addRanges(t, s, floating("192.0.2.0/29"), floating("2001:db8::/64").with(func(r *FloatingRange) { r.Pool = "public" }))
		if err := ask("web", "192.0.2.2", "nova"); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			instance, address, pool string
			kind                    error
			want                    string
		}{
			{"none", "", "", ErrNotFound, "there is no instance none"},
			{"four", "", "zone", ErrNotFound, "there is no floating pool zone"},
			{"four", "", "public", ErrConflict, "floating pool public has no range of IPv4, and instance apollo/four could use nothing else"},
			{"six", "", "nova", ErrConflict, "floating pool nova has no range of IPv6, and instance apollo/six could use nothing else"},
			{"four", "10.0.1.9", "", ErrNotFound, "10.0.1.9 is in no floating range"},
			{"four", "198.51.100.1", "", ErrNotFound, "198.51.100.1 is in no floating range"},
			{"four", "192.0.2.3", "public", ErrConflict, "192.0.2.3 is in pool nova, not in public"},
			{"four", "192.0.2.0", "", ErrConflict, "192.0.2.0 is not handed out: it is the network address of floating range 192.0.2.0/29 (pool nova)"},
			{"four", "192.0.2.7", "", ErrConflict, "192.0.2.7 is not handed out: it is the broadcast address of floating range 192.0.2.0/29 (pool nova)"},
			{"six", "2001:db8::", "", ErrConflict, "2001:db8:: is not handed out: it is the network address of floating range 2001:db8::/64 (pool public)"},
			{"four", "192.0.2.2", "", ErrConflict, "192.0.2.2 is held by instance web"},
			{"web", "192.0.2.2", "", ErrConflict, "192.0.2.2 is associated with instance apollo/web already"},
			{"web", "192.0.2.3", "", ErrConflict, "instance apollo/web has the floating address 192.0.2.2"},
			{"four", "2001:db8::7", "", ErrConflict, "instance apollo/four has no IPv6 address that 2001:db8::7 could stand for"},
			{"six", "192.0.2.3", "", ErrConflict, "instance apollo/six has no IPv4 address that 192.0.2.3 could stand for"},
		} {
			wantError(t, ask(tt.instance, tt.address, tt.pool), tt.kind, tt.want)
		}
		if _, err := s.SetQuota(t.Context(), "apollo", "floating_ips", 1); err != nil {
			t.Fatal(err)
		}
		wantError(t, ask("four", "", ""), ErrConflict, "project apollo has 1 of 1 floating_ips, and 1 more would exceed its quota")
		wantError(t, s.DisassociateFloating(t.Context(), addr("192.0.2.3")), ErrNotFound, "192.0.2.3 is not associated with any instance")
		wantError(t, s.DisassociateFloating(t.Context(), addr("10.0.1.3")), ErrNotFound, "10.0.1.3 is in no floating range")
		disassociate(t, s, "192.0.2.2")
		wantError(t, s.DisassociateFloating(t.Context(), addr("192.0.2.2")), ErrNotFound, "192.0.2.2 is not associated with any instance")
		// One that was released may be asked for out of turn.
		if err := ask("four", "192.0.2.2", ""); err != nil {
			t.Error(err)
		}
	})
}
