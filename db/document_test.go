package db

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"nova-manage/internal/race"
	"nova-manage/netcalc"
)

// export is the document of a ledger without its history.
func export(t testing.TB, s *Store) string {
	t.Helper()
	return exportWith(t, s, false)
}

func exportWith(t testing.TB, s *Store, history bool) string {
	t.Helper()
	var b strings.Builder
	if err := s.Export(t.Context(), &b, history); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wantRows wants the same rows in two ledgers, and if it says so in the tables of history, too.
func wantRows(t *testing.T, from, to *Store, history bool) {
	t.Helper()
	want, got := dump(t, from), dump(t, to)
	for table := range want {
		if strings.HasPrefix(table, "change") && !history {
			continue
		}
		if !reflect.DeepEqual(got[table], want[table]) {
			t.Errorf("table %s differs:\n got %.1000s\nwant %.1000s", table, fmt.Sprint(got[table]), fmt.Sprint(want[table]))
		}
	}
	if !history && len(got["changes"]) != 1 {
		t.Errorf("the import is no change, or more than one: %v", got["changes"])
	}
}

// wear gives a filled ledger what only time gives it: addresses that were released, reserved and lifted again, gateways that
// moved, networks that were taken from and given all back.
func wear(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	move := addr("10.0.1.68")
	_, err := s.CreateInstances(ctx, NewInstances{Names: []string{"a", "b", "c"}, ProjectID: "gemini"})
	_, ranged := s.CreateFloatingRange(ctx, FloatingRange{CIDR: prefix("2001:db8:f::/120"), Pool: "six", Host: "node2", Interface: "eth1"})
	_, six := s.AssociateFloating(ctx, "c", netip.Addr{}, FloatingFrom{Pool: "six"})
	if err := errors.Join(err, ranged, six,
		s.DeleteInstances(ctx, []string{"a", "b"}),
		s.ReserveAddresses(ctx, []netcalc.Span{netcalc.SpanOf(prefix("10.1.0.16/30")), netcalc.SpanOf(prefix("fd00:1::ffff:0/112"))}),
		s.UnreserveAddresses(ctx, []netcalc.Span{netcalc.SpanOf(prefix("10.1.0.16/30"))}),
		s.DisassociateFloating(ctx, addr("198.51.100.1")),
	); err != nil {
		t.Fatal(err)
	}
	// Onto an address that was released, which keeps its row.
	if _, err := s.UpdateNetworks(ctx, []string{"3"}, NetworkChange{Gateway: &move}); err != nil {
		t.Fatal(err)
	}
}

// Each engine into each: the imported ledger holds the same rows, byte for byte in all tables, and is the same document.
func TestStore_ImportDocument(t *testing.T) {
	race.SkipAlone(t)
	for fromName, fromURL := range engines {
		from := openTest(t, fromURL(t), Create)
		fill(t, from)
		wear(t, from)
		for toName, toURL := range engines {
			for _, history := range []bool{false, true} {
				t.Run(fmt.Sprint(fromName, " to ", toName, " ", history), func(t *testing.T) {
					text := exportWith(t, from, history)
					to := openTest(t, toURL(t), Create)
					imported, err := to.ImportDocument(t.Context(), iotest.HalfReader(strings.NewReader(text)), "FILE", nil)
					if err != nil {
						t.Fatal(err)
					}
					wantRows(t, from, to, history)
					have := dump(t, from)
					for _, p := range parts {
						if rows := (Copied{Table: p.name(), Rows: int64(len(have[p.name()]))}); !slices.Contains(imported, rows) || rows.Rows == 0 {
							t.Errorf("%v is not among what was imported: %v", rows, imported)
						}
					}
					if again := exportWith(t, to, history); again != text {
						t.Errorf("the imported ledger is another document:\n%s\nwant\n%s", again, text)
					}
					wantClean(t, to)
					if next := create(t, to, vlans("10.0.1.0/24", 27, 1).with(nextFree))[0]; next.ID != 1504 || next.CIDR != prefix("10.0.1.32/27") {
						t.Errorf("the next network is %+v", next)
					}
					wantClean(t, to)
				})
			}
		}
	}
}

func undoLast(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.Undo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}

// What was undone and pruned comes along; what is undone in the copy is undone exactly.
func TestStore_ImportDocument_history(t *testing.T) {
	race.SkipAlone(t)
	eachEngine(t, func(t *testing.T, s *Store) {
		from := openTest(t, engines["sqlite"](t), Create)
		fill(t, from)
		if _, err := from.PruneHistory(t.Context(), testTime.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		wear(t, from)
		undoLast(t, from)
		text := exportWith(t, from, true)
		if _, err := s.ImportDocument(t.Context(), strings.NewReader(text), "FILE", nil); err != nil {
			t.Fatal(err)
		}
		wantRows(t, from, s, true)
		undoLast(t, from)
		undoLast(t, s)
		if exportWith(t, s, true) != exportWith(t, from, true) {
			t.Error("an undo does something else in the copy")
		}
	})
}

// What a change is about may be any ids, and to undo it costs what its rows cost.
func TestStore_ImportDocument_longSubject(t *testing.T) {
	from := openTest(t, engines["sqlite"](t), Create)
	create(t, from, flat("10.0.0.0/24", 28, 1))
	was := `{"kind": "network", "name": "", "first": 1, "last": 1}`
	text := exportWith(t, from, true)
	for _, is := range []string{`{"kind": "network", "name": "", "first": 9223372036854775807, "last": 9223372036854775807}`,
		`{"kind": "network", "name": "", "first": 0, "last": 9223372036854775807}`} {
		s := openTest(t, engines["sqlite"](t), Create)
		if _, err := s.ImportDocument(t.Context(), strings.NewReader(strings.Replace(text, was, is, 1)), "FILE", nil); err != nil {
			t.Fatal(err)
		}
		undoLast(t, s)
		wantClean(t, s)
		again := exportWith(t, s, true)
		if strings.Contains(text, is) || !strings.Contains(again[strings.Index(again, `"number": 2`):], `"last": 9223372036854775807`) {
			t.Errorf("the undo is not about what it undoes: %s", again)
		}
	}
}

// An empty ledger is a document, too.
func TestStore_ImportDocument_empty(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		text := export(t, s)
		if _, err := s.ImportDocument(t.Context(), strings.NewReader(text), "FILE", nil); err != nil {
			t.Fatal(err)
		}
		if again := export(t, s); again != text || strings.Count(text, "[]") != len(parts) {
			t.Errorf("got %s, want %s", again, text)
		}
	})
}

func TestStore_ImportDocument_notEmpty(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, vlans("10.0.1.0/24", 27, 3))
		before := export(t, s)
		_, err := s.ImportDocument(t.Context(), strings.NewReader(before), "FILE", nil)
		wantError(t, err, ErrConflict, s.db.Place()+" is not empty: its table sequences is in use")
		if export(t, s) != before {
			t.Error("the ledger has changed")
		}
	})
}

// A ledger that contradicts itself is no document: what follows from the rest would be lost.
func TestStore_Export_damaged(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, url(t), Create)
			create(t, s, vlans("10.0.1.0/24", 27, 3))
			breakBy(t, s, "UPDATE networks SET netmask = '255.0.0.0' WHERE id = 1")
			err := s.Export(t.Context(), io.Discard, false)
			wantError(t, err, ErrCheck, s.db.Place()+" is not clean, so nothing was exported: "+
				"networks: network 1 (10.0.1.0/27) has netmask 255.0.0.0, and 255.255.255.224 follows from the rest; "+
				"history: the rows of networks are not those that its history leads to")
			breakBy(t, s, "UPDATE networks SET netmask = '255.255.255.224' WHERE id = 1")
			create(t, s, vlans("10.0.2.0/24", 27, 1).with(func(n *NewNetworks) { n.VLANStart, n.VPNStart, n.Given.Label = 200, 2000, "a\nb" }))
			err = s.Export(t.Context(), io.Discard, false)
			wantError(t, err, ErrCorrupt, "network 4: label: it holds the control character U+000A")
		})
	}
}

func TestStore_Export_failingWriter(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		create(t, s, flat("10.0.0.0/16", 28, 3000))
		full := errors.New("the disk is full")
		if err := s.Export(t.Context(), failingWriter{full}, true); err != full {
			t.Errorf("error %v", err)
		}
	})
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// What is wrong with a document is told with its line and place, and nothing of it is imported.
func TestStore_ImportDocument_refused(t *testing.T) {
	race.SkipAlone(t)
	source := openTest(t, engines["sqlite"](t), Create)
	fillWith(t, source, 20)
	wear(t, source)
	text := export(t, source)
	replace := func(old, new string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Errorf("%q is not in the document", old)
			}
			return strings.Replace(s, old, new, 1)
		}
	}
	cases := map[string]struct {
		change func(string) string
		want   string // without the line; of what a schema cannot say, it begins with a star
	}{
		"format":      {replace(documentFormat, "x"), `/format: "x" is not "nova-manage ledger": it is no document of a ledger`},
		"version":     {replace(`"version": 1`, `"version": 2`), "/version: this nova-manage reads version 1, and the document is of version 2"},
		"versionText": {replace(`"version": 1`, `"version": "1"`), `/version: "1" is no whole number`},
		"float":       {replace(`"version": 1`, `"version": 1e0`), "*/version: 1e0 is no whole number as it is written here: digits, without a leading zero"},
		"order":       {replace(`"version": 1,`, ``), "/sequences: the members come in this order: format, version, sequences, history, projects, quotas, networks, floating_ranges, security_groups, security_group_rules, instances, instance_security_groups, addresses"},
		"unknown":     {replace(`"sequences"`, `"sequence"`), `"sequence" is no key here; there are format, version, sequences, history, projects, quotas, networks, floating_ranges, security_groups, security_group_rules, instances, instance_security_groups, addresses`},
		"sequence":    {replace(`"network": 23`, `"network": -1`), "/sequences/network: -1 cannot be: it counts from 0"},
		"noSequence":  {replace(`"network": 23, `, ``), "/sequences: the key network is missing"},
		"trailing":    {func(s string) string { return s + "x" }, "something follows the end of the document"},
		"missing":     {replace(`"host": null, `, ``), "/networks/0: the key host is missing"},
		"twice":       {replace(`"host": null, `, `"host": null, "host": null, `), "*/networks/0/host: the key is there twice"},
		"extra":       {replace(`"host": null, `, `"host": null, "colour": null, `), `/networks/0: "colour" is no key here; there are id, label, manager, cidr, gateway, cidr_v6, gateway_v6, bridge, bridge_interface, vlan, vpn_public_address, vpn_public_port, vpn_clients, dns1, dns2, mtu, project_id, host, taken, created_at, updated_at`},
		"null":        {replace(`"manager": "VlanManager"`, `"manager": null`), "/networks/0/manager: null, where a value belongs"},
		"manager":     {replace(`"manager": "VlanManager"`, `"manager": "Vlan"`), `/networks/0/manager: "Vlan" cannot be: it is one of VlanManager, FlatManager, FlatDHCPManager`},
		"hostBits":    {replace(`"cidr": "10.0.1.0/27"`, `"cidr": "10.0.1.1/27"`), `*/networks/0/cidr: "10.0.1.1/27" cannot be: its host bits are not zero: 10.0.1.0/27`},
		"loopback":    {replace(`"cidr": "10.0.1.0/27"`, `"cidr": "127.0.1.0/27"`), `*/networks/0/cidr: "127.0.1.0/27" cannot be: 127.0.1.0/27 is in 127.0.0.0/8, loopback (RFC 6890 §2.2.2): a network node cannot serve it`},
		"number":      {replace(`"cidr": "10.0.1.0/27"`, `"cidr": 10`), `/networks/0/cidr: 10 cannot be: it is not text`},
		"spelling":    {replace(`"cidr_v6": "fd00:1::/64"`, `"cidr_v6": "FD00:1::/64"`), `/networks/0/cidr_v6: "FD00:1::/64" is written "fd00:1::/64"`},
		"empty":       {replace(`"cidr_v6": "fd00:1::/64"`, `"cidr_v6": ""`), `/networks/0/cidr_v6: "" cannot be: netip.ParsePrefix(""): no '/'`},
		"96":          {replace(`"cidr_v6": "fd00:1::/64"`, `"cidr_v6": "fd00:1::/96"`), `/networks/0/cidr_v6: "fd00:1::/96" cannot be: it is no prefix of this kind`},
		"gateway":     {replace(`"gateway": "10.0.1.1"`, `"gateway": "10.0.2.1"`), `*/networks/0/gateway: "10.0.2.1" cannot be: gateway 10.0.2.1 is not in 10.0.1.0/27`},
		"noGateway":   {replace(`"gateway": "10.0.1.1"`, `"gateway": null`), "/networks/0/gateway: null cannot be: a network with IPv4 has one"},
		"vlan":        {replace(`"vlan": 100`, `"vlan": 4095`), "/networks/0/vlan: 4095 cannot be: vlan is 1 to 4094"},
		"vlan0":       {replace(`"vlan": 100`, `"vlan": 0`), "/networks/0/vlan: 0 is written null"},
		"bridge":      {replace(`"vlan": 100`, `"vlan": 101`), `*/networks/0/bridge: "br100" cannot be: that of VLAN 101 is br101`},
		"uplink":      {replace(`"bridge_interface": "eth0"`, `"bridge_interface": "10.0.1.0/27"`), `/networks/0/bridge_interface: "10.0.1.0/27" cannot be: it is not the name of a network interface`},
		"vlanTwice":   {replace(`"bridge": "br102", "bridge_interface": "eth0", "vlan": 102`, `"bridge": "br100", "bridge_interface": "eth0", "vlan": 100`), "*/networks/1/vlan: 100 is that of another row"},
		"idTwice":     {replace("{\"id\": 3, ", "{\"id\": 1, "), "*/networks/1/id: 1 is that of another row"},
		"prefixTwice": {replace(`"cidr_v6": "fd00:1:0:2::/64", "gateway_v6": "fd00:1:0:2::1"`, `"cidr_v6": "fd00:1::/64", "gateway_v6": "fd00:1::1"`), "*/networks/1/cidr_v6: fd00:1::/64 is that of another bridge"},
		"overlap":     {replace(`"cidr": "10.0.1.0/27"`, `"cidr": "10.0.0.0/23"`), "*/networks/1/cidr: 10.0.1.64/27 overlaps 10.0.0.0/23, the one before"},
		"rowOrder":    {replace(`"cidr": "10.0.1.0/27", "gateway": "10.0.1.1"`, `"cidr": "10.0.9.0/27", "gateway": "10.0.9.1"`), "*/networks/1: rows come in the order of the first address, and this one belongs before the last"},
		"control":     {replace(`"label": "naïve 'label'"`, `"label": "a\u0000b"`), `/networks/2/label: "a\x00b" cannot be: it holds the control character U+0000`},
		"long":        {replace(`"label": "naïve 'label'"`, `"label": "`+strings.Repeat("é", 256)+`"`), `/networks/2/label: "` + strings.Repeat("é", 40) + `..." (512 bytes) cannot be: label has 1 to 255 characters`},
		"time":        {replace(`"created_at": "2011-02-03T04:05:06Z", "updated_at": null`, `"created_at": "2011-02-03T04:05:06+00:00", "updated_at": null`), `/networks/2/created_at: "2011-02-03T04:05:06+00:00" is written "2011-02-03T04:05:06Z"`},
		"noTime":      {replace(`"created_at": "2011-02-03T04:05:06Z", "updated_at": null`, `"created_at": "yesterday", "updated_at": null`), `/networks/2/created_at: "yesterday" cannot be: it is not a time in RFC 3339`},
		"project":     {replace(`"project_id": "gemini"`, `"project_id": "nemini"`), `*/networks/1/project_id: "gemini" is not among the projects of the document`},
		"quota":       {replace(`"resource": "instances"`, `"resource": "coffee"`), `/quotas/0/resource: "coffee" cannot be: it is one of networks, instances, floating_ips, security_groups, security_group_rules`},
		"mac":         {replace(`"mac_address": "02`, `"mac_address": "03`), ""},
		"floating":    {replace(`"cidr": "198.51.100.0/28"`, `"cidr": "10.0.1.0/24"`), "*/floating_ranges/0/cidr: 10.0.1.0/24 overlaps 10.0.1.0/27"},
		"ports":       {replace(`"from_port": 80, "to_port": 80`, `"from_port": 81, "to_port": 80`), `*ip_protocol: "tcp" cannot be: tcp ports 81 to 80: ports are 0 to 65535, the lower one first`},
		"state":       {replace(`"state": "reserved"`, `"state": "gone"`), `state: "gone" cannot be: it is one of held, reserved, released`},
		"nowhere":     {replace(`"address": "10.0.1.16/29"`, `"address": "10.0.1.16-10.0.1.40"`), `*address: 10.0.1.16-10.0.1.40 is in no prefix of the document`},
		"addressForm": {replace(`"address": "10.0.1.16/29"`, `"address": "10.0.1.16-10.0.1.23"`), `*address: "10.0.1.16-10.0.1.23" is written "10.0.1.16/29"`},
		"fixed":       {replace(`"fixed_ip": "10.0.1.3"`, `"fixed_ip": "10.9.1.3"`), `*fixed_ip: 10.9.1.3 does not fit 10.0.1.0/27, the prefix of network 1`},
	}
	valid := validator(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want, unseen := strings.CutPrefix(c.want, "*")
			if err := valid(c.change(text)); (err == nil) != unseen {
				t.Errorf("the validator says %v", err)
			}
			for engine, url := range engines {
				if engine == "postgresql" && len(name)%7 != 0 { // what is refused does not depend on the engine
					continue
				}
				s := openTest(t, url(t), Create)
				_, err := s.ImportDocument(t.Context(), strings.NewReader(c.change(text)), "FILE", nil)
				if !errors.Is(err, ErrInvalid) || !strings.HasPrefix(err.Error(), "FILE: line ") || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("error %v (%T)\nwant FILE: line N: %s", err, err, want)
				}
				if allNetworks(t, s) != nil {
					t.Error("half a document was imported")
				}
				wantClean(t, s)
			}
		})
	}
	// It may be cut off anywhere.
	s := openTest(t, engines["sqlite"](t), Create)
	for cut := 0; cut < len(text); cut += max(1, len(text)/300) {
		if _, err := s.ImportDocument(t.Context(), strings.NewReader(strings.TrimSpace(text[:cut])), "FILE", nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	wantClean(t, s)
}

// What each row says may be right, and the whole wrong all the same.
func TestStore_ImportDocument_contradiction(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		source := openTest(t, engines["sqlite"](t), Create)
		fillWith(t, source, 20)
		text := strings.Replace(export(t, source), `"taken": 1`, `"taken": 2`, 1)
		_, err := s.ImportDocument(t.Context(), strings.NewReader(text), "FILE", nil)
		wantError(t, err, ErrCheck, "FILE makes no clean ledger, so nothing was imported: addresses: 10.0.1.0/27 counts as full, and has addresses left")
	})
}

// Names may be asked about.
func TestStore_ImportDocument_names(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		source := openTest(t, engines["sqlite"](t), Create)
		fillWith(t, source, 20)
		asked := map[string]bool{}
		_, err := s.ImportDocument(t.Context(), strings.NewReader(export(t, source)), "FILE", func(table, column, value string) error {
			asked[table+"."+column] = true
			if value == "web" {
				return errors.New("is a bad name")
			}
			return nil
		})
		if !errors.Is(err, ErrInvalid) || !strings.HasSuffix(err.Error(), `/security_groups/1/name: "web" cannot be: it is a bad name`) {
			t.Errorf("error %v", err)
		}
		if !asked["networks.label"] || !asked["projects.project_id"] {
			t.Errorf("asked about %v", asked)
		}
	})
}

// A reader's own error comes back, and a document that can be read again is.
func TestStore_ImportDocument_reader(t *testing.T) {
	s := openTest(t, engines["sqlite"](t), Create)
	broken := errors.New("the network is down")
	if _, err := s.ImportDocument(t.Context(), io.MultiReader(strings.NewReader(`{"format": `), iotest.ErrReader(broken)), "FILE", nil); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if err := rewind(strings.NewReader("x")); err != nil {
		t.Error(err)
	}
	wantError(t, rewind(new(bytes.Buffer)), nil, "another writer was in the way, and the document cannot be read a second time")
}

// More rows than are in memory at once, of all parts.
func TestStore_ImportDocument_pages(t *testing.T) {
	race.SkipAlone(t)
	eachEngine(t, func(t *testing.T, s *Store) {
		from := openTest(t, engines["sqlite"](t), Create)
		create(t, from, flat("10.0.0.0/8", 28, 2*importRows+1).v6("fd00:2::/48").with(func(n *NewNetworks) { n.Bridge = "flat" }))
		create(t, from, vlans("192.168.0.0/18", 28, importRows+1).v6("fd00:1::/48").with(func(n *NewNetworks) { n.VLANStart = 1 }))
		names := make([]string, importRows+7)
		for i := range names {
			names[i] = fmt.Sprint("vm", i)
		}
		if _, err := from.CreateInstances(t.Context(), NewInstances{Names: names, ProjectID: "apollo"}); err != nil {
			t.Fatal(err)
		}
		if err := from.DeleteInstances(t.Context(), names[:100]); err != nil {
			t.Fatal(err)
		}
		text := export(t, from)
		if _, err := s.ImportDocument(t.Context(), strings.NewReader(text), "FILE", nil); err != nil {
			t.Fatal(err)
		}
		wantRows(t, from, s, false)
		if export(t, s) != text {
			t.Error("they differ")
		}
	})
}
