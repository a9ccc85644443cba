package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"nova-manage/commands"
	"nova-manage/internal/cli"
	"nova-manage/internal/configtest"
	"nova-manage/internal/pgtest"
	"nova-manage/internal/race"
)

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		"nova-manage": func() { os.Exit(commands.Main(os.Args, testSystem())) },
		"peer":        func() { os.Exit(peer()) },
	})
}

// tests are the tests of this package, and what must be gone before the process ends.
type tests struct{ *testing.M }

func (t tests) Run() int {
	defer pgtest.Stop()
	return t.M.Run()
}

// raceOptions keep a program under the race detector from sleeping a second before it exits, in case another goroutine
// still has a race to report (go.dev/doc/articles/race_detector).
const raceOptions = "GORACE=atexit_sleep_ms=0"

// testSystem is the real world but for what would make a script depend on the machine it runs on: no flagfile of the
// machine is read (TEST_FLAGFILE names one that is read in its place), no IPv6 route of it (TEST_IPV6_ROUTES names a table),
// and TEST_CLOCK stops the clock.
func testSystem() *cli.Sys {
	sys := commands.System()
	sys.DefaultFlagfile = os.Getenv("TEST_FLAGFILE")
	sys.IPv6Routes = func() (io.ReadCloser, error) { return os.Open(os.Getenv("TEST_IPV6_ROUTES")) }
	if stopped := os.Getenv("TEST_CLOCK"); stopped != "" {
		sys.Now = func() time.Time {
			t, err := time.Parse(time.RFC3339, stopped)
			if err != nil {
				panic(err)
			}
			return t
		}
	}
	return sys
}

// TestScripts runs every script below testscripts, each folder as a subtest. Scripts have a home and a state path of
// their own, an empty environment besides, and the clock stands still.
func TestScripts(t *testing.T) {
	folders := map[string][]string{}
	err := filepath.WalkDir("testscripts", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".txtar" {
			folders[filepath.Dir(path)] = append(folders[filepath.Dir(path)], path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, files := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			if folder == filepath.Join("testscripts", "node") {
				race.SkipDaemons(t)
				needNode(t)
			}
			cmds := maps.Clone(nodeCommands)
			maps.Copy(cmds, machineCommands)
			cmds["exits"] = exits
			cmds["refused"] = refused
			cmds["sql"] = runSQL
			cmds["novadb"] = makeNova
			cmds["held"] = held
			cmds["truncate"] = truncateFile
			testscript.Run(t, testscript.Params{
				Files:              files,
				RequireUniqueNames: true,
				Setup: func(env *testscript.Env) error {
					home := filepath.Join(env.WorkDir, "home")
					env.Setenv("HOME", home)
					env.Setenv("NOVA_STATE_PATH", filepath.Join(env.WorkDir, "state"))
					env.Setenv("TEST_CLOCK", "2011-02-03T04:05:06Z")
					// What most scripts are about is not where a project comes from; project_life.txtar is.
					env.Setenv("NOVA_CREATE_PROJECT", "1")
					env.Vars = append(env.Vars, raceOptions)
					return os.MkdirAll(home, 0o700)
				},
				Cmds:      cmds,
				Condition: condition,
			})
		})
	}
}

// exits is the script command `exits CODE COMMAND [ARGUMENT...]`: the command's exit code must be that one. Its output
// can be matched as that of exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s exits with %d, not %d", strings.Join(args[1:], " "), got, want)
	}
}

// needNode skips where no network node can be played, unless NOVA_MANAGE_REQUIRE_NODE=1 says that it must be possible.
func needNode(t *testing.T) {
	t.Helper()
	reason := nodeMissing()
	if reason == "" {
		return
	}
	if os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
		t.Fatalf("NOVA_MANAGE_REQUIRE_NODE=1, but %s", reason)
	}
	t.Skip(reason)
}

func nodeMissing() string {
	if os.Getuid() != 0 {
		return "network namespaces need root"
	}
	missing := slices.DeleteFunc([]string{"ip", "sysctl", "unshare", "nsenter", "nft", "conntrack", "radvd", "dnsmasq", configtest.NetworkdProgram,
		"ping", "busybox", "udhcpc", "dhclient", "tcpdump"}, func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	})
	if len(missing) > 0 {
		return "not installed: " + strings.Join(missing, ", ")
	}
	if out, err := exec.Command("unshare", "--net", "true").CombinedOutput(); err != nil {
		return fmt.Sprintf("no network namespace can be made: %v: %s", err, out)
	}
	return ""
}
