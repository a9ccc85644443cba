package db

import (
	"fmt"
	"strings"
	"testing"
)

// whoisText is an Identity on one line, without what is absent.
func whoisText(id Identity) string {
	var b strings.Builder
	add := func(name string, v any) {
		if s := fmt.Sprint(v); s != "" && s != "0" && !strings.HasPrefix(s, "invalid ") && s != "00:00:00:00:00:00" {
			fmt.Fprintf(&b, " %s=%s", name, s)
		}
	}
	add("net", id.NetworkID)
	add("cidr", id.CIDR)
	add("vlan", id.VLAN)
	add("bridge", id.Bridge)
	add("mac", id.MAC)
	add("instance", id.Instance.Name)
	add("project", id.ProjectID)
	add("host", id.Host)
	add("pool", id.Pool)
	return id.Kind + " " + id.State + b.String()
}

func TestStore_Whois(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 2).v6("fd00:1::/48").with(func(n *NewNetworks) { n.Given.Host, n.VPNClients = "node", 1 }))
		create(t, s, flat("10.0.2.0/24", 25, 2).v6("fd00:2::/48").with(func(n *NewNetworks) { n.Bridge = "br0" }))
		if _, err := s.CreateFloatingRange(t.Context(), FloatingRange{CIDR: prefix("192.0.2.0/28"), Pool: "nova", Host: "gate"}); err != nil {
			t.Fatal(err)
		}
		boot(t, s, instance("web").with(func(n *NewInstances) { n.MAC, n.Host = mac("02:16:3e:33:44:55"), "hyper" }))
		boot(t, s, instance("private").with(func(n *NewInstances) {
			n.MAC, n.FixedIPv6 = mac("02:16:3e:00:00:01"), addr("fd00:1::1234")
		}))
		boot(t, s, instance("shared").with(func(n *NewInstances) { n.MAC, n.Network = mac("02:16:3e:00:00:02"), "4" }))
		boot(t, s, instance("gone"))
		if err := s.DeleteInstances(t.Context(), []string{"gone"}); err != nil {
			t.Fatal(err)
		}
		reserve(t, s, "10.0.1.20-10.0.1.25", "fd00:2::100/120")
		if _, err := s.AssociateFloating(t.Context(), "web", addr("192.0.2.7"), FloatingFrom{Pool: ""}); err != nil {
			t.Fatal(err)
		}
		for ask, want := range map[string]string{
			"10.0.1.0":  "fixed network net=1 cidr=10.0.1.0/27 vlan=100 bridge=br100 project=apollo host=node",
			"10.0.1.2":  "fixed vpn net=1 cidr=10.0.1.0/27 vlan=100 bridge=br100 project=apollo host=node",
			"10.0.1.30": "fixed reserved net=1 cidr=10.0.1.0/27 vlan=100 bridge=br100 project=apollo host=node",
			"10.0.1.33": "fixed gateway net=2 cidr=10.0.1.32/27 vlan=101 bridge=br101 host=node",
			"10.0.1.35": "fixed free net=2 cidr=10.0.1.32/27 vlan=101 bridge=br101 host=node",
			"10.0.1.63": "fixed broadcast net=2 cidr=10.0.1.32/27 vlan=101 bridge=br101 host=node",
			"10.0.1.22": "fixed reserved net=1 cidr=10.0.1.0/27 vlan=100 bridge=br100 project=apollo host=node",
			"10.0.1.5":  "fixed released net=1 cidr=10.0.1.0/27 vlan=100 bridge=br100 project=apollo host=node",
			"10.0.1.3":  "fixed held net=1 cidr=10.0.1.0/27 vlan=100 bridge=br100 mac=02:16:3e:33:44:55 instance=web project=apollo host=hyper",
			"fd00:1::":  "fixed network net=1 cidr=fd00:1::/64 vlan=100 bridge=br100 project=apollo host=node",
			"fd00:1::1": "fixed gateway net=1 cidr=fd00:1::/64 vlan=100 bridge=br100 project=apollo host=node",
			"fd00:1::16:3eff:fe33:4455": "fixed held net=1 cidr=fd00:1::/64 vlan=100 bridge=br100 mac=02:16:3e:33:44:55 instance=web " +
				"project=apollo host=hyper",
			"fd00:1::1234": "fixed held net=1 cidr=fd00:1::/64 vlan=100 bridge=br100 mac=02:16:3e:00:00:01 instance=private " +
				"project=apollo host=node",
			// What the guest gives itself is traced to it, though the ledger has another address for it.
			"fd00:1::16:3eff:fe00:1": "fixed free net=1 cidr=fd00:1::/64 vlan=100 bridge=br100 mac=02:16:3e:00:00:01 instance=private " +
				"project=apollo host=node",
			// The MAC of an instance on another bridge says nothing.
			"fd00:1:0:1:16:3eff:fe33:4455": "fixed free net=2 cidr=fd00:1:0:1::/64 vlan=101 bridge=br101 mac=02:16:3e:33:44:55 host=node",
			"fd00:1::16:3eff:fe99:9999":    "fixed free net=1 cidr=fd00:1::/64 vlan=100 bridge=br100 mac=02:16:3e:99:99:99 project=apollo host=node",
			"fd00:2::5":                    "fixed free cidr=fd00:2::/64 bridge=br0",
			"fd00:2::1":                    "fixed gateway cidr=fd00:2::/64 bridge=br0",
			"fd00:2::1ff":                  "fixed reserved cidr=fd00:2::/64 bridge=br0",
			"fd00:2::16:3eff:fe00:2":       "fixed held net=4 cidr=fd00:2::/64 bridge=br0 mac=02:16:3e:00:00:02 instance=shared project=apollo",
			"192.0.2.7":                    "floating held cidr=192.0.2.0/28 mac=02:16:3e:33:44:55 instance=web project=apollo host=gate pool=nova",
			"192.0.2.8":                    "floating free cidr=192.0.2.0/28 host=gate pool=nova",
			"192.0.2.0":                    "floating network cidr=192.0.2.0/28 host=gate pool=nova",
			"192.0.2.15":                   "floating broadcast cidr=192.0.2.0/28 host=gate pool=nova",
		} {
			id, err := s.Whois(t.Context(), addr(ask))
			if err != nil {
				t.Errorf("%s: %v", ask, err)
				continue
			}
			if got := whoisText(id); got != want || id.Address != addr(ask) {
				t.Errorf("%s\n got %s\nwant %s", ask, got, want)
			}
		}
		id, err := s.WhoisMAC(t.Context(), mac("02:16:3e:33:44:55"))
		if want := "mac held net=1 cidr=10.0.1.0/27 vlan=100 bridge=br100 mac=02:16:3e:33:44:55 instance=web project=apollo host=hyper"; err != nil || whoisText(id) != want {
			t.Errorf("MAC\n got %s, %v\nwant %s", whoisText(id), err, want)
		}
		if i := id.Instance; i.FixedIP != addr("10.0.1.3") || i.FixedIPv6 != addr("fd00:1::16:3eff:fe33:4455") || i.FloatingIP != addr("192.0.2.7") {
			t.Errorf("its addresses are %v, %v, %v", i.FixedIP, i.FixedIPv6, i.FloatingIP)
		}
		for ask, want := range map[string]string{
			"10.0.3.1":                "10.0.3.1 is in no network and no floating range",
			"fe80::16:3eff:fe33:4455": "fe80::16:3eff:fe33:4455 is in no network and no floating range",
			"2001:db8::1":             "2001:db8::1 is in no network and no floating range",
		} {
			_, err := s.Whois(t.Context(), addr(ask))
			wantError(t, err, ErrNotFound, want)
		}
		_, err = s.WhoisMAC(t.Context(), mac("02:16:3e:00:00:09"))
		wantError(t, err, ErrNotFound, "no instance has MAC 02:16:3e:00:00:09")
	})
}
