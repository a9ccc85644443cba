//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// testMachine is the machine that the test is in.
func testMachine(step func(string)) *Machine {
	return &Machine{Root: "/", Reload: []string{filepath.Join(standIns, "services")}, Networkd: true, Step: step}
}

// version is a small node with one of each kind. A, B and others differ in each file; A has a link and a unit that B has not,
// and B a link that A has not. Behind a colon there may be a word that goes into the file of a daemon: radvd=unfit.
func version(v string) (*Tree, *Want) {
	v, spoil, _ := strings.Cut(v, ":")
	daemonText := func(name string) []byte {
		text := "# " + v + "\n"
		if word, found := strings.CutPrefix(spoil, name+"="); found {
			text += word + "\n"
		}
		return rendered(text)
	}
	filter := rendered("table inet nova\ndelete table inet nova\ntable inet nova {\n\tchain forward {\n" +
		"\t\ttype filter hook forward priority filter; policy accept;\n\t\tmeta mark " + strconv.Itoa(int(v[0])) + " drop\n\t}\n}\n")
	switch spoil {
	case "nft=broken":
		filter = append(filter, "broken\n"...)
	case "nft=circle": // which `nft -c` passes
		filter = append(filter, "table inet nova { chain one { jump two; }; chain two { jump one; }; chain forward { jump one; }; }\n"...)
	}
	t := &Tree{
		Owned: []Owned{{Pattern: "/etc/systemd/network/60-nova-*.netdev", Does: LoadLinks}, {Pattern: "/etc/systemd/system/nova-*.service", Does: LoadUnits}},
		Files: []File{
			{Path: "/etc/nova/nftables.nft", Text: filter, Does: LoadFilter},
			{Path: "/etc/systemd/network/60-nova-br1.netdev", Text: rendered("# " + v + "\n"), Does: LoadLinks},
			{Path: "/etc/sysctl.d/60-nova.conf", Text: rendered("# " + v + "\n"), Does: SetSysctl},
			{Path: "/etc/radvd.conf", Text: daemonText("radvd"), Does: ReloadRadvd},
			{Path: "/etc/nova/dnsmasq.conf", Text: daemonText("dnsmasq"), Does: RestartDHCP},
			{Path: "/etc/nova/dnsmasq.hosts", Text: rendered("# " + v + "\n"), Does: ReloadDHCP},
			{Path: "/etc/systemd/system/nova-dnsmasq.service", Text: rendered("# " + v + "\n"), Does: LoadUnits | RestartDHCP},
		},
		Links: []string{"br1", "br-" + v}, Tables: []string{"inet nova"},
	}
	t.Files = append(t.Files, File{Path: "/etc/systemd/network/60-nova-br-" + v + ".netdev", Text: rendered("# " + v + "\n"), Does: LoadLinks})
	if v == "A" {
		t.Files = append(t.Files, File{Path: "/etc/systemd/system/nova-old.service", Text: rendered("# A\n"), Does: LoadUnits})
	}
	for i := range t.Files {
		t.Files[i].Mode = 0o644
	}
	t.Finish()
	w := &Want{
		Settings: []Setting{{Path: "net/ipv4/ip_default_ttl", Value: strconv.Itoa(int(v[0]))}},
		Filter:   &Filter{Path: "/etc/nova/nftables.nft", Tables: t.Tables},
		Daemons: []Daemon{
			{Name: "radvd", Unit: radvdUnit, PIDFile: "/run/radvd.pid", Config: "/etc/radvd.conf", Default: true, Does: ReloadRadvd},
			{Name: "dnsmasq", Unit: dnsmasqUnit, PIDFile: "/run/nova-dnsmasq.pid", Config: "/etc/nova/dnsmasq.conf", Restart: true, Does: RestartDHCP},
		},
	}
	for i, name := range t.Links {
		w.Links = append(w.Links, Link{Name: name, Kind: Bridge, Addresses: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, v[0], byte(i), 1}), 24)}})
	}
	for _, f := range t.Files {
		if f.Path == w.Filter.Path {
			w.Filter.Text = f.Text
		}
	}
	return t, w
}

func applyVersion(m *Machine, v string) (*Result, error) {
	t, w := version(v)
	return m.Apply(context.Background(), t, w, Options{
		Protected: func(string) error { return nil },
		Revoked: func(before, after []byte) [][]string {
			if string(before) == string(after) {
				return nil
			}
			return [][]string{{"-D", "-s", "10.0.0.9"}}
		},
	})
}

// mustApply applies a version, in this process.
func mustApply(t *testing.T, v string) {
	t.Helper()
	r, err := applyVersion(testMachine(nil), v)
	if err != nil || len(r.Left) > 0 {
		t.Fatalf("applying %s: %v, left is %v", v, err, r)
	}
}

// killedAt applies a version in a process that is killed before a step, and tells whether it was.
func killedAt(t *testing.T, v, step string) bool {
	t.Helper()
	cmd := exec.Command(filepath.Join(standIns, "apply"), v, step)
	out, err := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return true
	}
	if err != nil {
		t.Fatalf("applying %s to step %s: %v: %s", v, step, err, out)
	}
	return false
}

// wantServed checks that files, kernel and daemons are those of a version, and that nothing is left to do or lying about.
func wantServed(t *testing.T, v string) {
	t.Helper()
	tree, w := version(v)
	texts := map[string]string{}
	for _, f := range tree.Files {
		texts[f.Path] = string(f.Text)
	}
	found, err := Check(t.Context(), tree, w)
	if err != nil || len(found) > 0 {
		t.Errorf("it differs from %s: %v, %v", v, found, err)
	}
	if left := temporaries(t); left != nil {
		t.Errorf("left behind: %v", left)
	}
	for name, want := range map[string]string{
		"radvd.conf": texts["/etc/radvd.conf"], "dnsmasq.conf": texts["/etc/nova/dnsmasq.conf"], "dnsmasq.hosts": texts["/etc/nova/dnsmasq.hosts"],
		"networkd": folderText("/etc/systemd/network"), "units": folderText("/etc/systemd/system"),
	} {
		if got := textOf(filepath.Join(wasRead, name)); got != want {
			t.Errorf("%s was last read as %q, and is %q", name, got, want)
		}
	}
	live, err := liveLinks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var bridges []string
	for name := range live {
		if name != "lo" {
			bridges = append(bridges, name)
		}
	}
	slices.Sort(bridges)
	if want := slices.Sorted(slices.Values(tree.Links)); !slices.Equal(bridges, want) {
		t.Errorf("links are %v, want %v", bridges, want)
	}
}

// temporaries are names of files on their way.
func temporaries(t *testing.T) (found []string) {
	t.Helper()
	for _, dir := range []string{"/etc", "/run"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if strings.HasPrefix(d.Name(), ".nova") {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// wantWhole checks that each file is one of either version, as a whole. "" is a machine without any.
func wantWhole(t *testing.T, step int, versions ...string) {
	t.Helper()
	may := map[string][]string{}
	have := map[string]int{}
	for _, v := range versions {
		if v == "" {
			continue
		}
		tree, _ := version(v)
		for _, f := range tree.Files {
			may[f.Path] = append(may[f.Path], string(f.Text))
			have[f.Path]++
		}
	}
	for path, texts := range may {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && have[path] < len(versions) {
			continue
		}
		if err != nil || !slices.Contains(texts, string(text)) {
			t.Errorf("killed before step %d: %s is %q, %v", step, path, text, err)
		}
	}
}

// forget makes the machine an empty one again.
func forget(t *testing.T) {
	t.Helper()
	err := errors.Join(end("/run/radvd.pid"), end("/run/nova-dnsmasq.pid"))
	for _, path := range []string{"/etc/nova", "/etc/systemd", "/etc/sysctl.d", "/etc/radvd.conf", runFolder, wasRead} {
		err = errors.Join(err, os.RemoveAll(path))
	}
	err = errors.Join(err, os.Mkdir(wasRead, 0o755))
	for _, line := range []string{"nft flush ruleset", "ip link delete br1", "ip link delete br-A", "ip link delete br-B"} {
		args := strings.Fields(line)
		_ = exec.Command(args[0], args[1:]...).Run()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Killed before whichever step, an apply leaves whole files, and the next one finishes it: what the first had still to tell
// to anybody is told, though the files show nothing of it any more.
func TestApply_killed(t *testing.T)      { testKilled(t, "A", 20) }
func TestApply_killedFirst(t *testing.T) { testKilled(t, "", 12) }

func testKilled(t *testing.T, before string, least int) {
	if !inMachine(t) {
		return
	}
	steps := 0
	for ; ; steps++ {
		if before == "" {
			forget(t)
		} else {
			mustApply(t, before)
			wantServed(t, before)
		}
		if err := os.WriteFile(calls, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if !killedAt(t, "B", strconv.Itoa(steps)) {
			break
		}
		wantWhole(t, steps, before, "B")
		mustApply(t, "B")
		wantServed(t, "B")
		if said := textOf(calls); before != "" && !strings.Contains(said, "conntrack -D -s 10.0.0.9\n") {
			t.Errorf("killed before step %d: flows are not cut off; called were\n%s", steps, said)
		} else if before != "" && !strings.Contains(said, "services disable --now nova-old.service\n") {
			t.Errorf("killed before step %d: the old unit is not stopped; called were\n%s", steps, said)
		}
		if t.Failed() {
			t.Fatalf("killed before step %d", steps)
		}
	}
	wantServed(t, "B")
	// Each file is a step, where its folder is there.
	if steps < least {
		t.Errorf("there were %d steps only, which is less than %d", steps, least)
	}
	t.Logf("killed before each of %d steps", steps)
}

// state is all that an apply changes.
func state(t *testing.T) map[string]string {
	t.Helper()
	s := map[string]string{}
	for _, dir := range []string{"/etc", wasRead} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				info, _ := d.Info()
				s[path] = fmt.Sprintf("%04o %s", info.Mode().Perm(), textOf(path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"nft list ruleset", "sysctl net.ipv4.ip_default_ttl"} {
		args := strings.Fields(line)
		out, err := exec.Command(args[0], args[1:]...).Output()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		s[line] = string(out)
	}
	live, err := liveLinks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s["links"] = strings.Join(slices.Sorted(maps.Keys(live)), " ")
	s["radvd"], s["dnsmasq"] = fmt.Sprint(runs("/run/radvd.pid") != nil), fmt.Sprint(runs("/run/nova-dnsmasq.pid") != nil)
	s["pending"] = textOf(pendingPath("/"))
	return s
}

func wantState(t *testing.T, before map[string]string) {
	t.Helper()
	after := state(t)
	for key := range maps.Keys(after) {
		if before[key] != after[key] {
			t.Errorf("%s is\n%s\nand was\n%s", key, after[key], before[key])
		}
	}
	for key := range before {
		if _, found := after[key]; !found {
			t.Errorf("%s is gone", key)
		}
	}
	if left := temporaries(t); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// What a parser refuses changes nothing, and what does not come up brings all of the old state back.
func TestApply_undone(t *testing.T) {
	if !inMachine(t) {
		return
	}
	for _, tt := range []struct{ version, refused, want string }{
		{"B:nft=broken", "", "nft refuses the new /etc/nova/nftables.nft: nft: /dev/stdin:11:7-7: Error: syntax error"},
		{"B:nft=circle", "", "nft refuses the new /etc/nova/nftables.nft: nft: /dev/stdin:"},
		{"B:radvd=broken", "", "radvd refuses the new /etc/radvd.conf: radvd: line 3: syntax error"},
		{"B:dnsmasq=broken", "", "dnsmasq refuses the new /etc/nova/dnsmasq.conf: dnsmasq: line 3: syntax error"},
		{"B", "daemon-reload", "systemd does not read its units again: /run/bin/services: Job for daemon-reload failed.; the old files are back, but cannot all be loaded"},
		{"B", "reload systemd-networkd.service", "the links cannot be made: /run/bin/services: Job for systemd-networkd.service failed.; the old files are back, but cannot all be loaded"},
		{"B", "enable nova-dnsmasq.service", "nova-dnsmasq.service cannot be enabled: /run/bin/services: Job for nova-dnsmasq.service failed.; the old files are back and loaded"},
		{"B", "start nova-nftables.service", "nova-nftables.service does not come up: /run/bin/services: Job for nova-nftables.service failed.; the old files are back and loaded"},
		{"B:radvd=unfit", "", "radvd does not come up: it is not running; the old files are back and loaded"},
		{"B:dnsmasq=unfit", "", "dnsmasq does not come up: it is not running; the old files are back and loaded"},
	} {
		for _, before := range []string{"A", ""} {
			t.Run(before+" "+tt.version+" "+tt.refused, func(t *testing.T) {
				forget(t)
				if before != "" {
					mustApply(t, before)
				}
				was := state(t)
				if err := os.WriteFile("/run/refused", []byte(tt.refused), 0o644); err != nil {
					t.Fatal(err)
				}
				defer os.Remove("/run/refused")
				_, err := applyVersion(testMachine(nil), tt.version)
				if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error is\n%v\nwant\n%s", err, tt.want)
				}
				switch {
				case strings.Contains(tt.want, "cannot all be loaded"):
					if !exists(pendingPath("/")) {
						t.Error("what could not be loaded is not left to the next apply")
					}
					if files := wantFiles(was); len(files) > 0 {
						t.Errorf("%v are not what they were", files)
					}
				case before == "" && !strings.Contains(tt.want, " refuses "):
					// A filter that was not there stays, and nobody asks networkd for what it has forgotten.
					was["nft list ruleset"] = state(t)["nft list ruleset"]
					for _, name := range []string{"networkd", "units", "radvd.conf", "dnsmasq.conf", "dnsmasq.hosts"} {
						if path := filepath.Join(wasRead, name); exists(path) {
							was[path] = state(t)[path]
						}
					}
					wantState(t, was)
				default:
					wantState(t, was)
				}
				os.Remove("/run/refused")
				mustApply(t, "B")
				wantServed(t, "B")
			})
		}
	}
}

// wantFiles are those below /etc that are not as in a state.
func wantFiles(was map[string]string) (differ []string) {
	for key, text := range was {
		if strings.HasPrefix(key, "/etc/") && !strings.HasSuffix(text, textOf(key)) {
			differ = append(differ, key)
		}
	}
	return differ
}

// What an apply that was killed has left to do is still to be done after another one that failed.
func TestApply_undoneAfterKill(t *testing.T) {
	if !inMachine(t) {
		return
	}
	for _, spoilt := range []string{"C:radvd=unfit", "C:radvd=broken"} {
		forget(t)
		mustApply(t, "A")
		if err := os.WriteFile(calls, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if !killedAt(t, "B", "units") {
			t.Fatal("it was not killed")
		}
		if _, err := applyVersion(testMachine(nil), spoilt); err == nil {
			t.Fatalf("%s is served", spoilt)
		}
		wantWhole(t, 0, "B")
		mustApply(t, "B")
		wantServed(t, "B")
		if said := textOf(calls); !strings.Contains(said, "conntrack -D -s 10.0.0.9\n") {
			t.Errorf("flows are not cut off; called were\n%s", said)
		}
	}
}
