package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// novaCases are the import of a Nova database: so many networks with a row for each of 256 addresses, ten of which are held.
var novaCases = []benchCase{{
	name: "db import_nova, 1000 networks of 256 addresses, 10,000 instances", aim: "a few seconds",
	sides: importing(1000, 10),
}}

// importing times the import from a SQLite file and from a dump, beside the shell, which prints every row of the file and,
// from SQL text, inserts the rows of the ledger that comes of it.
func importing(networks, held int) func(*world) ([]side, error) {
	return func(w *world) ([]side, error) {
		dump, source := w.path(".sql"), w.path(".sqlite")
		tables := novaTables(networks, held)
		if err := os.WriteFile(dump, []byte(tables.dump()), 0o600); err != nil {
			return nil, err
		}
		load := w.sqlite(source)
		load.Stdin = strings.NewReader(tables.script())
		if _, err := w.ask(load); err != nil {
			return nil, err
		}
		model, err := w.ledger("db", "import_nova", source, "-q")
		if err != nil {
			return nil, err
		}
		rows, err := w.script(model, false)
		if err != nil {
			return nil, err
		}
		from := func(file string) func() (cost, error) {
			return w.onNewFile(func(ledger string) (*exec.Cmd, error) { return w.nova(ledger, "db", "import_nova", file), nil })
		}
		return []side{
			{"nova-manage, SQLite", from(source)},
			{"nova-manage, dump", from(dump)},
			{"sqlite3, printing the rows", func() (cost, error) {
				return stopwatch(w.sqlite(source, "SELECT * FROM networks; SELECT * FROM fixed_ips; SELECT * FROM instances"))
			}},
			{"sqlite3, inserting the ledger's rows", w.onNewFile(w.insert(rows))},
		}, nil
	}
}

// novaTable is a table of Nova's 2011.1 with its rows as SQL.
type novaTable struct {
	name, columns string
	rows          []string
}

type novaSource []*novaTable

func novaTables(networks, held int) novaSource {
	const common = "created_at,updated_at,deleted_at,deleted,id,"
	n := &novaTable{name: "networks", columns: common + "cidr,netmask,bridge,gateway,broadcast,vlan,vpn_public_port,project_id,cidr_v6"}
	f := &novaTable{name: "fixed_ips", columns: common + "address,network_id,instance_id,allocated,leased,reserved"}
	i := &novaTable{name: "instances", columns: common + "project_id,hostname,mac_address"}
	add := func(t *novaTable, format string, values ...any) {
		t.rows = append(t.rows, fmt.Sprintf("('2011-03-04 05:06:07',NULL,NULL,0,%d,"+format+")", append([]any{len(t.rows) + 1}, values...)...))
	}
	for k := range networks {
		third := fmt.Sprintf("10.%d.%d", k/256, k%256)
		add(n, "'%s.0/24','255.255.255.0','br%d','%s.1','%s.255',%d,%d,'p%d','fd00:0:0:%x::/64'", third, k+1, third, third, k+1, k+1000, k, k)
		for a := range 256 {
			instance, has := "NULL", 0
			if a > 2 && a < 3+held {
				add(i, "'p%d','vm%d','02:16:3e:%02x:%02x:%02x'", k, a, k>>8, k&255, a)
				instance, has = fmt.Sprint(len(i.rows)), 1
			}
			kept := 0
			if a < 3 || a == 255 {
				kept = 1
			}
			add(f, "'%s.%d',%d,%s,%d,%d,%d", third, a, k+1, instance, has, has, kept)
		}
	}
	return novaSource{f, i, n}
}

// script makes the tables in SQLite.
func (s novaSource) script() string {
	var b strings.Builder
	b.WriteString("BEGIN;\n")
	for _, t := range s {
		fmt.Fprintf(&b, "CREATE TABLE %s (%s);\n", t.name, t.columns)
		for _, r := range t.rows {
			fmt.Fprintf(&b, "INSERT INTO %s VALUES %s;\n", t.name, r)
		}
	}
	b.WriteString("COMMIT;\n")
	return b.String()
}

// dump is the tables as mysqldump writes them, with as many rows in a statement as fit into a megabyte.
func (s novaSource) dump() string {
	var b strings.Builder
	b.WriteString("-- MySQL dump 10.13\n")
	for _, t := range s {
		fmt.Fprintf(&b, "CREATE TABLE `%s` (\n  `%s` text\n);\n", t.name, strings.ReplaceAll(t.columns, ",", "` text,\n  `"))
		size := 0
		for k, r := range t.rows {
			switch size += len(r); {
			case k == 0:
				fmt.Fprintf(&b, "INSERT INTO `%s` VALUES ", t.name)
			case size > 1<<20:
				fmt.Fprintf(&b, ";\nINSERT INTO `%s` VALUES ", t.name)
				size = len(r)
			default:
				b.WriteByte(',')
			}
			b.WriteString(r)
		}
		b.WriteString(";\n")
	}
	b.WriteString("-- Dump completed on 2011-03-04 05:06:07\n")
	return b.String()
}
