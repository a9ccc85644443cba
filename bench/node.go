package main

import (
	"os"
	"os/exec"
	"strconv"
)

// nodeCases are about a whole network node: 4,094 bridges and 10,000 instances, which are 16,000 files.
var nodeCases = []benchCase{
	{
		name: "node: emit all into an empty folder, 4094 bridges and 10,000 instances", aim: "at most 1 s",
		sides: nodeFiles(4094, 10_000, func(w *world, ledger, tree string) []side {
			empty := func(command func(dir string) *exec.Cmd) func() (cost, error) {
				return func() (cost, error) {
					dir := w.path(".new")
					if err := os.Mkdir(dir, 0o700); err != nil {
						return cost{}, err
					}
					// The folder stays to the end: file systems are slow to give out again what has just been given back.
					return stopwatch(command(dir))
				}
			}
			return []side{
				{"nova-manage", empty(func(dir string) *exec.Cmd { return w.nova(ledger, emitAll(dir)...) })},
				{"cp -r of the same files", empty(func(dir string) *exec.Cmd { return exec.Command("cp", "-r", tree+"/.", dir) })},
			}
		}), rounds: 5,
	},
	{
		name: "node: emit all, nothing to change, 4094 bridges and 10,000 instances", aim: "at most 1 s",
		sides: nodeFiles(4094, 10_000, func(w *world, ledger, tree string) []side {
			return []side{{"nova-manage", func() (cost, error) { return stopwatch(w.nova(ledger, emitAll(tree)...)) }}, w.compare(tree)}
		}), rounds: 9,
	},
	{
		name: "node: host diff, 4094 bridges and 10,000 instances", aim: "at most 1 s",
		sides: nodeFiles(4094, 10_000, func(w *world, ledger, tree string) []side {
			return []side{
				{"nova-manage", func() (cost, error) {
					return stopwatch(w.nova(ledger, "host", "diff", "node1", "--root", tree, "--network_file", "eth0=10-eth0.network"))
				}},
				w.compare(tree),
			}
		}), rounds: 9,
	},
}

func emitAll(dir string) []string { return []string{"emit", "all", "--host", "node1", "--dir", dir} }

// compare is a side that compares a tree with its copy.
func (w *world) compare(tree string) side {
	return side{"diff -r of the tree and a copy", func() (cost, error) { return stopwatch(exec.Command("diff", "-r", tree, copyOf(tree))) }}
}

func copyOf(tree string) string { return tree + ".copy" }

// nodeFiles times what sides says of a node's ledger and the tree of its files.
func nodeFiles(bridges, instances int, sides func(w *world, ledger, tree string) []side) func(*world) ([]side, error) {
	return func(w *world) ([]side, error) {
		ledger, err := w.shared("network", "create", "10.0.0.0/8", strconv.Itoa(bridges), "256", "1", "1000", "fd00::/48", "--host", "node1")
		if err != nil {
			return nil, err
		}
		tree, known := w.made["tree of "+ledger]
		if !known {
			if _, err := w.ask(w.nova(ledger, "instance", "create", "web", "--project_id", "apollo", "--create_project", "--count", strconv.Itoa(instances), "-q")); err != nil {
				return nil, err
			}
			tree = w.path(".tree")
			if err := os.Mkdir(tree, 0o700); err != nil {
				return nil, err
			}
			if _, err := w.ask(w.nova(ledger, append(emitAll(tree), "-q")...)); err != nil {
				return nil, err
			}
			if _, err := w.ask(exec.Command("cp", "-r", tree, copyOf(tree))); err != nil {
				return nil, err
			}
			w.made["tree of "+ledger] = tree
		}
		return sides(w, ledger, tree), nil
	}
}
