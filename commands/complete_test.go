package commands

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/race"
)

// offered is what a shell is answered, without what each word is about.
func (f *fake) offered(t *testing.T, asked ...string) (kind string, words []string) {
	t.Helper()
	if code := f.do(append([]string{"__complete", "zsh", "nova-manage"}, asked...)...); code != exitOK || f.stderr.Len() > 0 {
		t.Errorf("%q: exit %d, %s", asked, code, f.stderr.String())
	}
	kind, rest, _ := strings.Cut(f.stdout.String(), "\n")
	for line := range strings.Lines(rest) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		words = append(words, word)
	}
	return kind, words
}

// ledgerToComplete makes a ledger with something of every kind in it.
func ledgerToComplete(t *testing.T, f *fake) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "nova.sqlite")
	f.environment["NOVA_SQL_CONNECTION"] = path
	for _, line := range []string{
		"project create gem",
		"network create 10.0.1.0/24 1 32 100 1000 fd00:1::/48 --label web --project_id gem --host node1",
		"instance create www --project_id gem --host blade1",
		"secgroup create gem/front",
		"floating create node7 192.0.2.0/28 --pool blue",
		"floating associate www",
	} {
		if code := f.do(append(strings.Fields(line), "-q")...); code != exitOK {
			t.Fatal(line, f.stderr.String())
		}
	}
	return path
}

// Whatever is called by the name of something that the ledger or the disk has completes it.
func TestCompletion_everywhere(t *testing.T) {
	race.SkipAlone(t)
	f := newFake(t)
	ledgerToComplete(t, f)
	wants := map[string]string{"NETWORK": "web", "PROJECT": "gem", "INSTANCE": "www", "HOST": "node1", "POOL": "blue", "FILE": "files", "DIR": "folders",
		"GROUP": "front", "NUMBER": "1"}
	seen := map[string]int{}
	commands := runnable(newProgram(f.sys, catalogue()).Commands, "")
	globals, own := metadata(t, newProgram(f.sys, catalogue()))
	for path := range commands {
		for _, flag := range append(own[path], globals...) {
			typed, _, _ := strings.Cut(flag.(interface{ String() string }).String(), "\t")
			_, value, _ := strings.Cut(typed, " --")
			if value == "" {
				value = strings.TrimPrefix(typed, "--")
			}
			_, value, _ = strings.Cut(value, " ")
			want, known := wants[value]
			if !known || value == "NUMBER" {
				continue
			}
			seen[value]++
			line := strings.Fields(path)
			if value == "GROUP" && strings.HasPrefix(path, "secgroup") {
				line = append(line, "gem/default")
			} else if value == "GROUP" && path == "instance modify" {
				line = append(line, "www")
			} else if value == "GROUP" {
				line = append(line, "--project_id", "gem")
			}
			kind, words := f.offered(t, append(line, "--"+flag.Names()[0], "")...)
			if kind != want && !slices.Contains(words, want) {
				t.Errorf("%s --%s %s: %s %q", path, flag.Names()[0], value, kind, words)
			}
		}
		for usage := range strings.SplitSeq(usageOf(f, path), "\n") {
			fields := strings.Fields(usage)
			fields = fields[1+len(strings.Fields(path)):]
			if len(fields) == 0 {
				continue
			}
			first := strings.Trim(fields[0], "[].")
			want, known := wants[first]
			if !known || slices.Contains([]string{"floating create"}, path) {
				continue
			}
			if first == "GROUP" {
				want = "gem/front"
			}
			seen[first]++
			if kind, words := f.offered(t, append(strings.Fields(path), "")...); kind != want && !slices.Contains(words, want) {
				t.Errorf("%s %s: %s %q", path, first, kind, words)
			}
		}
	}
	for name := range wants {
		if seen[name] == 0 {
			t.Errorf("nothing takes %s any more", name)
		}
	}
}

// usageOf is how a command is typed.
func usageOf(f *fake, path string) string {
	return explained(newProgram(f.sys, catalogue()))[path].usage
}

func TestCompletion_ledger(t *testing.T) {
	race.SkipAlone(t)
	f := newFake(t)
	path := ledgerToComplete(t, f)
	for line, want := range map[string]string{
		"network show |":                    "web|10.0.1.0/27|fd00:1::/64|1",
		"net sh |":                          "web|10.0.1.0/27|fd00:1::/64|1",
		"network show |10.":                 "10.0.1.0/27",
		"network delete web |f":             "fd00:1::/64",
		"network delete |--all_of_project=": "--all_of_project=gem",
		"network list --host |":             "node1|node7",
		"network create 10/8 1 32 |--network_manager=Flat": "--network_manager=FlatManager|--network_manager=FlatDHCPManager",
		"network list -f |":                             "table|json|yaml|csv|value|shell",
		"network list -c |cidr":                         "cidr|cidr_v6",
		"usage |":                                       "networks|ranges|vlans|vpn|floating|projects",
		"project quota gem |net":                        "networks",
		"secgroup authorize gem/front |":                "tcp|udp|icmp",
		"secgroup authorize |":                          "gem/default|gem/front",
		"secgroup authorize --project_id gem |":         "default|front",
		"secgroup authorize gem/front --source_group |": "default|front",
		"instance modify www --security_group |":        "default|front",
		"instance modify nobody --security_group |":     "",
		"instance create x --security_group |":          "",
		"instance show |02:":                            "", // the MAC is drawn by lot
		"instance list --host |":                        "blade1|node1|node7",
		"floating create |":                             "node1|node7",
		"floating disassociate |":                       "192.0.2.1",
		"floating delete |":                             "192.0.2.0/28",
		"whois |":                                       "gem|10.0.1.0/27|fd00:1::/64|192.0.2.0/28",
		"history show |":                                "6|5|4|3|2|1",
		"vpn change |":                                  "gem",
		"completion |":                                  "bash|zsh|fish",
		"man |net":                                      "network",
		"--sql_connection /nonexistent network show |":  "",
		"--sql_connection= network show |":              "",
		"--flagfile /nonexistent network show |":        "",
		"--lock_timeout nonsense network show |":        "",
		"--as_of nonsense network show |w":              "web",
	} {
		before, word, _ := strings.Cut(line, "|")
		_, words := f.offered(t, append(strings.Fields(before), word)...)
		if strings.Contains(line, "02:") {
			if len(words) != 1 {
				t.Errorf("%s: %q", line, words)
			}
			continue
		}
		if got := strings.Join(words, "|"); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
	// The ledger is the one that a command would take.
	f.environment["NOVA_SQL_CONNECTION"] = ""
	dir := t.TempDir()
	for _, from := range [][]string{{"--sql_connection", path}, {"--sql-connection=sqlite:///" + path}, {"--state_path=" + filepath.Dir(path)},
		{"--flagfile", writeFile(t, dir, "gflags", "--state_path="+filepath.Dir(path)+"\n--sql_connection=sqlite:///$state_path/nova.sqlite\n")}} {
		if _, words := f.offered(t, append(from, "network", "show", "w")...); !slices.Equal(words, []string{"web"}) {
			t.Errorf("%q: %q", from, words)
		}
	}
}

// The word by which scripts ask is in no list.
func TestCompletion_hidden(t *testing.T) {
	f := newFake(t)
	for _, args := range [][]string{{"help"}, {"completion", "--help"}, {"man"}} {
		if code := f.do(args...); code != exitOK || strings.Contains(f.stdout.String(), "__complete") {
			t.Errorf("%q: exit %d\n%s", args, code, f.stdout.String())
		}
	}
	if _, words := f.offered(t, ""); len(words) != len(catalogue())+1 {
		t.Errorf("%d commands are offered: %q", len(words), words)
	}
}
