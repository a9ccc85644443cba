package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// sqlite is the sqlite3 shell, without the user's .sqliterc.
func (w *world) sqlite(args ...string) *exec.Cmd {
	cmd := exec.Command(w.shell, args...)
	cmd.Env = []string{"HOME=" + w.dir}
	return cmd
}

// script writes, as SQL text for the shell, what makes the ledger model anew: the pragmas of nova-manage, the schema, then
// every row, one INSERT each, in one transaction. Triggers and foreign keys are part of it only when checked.
func (w *world) script(model string, checked bool) (string, error) {
	schema, err := w.ask(w.sqlite(model, `
		SELECT sql || ';' FROM sqlite_schema
		WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' AND (type <> 'trigger' OR `+number(checked)+`) ORDER BY rowid`))
	if err != nil {
		return "", err
	}
	rows, err := w.rows(model)
	if err != nil {
		return "", err
	}
	return w.inOneTransaction(schema, rows, checked)
}

// addition writes, as SQL text for the shell, what the ledger model has more than base: the rows of all tables of which
// no row is missing or changed, one INSERT each, in one transaction. Triggers and foreign keys are in force only when
// checked.
func (w *world) addition(base, model string, checked bool) (string, error) {
	before, err := w.rows(base)
	if err != nil {
		return "", err
	}
	after, err := w.rows(model)
	if err != nil {
		return "", err
	}
	had, has := map[string]bool{}, map[string]bool{}
	for _, row := range before {
		had[row] = true
	}
	for _, row := range after {
		has[row] = true
	}
	changed := map[string]bool{}
	for _, row := range before {
		if !has[row] {
			changed[tableOf(row)] = true
		}
	}
	added := slices.DeleteFunc(after, func(row string) bool { return had[row] || changed[tableOf(row)] })
	if len(added) == 0 {
		return "", fmt.Errorf("ledger %s has no more rows than %s", model, base)
	}
	triggers := ""
	if !checked {
		if triggers, err = w.ask(w.sqlite(base, "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_schema WHERE type = 'trigger'")); err != nil {
			return "", err
		}
	}
	return w.inOneTransaction(triggers, added, checked)
}

// tableOf is the table that an INSERT statement of rows names.
func tableOf(row string) string {
	table, _, _ := strings.Cut(strings.TrimPrefix(row, "INSERT INTO "), " ")
	return table
}

// inOneTransaction writes a script of statements and then rows, with the pragmas of nova-manage.
func (w *world) inOneTransaction(statements string, rows []string, checked bool) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "PRAGMA journal_mode=WAL;\nPRAGMA synchronous=FULL;\nPRAGMA foreign_keys=%s;\n", number(checked))
	// The rows stand table by table, which need not be the order in which they refer to each other.
	b.WriteString("BEGIN IMMEDIATE;\nPRAGMA defer_foreign_keys=1;\n")
	b.WriteString(statements)
	for _, row := range rows {
		b.WriteString(row + "\n")
	}
	b.WriteString("COMMIT;\n")
	path := w.path(".sql")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

func number(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// rows are a ledger's rows as INSERT statements.
func (w *world) rows(ledger string) ([]string, error) {
	dump, err := w.ask(w.sqlite(ledger, ".dump --data-only --nosys"))
	if err != nil {
		return nil, err
	}
	rows := slices.DeleteFunc(strings.Split(dump, "\n"), func(line string) bool { return !strings.HasPrefix(line, "INSERT INTO ") })
	if len(rows) == 0 {
		return nil, fmt.Errorf("ledger %s holds no row", ledger)
	}
	return rows, nil
}

// insert is the shell running a script on a new file.
func (w *world) insert(script string) func(ledger string) (*exec.Cmd, error) {
	return func(ledger string) (*exec.Cmd, error) {
		text, err := os.Open(script)
		if err != nil {
			return nil, err
		}
		cmd := w.sqlite("-bail", ledger)
		cmd.Stdin = text
		return cmd, nil
	}
}

// sameRows fails unless a script makes a ledger with the rows of model: otherwise the comparison would prove nothing.
func (w *world) sameRows(model, script string) error {
	copied := w.path(".sqlite")
	cmd, err := w.insert(script)(copied)
	if err != nil {
		return err
	}
	if _, err := stopwatch(cmd); err != nil {
		return fmt.Errorf("sqlite3 < %s: %w", script, err)
	}
	want, err := w.rows(model)
	if err != nil {
		return err
	}
	got, err := w.rows(copied)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the shell made other rows than nova-manage: %d of them, not %d", len(got), len(want))
	}
	return nil
}
