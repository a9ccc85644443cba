package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/novatest"
	"nova-manage/internal/race"
)

// cloud is a Nova database of so many networks of 16 addresses, of which each has five guests.
func cloud(networks int) *novatest.Database {
	d := novatest.New("2011.1")
	for n := range networks {
		third := fmt.Sprintf("10.%d.%d.", n/256, n%256)
		id := d.Add("networks", novatest.Row{"cidr": third + "0/28", "bridge": fmt.Sprintf("br%d", n+1), "vlan": n + 1, "vpn_public_port": n + 1000,
			"project_id": fmt.Sprintf("p%d", n), "cidr_v6": fmt.Sprintf("fd00:0:0:%x::/64", n)})
		for i := range 16 {
			f := novatest.Row{"address": fmt.Sprintf("%s%d", third, i), "network_id": id, "reserved": i < 3 || i == 10}
			if i > 3 && i < 9 {
				f["allocated"] = true
				f["instance_id"] = d.Add("instances", novatest.Row{"project_id": fmt.Sprintf("p%d", n), "hostname": fmt.Sprintf("vm%d", i),
					"mac_address": fmt.Sprintf("02:16:3e:00:%02x:%02x", n, i)})
			}
			d.Add("fixed_ips", f)
		}
	}
	return d
}

// TestFaults_killImport kills imports at random moments. What is there afterwards is all of it or nothing, and in order, and
// where it is nothing the next import brings it.
func TestFaults_killImport(t *testing.T) {
	race.SkipProcesses(t)
	const networks = 200
	source := filepath.Join(t.TempDir(), "nova.sqlite")
	cloud(networks).SQLite(t, source)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rounds := 12
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			started := time.Now()
			newLedger(t, engine).must(t, "db", "import_nova", source)
			whole := time.Since(started)
			killed, empty := 0, 0
			for n := range rounds {
				l := newLedger(t, engine)
				if n%2 == 0 {
					l.must(t, "db", "sync")
				}
				a, err := killAfter(t, l, time.Duration(random.Int64N(int64(whole)*5/4)), "db", "import_nova", source)
				if err != nil {
					t.Fatal(err)
				}
				if a.signal == syscall.SIGKILL {
					killed++
				}
				switch has := l.run(t, "network", "list", "-f", "value", "-c", "id"); {
				case has.code == 3, has.code == 0 && has.stdout == "": // no ledger yet, or an empty one
					if a.code == 0 && a.signal == 0 {
						t.Fatal("it was acknowledged, and nothing is there")
					}
					empty++
					l.must(t, "db", "import_nova", source)
				case has.code != 0:
					t.Fatalf("exit %d\n%s", has.code, has.stderr)
				}
				l.clean(t)
				if got := len(l.networks(t)); got != networks {
					t.Errorf("%d networks of %d", got, networks)
				}
				if a := l.run(t, "db", "import_nova", source); a.code != 4 {
					t.Errorf("again: exit %d\n%s", a.code, a.stderr)
				}
			}
			t.Logf("%d killed, %d of them before it was done", killed, empty)
		})
	}
}
