package novadb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nova-manage/internal/novatest"
)

// A file that is no Nova database is refused with what it is, and what there is to do about it.
func TestRead_refused(t *testing.T) {
	whole := novatest.Sample("2012.2").Dump(novatest.Style{})
	bare := novatest.Sample("2012.2").Dump(novatest.Style{Bare: true})
	silent := novatest.Sample("2012.2").Dump(novatest.Style{Silent: true})
	two := novatest.Sample("2012.2").Dump(novatest.Style{Database: "a"}) + novatest.Sample("2012.2").Dump(novatest.Style{Database: "b"})
	for name, tt := range map[string]struct {
		content, want string
		way           Way
	}{
		"empty":                         {"", "is empty", WayDump},
		"gzip":                          {"\x1f\x8b\x08rest", "is compressed by gzip", WayUnpack},
		"text":                          {"Dear operator,\n", "is no dump that mysqldump wrote", WayDump},
		"ini":                           {"[DEFAULT]\nverbose = true\n", "is no dump that mysqldump wrote: line 1", WayDump},
		"xml":                           {"<?xml version=\"1.0\"?>\n<mysqldump>", "is XML", WayDump},
		"binary":                        {"\x7fELF\x02\x01\x01\x00\x00\x00\x00", "is no dump that mysqldump wrote", WayDump},
		"dump of SQLite":                {"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "is a dump of a SQLite database", WayFile},
		"no tables":                     {"-- MySQL dump 10.13\n-- Dump completed\n", "has no table", WayDump},
		"cut off in a string":           {whole[:strings.Index(whole, "Server web")], "is cut off", WayWhole},
		"cut off between":               {whole[:strings.Index(whole, "\n--\n-- Table structure for table `quotas`")], "is cut off", WayWhole},
		"cut off, no comments":          {bare[:strings.Index(bare, "10.0.0.9")], "is cut off", WayWhole},
		"cut off, no comments, between": {silent[:strings.Index(silent, "DROP TABLE IF EXISTS `quotas`")], "is cut off: the settings", WayWhole},
		"without a footer":              {whole[:strings.LastIndex(whole, "-- Dump completed")], "is cut off: its last line is not", WayWhole},
		"two databases":                 {two, "holds more than one database of Nova: a, b", WayOne},
		"no columns":                    {novatest.Sample("2012.2").Dump(novatest.Style{NoCreate: true}), "source does not say what the columns of table fixed_ips are", WayColumns},
		"another service":               {"CREATE TABLE `networks` (`id` varchar(36), `tenant_id` varchar(36));\n", "is not a database of Nova: it has no table fixed_ips, instances", WayNone},
		"another's, qualified":          {"CREATE TABLE `neutron`.`networks` (`id` varchar(36));\n", "is not a database of Nova: it has no table fixed_ips, instances", WayNone},
		"many others":                   {"USE a;\nCREATE TABLE x (id int);\nUSE b;\nCREATE TABLE x (id int);\n", "holds no database of Nova", WayNone},
		"pg_dump":                       {"--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n", "is a dump of PostgreSQL", WayDump},
		"pg_dump -Fc":                   {"PGDMP\x01\x0e", "is a dump of PostgreSQL", WayDump},
		"too few values":                {"CREATE TABLE `networks` (`id` int, `deleted` int);\nINSERT INTO `networks` VALUES (1);\n", "has not the 2 values of its columns", WayDump},
		"a header of SQLite":            {"SQLite format 3\x00 and nothing of it", "is damaged", WayNone},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "source")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read(t.Context(), path, Names{}, nil)
			var source *SourceError
			if !errors.As(err, &source) || !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), tt.want) || source.Way != tt.way {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// A pipe may give a dump, as of a packed one, and cannot give a SQLite database.
func TestRead_pipe(t *testing.T) {
	sqlite := filepath.Join(t.TempDir(), "nova.sqlite")
	novatest.Sample("2011.1").SQLite(t, sqlite)
	content, err := os.ReadFile(sqlite)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"dump": []byte(novatest.Sample("2011.1").Dump(novatest.Style{})), "SQLite": content} {
		path := filepath.Join(t.TempDir(), "pipe")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		written := make(chan struct{})
		go func() {
			defer close(written)
			_ = os.WriteFile(path, content, 0o600) // whoever refuses it does not read on
		}()
		site, err := Read(t.Context(), path, Names{}, nil)
		<-written
		var source *SourceError
		switch {
		case name == "dump" && (err != nil || len(site.Networks) != 3):
			t.Errorf("%v", err)
		case name == "SQLite" && (!errors.As(err, &source) || source.Way != WayStore):
			t.Errorf("%v", err)
		}
	}
}

// A database beside others in one dump is found: the one whose network tables have something in them.
func TestRead_manyDatabases(t *testing.T) {
	cell0 := novatest.New("2014.2").Dump(novatest.Style{Database: "nova_cell0"})
	nova := novatest.Sample("2014.2").Dump(novatest.Style{Database: "nova"})
	neutron := "CREATE DATABASE `neutron`;\nUSE `neutron`;\nCREATE TABLE `networks` (`id` varchar(36));\nINSERT INTO `networks` VALUES ('x');\n"
	procedure := "DELIMITER ;;\nCREATE PROCEDURE p() BEGIN INSERT INTO fixed_ips VALUES (1); DROP TABLE 'x END ;;\nDELIMITER ;\n" +
		"/*!50003 CREATE*/ /*!50003 TRIGGER t AFTER INSERT ON networks FOR EACH ROW INSERT INTO x VALUES ('*/'); */;\n"
	path := filepath.Join(t.TempDir(), "all.sql")
	procedure = strings.Replace(procedure, "('*/')", "('x')", 1)
	if err := os.WriteFile(path, []byte("\xef\xbb\xbf"+cell0+neutron+nova+procedure), 0o600); err != nil {
		t.Fatal(err)
	}
	if site := read(t, path); len(site.Networks) != 3 || len(site.Ports) != 3 {
		t.Errorf("%+v", site)
	}
}

// A table may have its database before it, as `mysqldump --system=all` writes it of accounts, and hand-made dumps of all.
func TestRead_qualified(t *testing.T) {
	dump := novatest.Sample("2014.2").Dump(novatest.Style{})
	for _, table := range novatest.New("2014.2").Tables() {
		dump = strings.ReplaceAll(dump, "CREATE TABLE `"+table+"`", "CREATE TABLE `nova`.`"+table+"`")
		dump = strings.ReplaceAll(dump, "INSERT INTO `"+table+"`", "INSERT INTO nova."+table)
	}
	dump = "GRANT USAGE ON *.* TO `mariadb.sys`@`localhost`;\nUSE `mysql`;\nCREATE TABLE `networks` (`id` int);\n" + dump +
		"INSERT INTO `networks` VALUES (.5);\nREPLACE INTO mysql.innodb_index_stats VALUES ('nova','t;',1);\n"
	path := filepath.Join(t.TempDir(), "nova.sql")
	if err := os.WriteFile(path, []byte(dump), 0o600); err != nil {
		t.Fatal(err)
	}
	if site := read(t, path); len(site.Networks) != 3 || len(site.Ports) != 3 || len(site.Findings) != 0 {
		t.Errorf("%+v", site)
	}
}

// The SQLite file and its folder stay as they are, also where they cannot be written, and what is in a journal beside the file is
// not passed over.
func TestRead_leavesTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "no?va#1.sqlite")
	plain := filepath.Join(dir, "plain.sqlite")
	novatest.Sample("2011.1").SQLite(t, plain)
	if err := os.Rename(plain, path); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read(t, path)
	after, err := os.ReadFile(path)
	entries, _ := os.ReadDir(dir)
	if err != nil || string(before) != string(after) || len(entries) != 1 {
		t.Errorf("%v, %d files", err, len(entries))
	}
	if err := os.WriteFile(path+"-wal", []byte("changes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), path, Names{}, nil); err == nil || !strings.Contains(err.Error(), "has changes in no?va#1.sqlite-wal") {
		t.Error(err)
	}
}

// Whoever interrupts does not wait for the end of the file.
func TestRead_interrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"nova.sqlite", "nova.sql"} {
		path := filepath.Join(t.TempDir(), name)
		if d := novatest.Sample("2011.1"); name == "nova.sql" {
			d.WriteDump(t, path, novatest.Style{})
		} else {
			d.SQLite(t, path)
		}
		if _, err := Read(ctx, path, Names{}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Literals are read as MySQL means them.
func TestDump_literals(t *testing.T) {
	for text, want := range map[string]string{
		`'it\'s'`: "it's", `'it''s'`: "it's", `'\\'`: `\`, `'\n\r\t\b\0\Z'`: "\n\r\t\b\x00\x1a", `'\%\_'`: "%_", `'a;b -- c /* d */ # e'`: "a;b -- c /* d */ # e",
		`''`: "", `''''`: "'", `"x""y"`: `x"y`, `0x414243`: "ABC", `x'4142'`: "AB", `X'4a'`: "J", `b'1000001'`: "A", `0b1000001`: "A", `_binary 'z'`: "z",
		`_utf8mb4'z'`: "z", `_binary 0x41`: "A", `12`: "12", `-7`: "-7", `NULL`: "", `1.50`: "1.50", `1e-3`: "1e-3", `TRUE`: "1", `/* c */ 5`: "5", `'é'`: "é", "'a\nb'": "a\nb",
	} {
		l := newLexer(strings.NewReader(text + " ,"))
		token, err := l.next(true)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if v, err := token.value(); err != nil || v.text() != want {
			t.Errorf("%s: %q, %v", text, v.text(), err)
		}
		if rest, err := l.next(true); err != nil || !rest.is(",") {
			t.Errorf("%s: %q stands behind it, %v", text, rest.text, err)
		}
	}
}
