package main

import (
	"fmt"
	"os"
	"os/exec"
)

// exchangeCases are a ledger as a document, there and back, and as a file.
var exchangeCases = []benchCase{
	{
		name: "scale: db export of 1,000,000 networks, and of 10,000", aim: "at most 64 MiB; at most 2× db check",
		sides: exporting, rounds: 3,
	},
	{
		name: "scale: db import of 1,000,000 networks, and of 10,000", aim: "at most 96 MiB; at most 2× the shell",
		sides: readingDocuments, rounds: 3,
	},
	{
		name: "scale: db backup and db restore of 1,000,000 networks", aim: "backup as the shell and a check, restore at most 2× backup",
		sides: savingFiles, rounds: 3,
	},
}

const many, few = 1_000_000, 10_000

// exporting times a ledger as a document, beside the check that comes first, and the shell dumping it as SQL.
func exporting(w *world) (sides []side, err error) {
	for _, networks := range []int{many, few} {
		ledger, err := w.shared(flat(networks, 16)...)
		if err != nil {
			return nil, err
		}
		named := func(what string) string { return fmt.Sprintf("%s, %d networks", what, networks) }
		sides = append(sides,
			side{named("nova-manage"), func() (cost, error) { return stopwatch(w.nova(ledger, "db", "export")) }},
			side{named("nova-manage db check"), func() (cost, error) { return stopwatch(w.nova(ledger, "db", "check")) }},
			side{named("sqlite3 .dump"), func() (cost, error) { return stopwatch(w.sqlite(ledger, ".dump")) }})
	}
	return sides, nil
}

// readingDocuments times a ledger made of a document, beside the shell making one of a dump.
func readingDocuments(w *world) (sides []side, err error) {
	for _, networks := range []int{many, few} {
		ledger, err := w.shared(flat(networks, 16)...)
		if err != nil {
			return nil, err
		}
		document, dump := w.path(".json"), w.path(".sql")
		if _, err := w.ask(w.nova(ledger, "db", "export", "-o", document)); err != nil {
			return nil, err
		}
		if err := toFile(w.sqlite(ledger, ".dump"), dump); err != nil {
			return nil, err
		}
		named := func(what string) string { return fmt.Sprintf("%s, %d networks", what, networks) }
		sides = append(sides,
			side{named("nova-manage"), w.onNewFile(func(to string) (*exec.Cmd, error) { return w.nova(to, "db", "import", document), nil })},
			side{named("sqlite3, from the dump"), w.onNewFile(w.insert(dump))})
	}
	return sides, nil
}

// savingFiles times a ledger as a file, beside the shell copying it so.
func savingFiles(w *world) ([]side, error) {
	ledger, err := w.shared(flat(many, 16)...)
	if err != nil {
		return nil, err
	}
	backup, ours, theirs := w.path(".backup"), w.path(".ours"), w.path(".theirs")
	if err := copyFile(ledger, backup); err != nil {
		return nil, err
	}
	return []side{
		{"nova-manage db backup", func() (cost, error) { return stopwatch(w.nova(ledger, "db", "backup", ours, "--force")) }},
		{"nova-manage db check", func() (cost, error) { return stopwatch(w.nova(ledger, "db", "check")) }},
		{"sqlite3 .backup", func() (cost, error) { return stopwatch(w.sqlite(ledger, ".backup "+theirs)) }},
		{"nova-manage db restore", w.onCopy(backup, func(to string) (*exec.Cmd, error) { return w.nova(to, "db", "restore", backup), nil })},
	}, nil
}

// toFile runs a command whose output becomes a file.
func toFile(cmd *exec.Cmd, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	cmd.Stdout = f
	if err := cmd.Run(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
