package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"nova-manage/internal/novatest"
)

// refused is the script command `refused CODE MESSAGE COMMAND [ARGUMENT...]`: the command must exit with that code,
// print nothing on standard output and exactly that error on standard error, with one hint at most.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: refused CODE MESSAGE COMMAND [ARGUMENT...]")
	}
	message, command := args[1], args[2:]
	exits(ts, false, append(args[:1:1], command...))
	if stdout := ts.ReadFile("stdout"); stdout != "" {
		ts.Fatalf("%s prints %q", strings.Join(command, " "), stdout)
	}
	first, rest, _ := strings.Cut(ts.ReadFile("stderr"), "\n")
	if want := "nova-manage: error: " + message; first != want {
		ts.Fatalf("%s:\n got %s\nwant %s", strings.Join(command, " "), first, want)
	}
	if rest != "" && (!strings.HasPrefix(rest, "nova-manage: hint: ") || strings.Count(rest, "\n") != 1) {
		ts.Fatalf("%s: after its error there is %q", strings.Join(command, " "), rest)
	}
}

// runSQL is the script command `sql FILE STATEMENT...`, which runs statements on an SQLite database past nova-manage. A
// missing database is made.
func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: sql FILE STATEMENT...")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	for _, statement := range args[1:] {
		if _, err := db.Exec(statement); err != nil {
			ts.Fatalf("%s: %v", statement, err)
		}
	}
}

// makeNova is the script command `novadb RELEASE FILE`: the sample of a Nova database of that release, as a dump where the file's
// name ends in .sql, else as a SQLite file.
func makeNova(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || !slices.Contains(novatest.Releases, args[0]) {
		ts.Fatalf("usage: novadb RELEASE FILE")
	}
	d, file := novatest.Sample(args[0]), ts.MkAbs(args[1])
	if filepath.Ext(file) == ".sql" {
		ts.Check(os.WriteFile(file, []byte(d.Dump(novatest.Style{})), 0o600))
		return
	}
	ts.Check(d.WriteSQLite(file))
}

// held is the script command `held FILE CODE COMMAND [ARGUMENT...]`: exits, while somebody else is writing to a ledger.
func held(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: held FILE CODE COMMAND [ARGUMENT...]")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	writer, err := db.Conn(context.Background())
	ts.Check(err)
	defer writer.Close()
	_, err = writer.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	ts.Check(err)
	exits(ts, false, args[1:])
}

// truncateFile is the script command `truncate FILE BYTES`.
func truncateFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE BYTES")
	}
	var size int64
	_, err := fmt.Sscan(args[1], &size)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

// condition is the script conditions [root], and [8021q]: this kernel can make VLANs, or there is a module with which it could.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Getuid() == 0, nil
	case "8021q":
		_, err := os.Stat("/proc/net/vlan")
		return err == nil || exec.Command("modprobe", "-n", "8021q").Run() == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}
