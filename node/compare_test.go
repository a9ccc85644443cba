//go:build linux

package node

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"nova-manage/internal/configfile"
)

// rendered is a text as a generator makes it.
func rendered(body string) []byte { return []byte(configfile.Header + body) }

// treeOf is a finished tree of one file.
func treeOf(path, body string) *Tree {
	t := &Tree{Files: []File{{Path: path, Mode: 0o644, Text: rendered(body), Does: ReloadRadvd}},
		Owned: []Owned{{Pattern: "/etc/*.conf", Does: ReloadRadvd}, {Pattern: ManifestPath}}}
	t.Finish()
	return t
}

func put(t *testing.T, root, path string, text []byte) string {
	t.Helper()
	path = filepath.Join(root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStamp(t *testing.T) {
	text := Stamp(rendered("a\nb\n"))
	if lines := strings.Split(string(text), "\n"); len(lines) != 5 || lines[0]+"\n" != configfile.Header || !strings.HasPrefix(lines[1], stampMark) {
		t.Errorf("stamped text is %q", text)
	}
	if got := originOf(text); got != ours {
		t.Errorf("a stamped text is %d", got)
	}
	if got := unstamped(text); !bytes.Equal(got, rendered("a\nb\n")) {
		t.Errorf("without its checksum it is %q", got)
	}
	for i := range text {
		changed := slices.Clone(text)
		changed[i] ^= 1
		if got := originOf(changed); got == ours {
			t.Errorf("a text whose byte %d is another one passes for ours", i)
		}
	}
	for name, other := range map[string][]byte{"a line more": append(slices.Clone(text), "c\n"...), "cut": text[:len(text)-1], "nothing but the mark": text[:len(configfile.Header)+len(stampMark)]} {
		if got := originOf(other); got != edited {
			t.Errorf("%s: %d", name, got)
		}
	}
	if originOf(rendered("a\n")) != unmarked || originOf([]byte("a\n")) != foreign || originOf(nil) != foreign {
		t.Error("what has no checksum, or no first line of ours, passes for more")
	}
}

func TestTree_Compare(t *testing.T) {
	const path = "/etc/radvd.conf"
	tree := treeOf(path, "interface\n")
	text := tree.Files[0].Text
	for _, tt := range []struct {
		name string
		have []byte
		mode fs.FileMode
		want State
	}{
		{"nothing", nil, 0, Missing},
		{"the same", text, 0o644, Same},
		{"another mode", text, 0o600, Differs},
		{"an older one of ours", Stamp(rendered("old\n")), 0o644, Differs},
		{"edited", append(slices.Clone(text), "more\n"...), 0o644, Edited},
		{"an older one, edited", append(Stamp(rendered("old\n")), "more\n"...), 0o644, Edited},
		{"somebody else's", []byte("interface\n"), 0o644, Foreign},
		{"empty", []byte{}, 0o644, Foreign},
		{"emit's, the same", rendered("interface\n"), 0o644, Differs},
		{"emit's, another", rendered("old\n"), 0o644, Unmarked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			if tt.have != nil {
				if err := os.Chmod(put(t, root, path, tt.have), tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			put(t, root, ManifestPath, tree.Files[1].Text)
			changes, err := tree.Compare(root)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == Same {
				if len(changes) != 0 {
					t.Errorf("it differs: %s", changes[0].Why())
				}
				return
			}
			if len(changes) != 1 || changes[0].Path != path || changes[0].State != tt.want || changes[0].Does != ReloadRadvd {
				t.Fatalf("changes are %+v", changes)
			}
			if conflict := slices.Contains([]State{Edited, Foreign, Unmarked}, tt.want); changes[0].State.Conflict() != conflict {
				t.Errorf("conflict is %t", !conflict)
			}
			if changes[0].Why() == "" {
				t.Error("it does not say why")
			}
			// What it makes of that is what is wanted, and what it restores is what was.
			if err := Replace(changes, nil); err != nil {
				t.Fatal(err)
			}
			if again, err := tree.Compare(root); err != nil || len(again) != 0 {
				t.Errorf("after it: %v, %v", again, err)
			}
			if err := Restore(changes); err != nil {
				t.Fatal(err)
			}
			back, err := os.ReadFile(filepath.Join(root, path))
			if tt.have == nil && !errors.Is(err, fs.ErrNotExist) || tt.have != nil && !bytes.Equal(back, tt.have) {
				t.Errorf("restored is %q, %v", back, err)
			}
		})
	}
}

// Files of ours that nothing needs are found by their text and not by their name alone, and nobody else's is.
func TestTree_Compare_stale(t *testing.T) {
	root := t.TempDir()
	tree := treeOf("/etc/radvd.conf", "interface\n")
	for _, f := range tree.Files {
		put(t, root, f.Path, f.Text)
	}
	put(t, root, "/etc/old.conf", Stamp(rendered("old\n")))
	put(t, root, "/etc/edited.conf", append(Stamp(rendered("old\n")), 'x'))
	put(t, root, "/etc/other.conf", []byte("theirs\n"))
	put(t, root, "/etc/old.txt", Stamp(rendered("old\n")))
	if err := errors.Join(os.Symlink("old.conf", filepath.Join(root, "/etc/link.conf")), syscall.Mkfifo(filepath.Join(root, "/etc/fifo.conf"), 0o600)); err != nil {
		t.Fatal(err)
	}
	changes, err := tree.Compare(root)
	if err != nil || len(changes) != 2 || changes[0].Path != "/etc/edited.conf" || changes[0].State != Edited ||
		changes[1].Path != "/etc/old.conf" || changes[1].State != Stale {
		t.Fatalf("%+v, %v", changes, err)
	}
	if err := Replace(changes[1:], nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(root, "/etc/old.conf")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// What stands in the place of a file and is none is told of, and not waited for.
func TestTree_Compare_noFile(t *testing.T) {
	for name, place := range map[string]func(path string) error{
		"is a folder":                           func(path string) error { return os.MkdirAll(path, 0o755) },
		"is not a regular file":                 func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"is a symbolic link that leads nowhere": func(path string) error { return os.Symlink("nowhere", path) },
	} {
		root := t.TempDir()
		path := filepath.Join(root, "/etc/radvd.conf")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), place(path)); err != nil {
			t.Fatal(err)
		}
		if _, err := treeOf("/etc/radvd.conf", "a\n").Compare(root); err == nil || err.Error() != path+" "+name {
			t.Errorf("error is %v, want %s %s", err, path, name)
		}
	}
}

// A link is somebody's wish that the file it leads to be written.
func TestReplace_link(t *testing.T) {
	root := t.TempDir()
	real := put(t, root, "/srv/radvd.conf", Stamp(rendered("old\n")))
	link := filepath.Join(root, "/etc/radvd.conf")
	if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(real, link)); err != nil {
		t.Fatal(err)
	}
	tree := treeOf("/etc/radvd.conf", "new\n")
	changes, err := tree.Compare(root)
	if err = errors.Join(err, Replace(changes, nil)); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(real); err != nil || !bytes.Equal(text, tree.Files[0].Text) {
		t.Errorf("%q, %v", text, err)
	}
	if to, err := os.Readlink(link); err != nil || to != real {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

// Where one file cannot be written none is replaced, and nothing is left beside it.
func TestReplace_none(t *testing.T) {
	root := t.TempDir()
	tree := &Tree{}
	for _, name := range []string{"/etc/a.conf", "/etc/no/b.conf"} {
		tree.Files = append(tree.Files, File{Path: name, Mode: 0o644, Text: Stamp(rendered("new\n"))})
	}
	old := Stamp(rendered("old\n"))
	put(t, root, "/etc/a.conf", old)
	changes, err := tree.Compare(root)
	if err != nil {
		t.Fatal(err)
	}
	put(t, root, "/etc/no", []byte("in the way"))
	if err := Replace(changes, nil); err == nil || !strings.HasPrefix(err.Error(), "cannot write "+filepath.Join(root, "/etc/no/b.conf")+": ") {
		t.Errorf("error is %v", err)
	}
	if text, _ := os.ReadFile(filepath.Join(root, "/etc/a.conf")); !bytes.Equal(text, old) {
		t.Errorf("a.conf is %q", text)
	}
	entries, err := os.ReadDir(filepath.Join(root, "/etc"))
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

// What a killed apply has left beside its targets goes with the next, and nothing else.
func TestTree_sweep(t *testing.T) {
	root := t.TempDir()
	left := put(t, root, "/etc/"+temporary+"123", nil)
	kept := []string{put(t, root, "/etc/"+otherTemporary+"123", nil), put(t, root, "/srv/"+temporary+"123", nil)}
	treeOf("/etc/radvd.conf", "a\n").sweep(root)
	if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	for _, path := range kept {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestAction(t *testing.T) {
	for a := range Action(1 << numberActions) {
		if got := parseActions(a.String()); got != a {
			t.Fatalf("%d is written as %s, which is read as %d", a, a, got)
		}
	}
	if got := parseActions("nothing,radvd,,-"); got != ReloadRadvd {
		t.Errorf("read is %s", got)
	}
}

func TestGoneLinks(t *testing.T) {
	tree := &Tree{Links: []string{"br1", "br2", "vlan2"}}
	tree.Finish()
	if got := goneLinks(tree.Files[0].Text, []string{"br2"}); !slices.Equal(got, []string{"br1", "vlan2"}) {
		t.Errorf("gone are %v", got)
	}
	if got := goneLinks([]byte("link a b\nlink ../x\nlink \nfile x\n"), nil); got != nil {
		t.Errorf("what can be no link is %v", got)
	}
}

func TestMatchesName(t *testing.T) {
	for text, want := range map[string]bool{
		"[Match]\nName=eth0\n":                               true,
		"[Match]\nName = eth1 eth0\n\n[Network]\nDHCP=yes":   true,
		"# x\n[Match]\n; Name=eth1\nName=eth*\n":             true,
		"[Match]\nName=eth1\n":                               false,
		"[Network]\nName=eth0\n":                             false,
		"[Match]\nType=ether\n":                              false,
		"[Match]\nName=eth0\nMACAddress=02:00:00:00:00:01\n": false,
		"": false,
	} {
		if got := matchesName([]byte(text), "eth0"); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestNetworkFile(t *testing.T) {
	root := t.TempDir()
	put(t, root, "/usr/lib/systemd/network/80-all.network", []byte("[Match]\nName=*\n"))
	put(t, root, "/run/systemd/network/10-netplan-eth0.network", []byte("[Match]\nName=eth0\n"))
	put(t, root, "/etc/systemd/network/60-nova-eth0.network", []byte("[Match]\nName=eth0\n"))
	for link, want := range map[string]string{"eth0": "10-netplan-eth0.network", "eth1": "80-all.network"} {
		if got, err := NetworkFile(t.Context(), root, link); err != nil || got != want {
			t.Errorf("%s: %s, %v", link, got, err)
		}
	}
	// A file of that name in /etc hides the other.
	put(t, root, "/etc/systemd/network/80-all.network", []byte("[Match]\nName=wlan0\n"))
	if _, err := NetworkFile(t.Context(), root, "eth1"); !errors.Is(err, ErrNoNetworkFile) {
		t.Errorf("error is %v", err)
	}
}

// How a listing is told apart decides what a check says.
func TestFilterLines(t *testing.T) {
	const listing = `table inet nova {
	map to4 {
		type ipv4_addr : verdict
		elements = { 10.0.0.3 : goto gs_1, 10.0.0.4 : goto gs_1,
			     10.0.0.5 : goto gs_2 }
	}

	chain gs_1 {
		jump sg1
		counter drop
	}
}
table bridge nova {
	chain from_guests {
		type filter hook prerouting priority -300; policy accept;
	}
}
`
	lines := filterLines([]byte(listing))
	for _, want := range []filterLine{
		{"inet nova", "table inet nova", "map to4"}, {"inet nova", "inet nova map to4", "type ipv4_addr : verdict"},
		{"inet nova", "inet nova map to4", "10.0.0.5 : goto gs_2"}, {"inet nova", "inet nova chain gs_1", "counter drop"},
		{"bridge nova", "bridge nova chain from_guests", "type filter hook prerouting priority -300; policy accept;"},
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%v is not among %v", want, lines)
		}
	}
	without := filterLines([]byte(strings.Replace(listing, "10.0.0.4 : goto gs_1,", "", 1)))
	if got := difference(lines, without); len(got) != 1 || got[0].text != "10.0.0.4 : goto gs_1" {
		t.Errorf("the difference is %v", got)
	}
	if got := difference(without, lines); got != nil {
		t.Errorf("the difference the other way round is %v", got)
	}
}
