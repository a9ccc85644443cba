// Command pictures draws what the README shows, by what nova-manage itself prints: docs/map.svg is a map of a small cloud,
// docs/first-minute.svg a terminal on which the first minute is typed. `make pictures` writes both; the test of this
// package fails where they are not what they would be now.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run("docs"); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func run(docs string) error {
	for name, draw := range pictures {
		picture, err := atDesk(draw)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(docs, name), picture, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pictures are drawn one by one, each with a ledger of its own.
var pictures = map[string]func(*desk) ([]byte, error){
	"map.svg":          drawMap,
	"first-minute.svg": drawFirstMinute,
}

// desk is where somebody sits who has just installed nova-manage.
type desk struct {
	dir string
}

func atDesk(draw func(*desk) ([]byte, error)) ([]byte, error) {
	dir, err := os.MkdirTemp("", "nova-pictures")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "nova-manage"), "nova-manage")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w: %s", err, out)
	}
	return draw(&desk{dir})
}

// enter runs a command line of a shell and returns what both its streams print. One that fails has to be expected.
func (d *desk) enter(line string, fails bool) ([]byte, error) {
	cmd := exec.Command("sh", "-c", line)
	// Nothing of the machine is to be seen: no flagfile, no name, no address.
	cmd.Env = []string{"PATH=" + d.dir + ":" + os.Getenv("PATH"), "HOME=" + d.dir, "NOVA_STATE_PATH=" + d.dir,
		"NOVA_FLAGFILE=" + os.DevNull, "NOVA_MY_IP=192.0.2.1", "NOVA_ACTOR=you@node1", "LC_ALL=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	if (err != nil) != fails {
		return nil, fmt.Errorf("%s: %v: %s", line, err, out)
	}
	return out, nil
}

// cloud is what the map is of: networks that are full, half full, empty and reserved, and room between them.
const cloud = `
network create 10.0.0.0/22 4 256 100 1000 fd00:1::/48 --project_id apollo --host node1 --label apollo
network create 10.0.4.0/24 8 32 110 1100 fd00:2::/48 --project_id gemini --host node1 --label gemini
network create 10.0.8.0/22 1 1024 120 1200 fd00:3::/48 --project_id skylab --host node2 --label skylab
network create 10.0.14.0/25 1 128 130 1300 --project_id mercury --label mercury
instance create web --project_id apollo --count 120
instance create db --project_id skylab --count 200
instance create ground --project_id mercury --count 40
fixed reserve 10.0.1.64-10.0.1.127 10.0.9.0/25
`

func drawMap(d *desk) ([]byte, error) {
	lines := "nova-manage batch -q <<'END'" + cloud + "END"
	if _, err := d.enter(lines, false); err != nil {
		return nil, err
	}
	return d.enter("nova-manage map 10.0.0.0/20 --svg -", false)
}

// firstMinute is what somebody types who has just read the README's first lines; what begins with `!` is refused.
var firstMinute = []string{
	"nova-manage network create 10.0.1.0/24 3 32 100 1000 fd00:1::/48",
	"nova-manage network modify 1 --project_id apollo --host node1 -q",
	"nova-manage instance create web --project_id apollo --mac 02:16:3e:33:44:55 -c id -c fixed_ip -c fixed_ip_v6",
	"!nova-manage network delete 1",
	"nova-manage emit radvd --host node1 | tail -n +3",
	"nova-manage whois fd00:1::16:3eff:fe33:4455 -c instance -c mac_address -c host",
}

func drawFirstMinute(d *desk) ([]byte, error) {
	var all []scene
	for _, line := range firstMinute {
		command, fails := strings.CutPrefix(line, "!")
		out, err := d.enter(command, fails)
		if err != nil {
			return nil, err
		}
		s := scene{command: command}
		for printed := range bytes.Lines(out) {
			s.output = append(s.output, strings.TrimRight(strings.ReplaceAll(string(printed), "\t", "    "), " \n"))
		}
		all = append(all, s)
	}
	return cast(all), nil
}
