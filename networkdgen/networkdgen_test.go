package networkdgen_test

import (
	"strings"
	"testing"

	"nova-manage/internal/configfile"
	"nova-manage/internal/configtest"
	"nova-manage/internal/links"
	"nova-manage/networkdgen"
)

func TestFiles(t *testing.T) {
	for name, c := range goldenConfigs() {
		t.Run(name, func(t *testing.T) {
			files, err := networkdgen.Files(c)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, files)
		})
	}
}

func TestDropIns(t *testing.T) {
	files, err := networkdgen.DropIns(goldenConfigs()["vlan.txt"])
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "dropins.txt", files)
}

// golden compares all files, each after a line with its name and its link, with one in testdata.
func golden(t *testing.T, name string, files []networkdgen.File) {
	t.Helper()
	var all []byte
	for _, f := range files {
		if !strings.HasPrefix(string(f.Text), configfile.Header) {
			t.Errorf("%s is not marked as ours", f.Name)
		}
		all = append(all, "-- "+f.Name+" of "+f.Link+" --\n"...)
		all = append(all, f.Text...)
	}
	configtest.Golden(t, name, all)
}

func TestFiles_error(t *testing.T) {
	parent := []links.Bridge{{Name: "br1", Parent: "eth0"}}
	uplink := func(file string) links.Config {
		return links.Config{Uplinks: []links.Uplink{{Name: "eth0", File: file}}}
	}
	long := strings.Repeat("a", 245) + ".network"
	for _, test := range []struct {
		c    links.Config
		want string
	}{
		{links.Config{Bridges: []links.Bridge{{Name: "br1"}}}, ""},
		{uplink(long), ""},
		{uplink("10-My_link+x@y~z:1,2=3.network"), ""},
		{uplink(""), `uplink eth0: file "": must be the .network file that configures it`},
		{uplink("eth0"), `uplink eth0: file "eth0": must be *.network`},
		{uplink(".network"), `uplink eth0: file ".network": must be *.network`},
		{uplink("eth0.network "), `uplink eth0: file "eth0.network ": must be *.network`},
		{uplink("../eth0.network"), `uplink eth0: file "../eth0.network": must be *.network`},
		{uplink("a/eth0.network"), `uplink eth0: file "a/eth0.network": must not contain '/'`},
		{uplink("a\neth0.network"), `uplink eth0: file "a\neth0.network": must not contain '\n'`},
		{uplink("é.network"), `uplink eth0: file "é.network": must not contain 'é'`},
		{uplink("a" + long), `uplink eth0: file "a` + long + `": must have at most 253 bytes`},
		{uplink("60-nova-br1.network"), `uplink eth0: file "60-nova-br1.network": must not be a file of ours`},
		{links.Config{Bridges: parent}, "bridge br1: parent eth0: must be an uplink, with the .network file that configures it"},
		{links.Config{Uplinks: []links.Uplink{{Name: "eth0", File: "a.network"}, {Name: "eth1", File: "a.network"}}},
			`uplink eth1: file "a.network": must not be the file of uplink eth0 too`},
		{links.Config{Bridges: []links.Bridge{{Name: "br\n1"}}}, `bridge "br\n1": must not contain '\n'`},
	} {
		files, err := networkdgen.Files(test.c)
		configtest.WantBound(t, err, test.want)
		if err != nil && files != nil {
			t.Errorf("%d files in spite of %v", len(files), err)
		}
	}
	// Drop-ins alone need no parent: netplan has its own way to it.
	if _, err := networkdgen.DropIns(links.Config{Bridges: parent}); err != nil {
		t.Error(err)
	}
	files, err := networkdgen.DropIns(uplink("eth0"))
	configtest.WantBound(t, err, `uplink eth0: file "eth0": must be *.network`)
	if files != nil {
		t.Errorf("%d files in spite of %v", len(files), err)
	}
}

func TestLinkOf(t *testing.T) {
	for name, want := range map[string]string{
		"60-nova-br100.network": "br100", "60-nova-br100.netdev": "br100", "60-nova-vlan7.netdev": "vlan7", "60-nova-nova-float.network": "nova-float",
		"60-nova-a.network.network": "a.network", "60-nova-.5.netdev": ".5",
		"60-nova.conf": "", "60-nova-.network": "", "60-nova-br100.link": "", "60-nova-br100.network.bak": "", "61-nova-br100.network": "",
		"60-nova-abcdefghijklmnop.network": "", "60-nova-a b.network": "", "60-nova-all.network": "", "60-nova-100.network": "", "": "",
		"60-nova-br100.network.d/60-nova.conf": "", "x/60-nova-br100.network": "",
	} {
		if link, ok := networkdgen.LinkOf(name); ok != (want != "") || ok && link != want {
			t.Errorf("%q is of %q, %t; want %q", name, link, ok, want)
		}
	}
	for path, want := range map[string]string{
		"10-eth0.network.d/60-nova.conf": "10-eth0.network", networkdgen.DropInFor("a.network"): "a.network",
		"10-eth0.network.d/61-nova.conf": "", "10-eth0.netdev.d/60-nova.conf": "", "60-nova.conf": "", ".d/60-nova.conf": "",
		"a/b.network.d/60-nova.conf": "", "60-nova-br1.network.d/60-nova.conf": "",
	} {
		if file, ok := networkdgen.IsDropIn(path); ok != (want != "") || ok && file != want {
			t.Errorf("%q is to %q, %t; want %q", path, file, ok, want)
		}
	}
	// Every file that there can be is found again.
	for name := range tree(t, goldenConfigs()["vlan.txt"]) {
		_, isOurs := networkdgen.LinkOf(name)
		if _, isDropIn := networkdgen.IsDropIn(name); isOurs == isDropIn {
			t.Errorf("%s is not recognized", name)
		}
	}
}

func Benchmark4094(b *testing.B) {
	c := vlans(4094)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := networkdgen.Files(c); err != nil {
			b.Fatal(err)
		}
	}
}
