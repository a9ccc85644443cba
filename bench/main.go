// Command bench times nova-manage beside the sqlite3 shell doing the same work, whole processes on one machine in one
// run, and prints both. What matters are the ratios: another machine has other times. What is timed, and against what, is
// in cases.go; the sqlite3 shell's side of it in shell.go.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

func main() {
	rounds := flag.Int("n", 15, "rounds: how often each side is timed")
	only := flag.String("run", "", "run only the cases whose name matches this regular expression")
	binary := flag.String("binary", "", "time this nova-manage, not the one that is built from the working folder")
	flag.Parse()
	if err := run(os.Stdout, slices.Concat(cases, nodeCases, novaCases, exchangeCases, apiCases), *rounds, *only, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, cases []benchCase, rounds int, only, binary string) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	if rounds < 1 {
		return fmt.Errorf("%d rounds: at least one is needed", rounds)
	}
	shell, err := exec.LookPath("sqlite3")
	if err != nil {
		return fmt.Errorf("the sqlite3 shell is not in PATH (Debian: package sqlite3)")
	}
	dir, err := os.MkdirTemp("", "nova-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if binary == "" {
		binary = filepath.Join(dir, "nova-manage")
		if err := build(binary); err != nil {
			return err
		}
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	w := &world{dir: dir, binary: binary, shell: shell, made: map[string]string{}}
	defer w.stop()
	version, err := w.ask(w.sqlite("--version"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d rounds (fewer of what takes seconds) after one that does not count, the sides taking turns at going first; sqlite3 %s; %s on %d CPUs; files in %s\n",
		rounds, strings.Fields(version)[0], runtime.Version(), runtime.NumCPU(), os.TempDir())
	for _, c := range cases {
		if !match.MatchString(c.name) {
			continue
		}
		sides, err := c.sides(w)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		n := rounds
		if c.rounds > 0 {
			n = min(n, c.rounds)
		}
		costs, err := race(sides, n)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		report(out, c, sides, costs)
	}
	return nil
}

// build makes the binary that is released: static, without the build's paths.
func build(path string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "nova-manage")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	return nil
}

// race times every side once per round, a different one first each time, so that what the machine does meanwhile
// happens to all of them.
func race(sides []side, rounds int) ([][]cost, error) {
	costs := make([][]cost, len(sides))
	for round := range rounds + 1 {
		for i := range sides {
			n := (i + round) % len(sides)
			took, err := sides[n].run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sides[n].name, err)
			}
			if round > 0 { // the first fills caches
				costs[n] = append(costs[n], took)
			}
		}
	}
	return costs, nil
}
