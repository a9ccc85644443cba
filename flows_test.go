package main

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// flows is the script command `flows FILE`: each line of the file tells who asks whom, and who that says has asked. All of them
// ask at once, with the program peer, or ping.
//
//	# from    protocol  to            seen as
//	outside   tcp       10.0.1.2:80   192.0.2.1
//	outside   udp       10.0.1.2:80   -          nobody answers
//	outside   ping      10.0.1.2      yes        or -
//
// "from" is a variable with the name of a namespace.
func flows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flows FILE")
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var wrong []string
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) != 4 || ts.Getenv(fields[0]) == "" {
			ts.Fatalf("%s: %s", args[0], line)
		}
		command := []string{"netns", "exec", ts.Getenv(fields[0]), "peer", "dial", fields[1], fields[2]}
		if fields[1] == "ping" {
			command = []string{"netns", "exec", ts.Getenv(fields[0]), "ping", "-n", "-q", "-c", "1", "-W", "2", fields[2]}
		}
		all.Go(func() {
			cmd := exec.Command("ip", command...)
			cmd.Env = append(cmd.Environ(), raceOptions, "PATH="+ts.Getenv("PATH"))
			out, err := cmd.Output()
			is := strings.TrimSpace(string(out))
			switch {
			case err != nil:
				is = "-"
			case fields[1] == "ping":
				is = "yes"
			}
			if is != fields[3] {
				mu.Lock()
				defer mu.Unlock()
				wrong = append(wrong, fmt.Sprintf("%s: is %s", strings.Join(fields, " "), is))
			}
		})
	}
	all.Wait()
	if wrong != nil {
		ts.Fatalf("%s:\n%s", args[0], strings.Join(wrong, "\n"))
	}
}
