package novadb

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// readSource reads a file of either kind.
func readSource(ctx context.Context, path string, progress func(string, int64, int64)) (*database, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, refused(WayDump, "%s is a folder", path)
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(file, head)
	head = head[:n]
	switch {
	case err != nil && err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, err
	case n == 0:
		return nil, refused(WayDump, "%s is empty", path)
	case bytes.HasPrefix(head, []byte("SQLite format 3\x00")):
		if !info.Mode().IsRegular() {
			return nil, refused(WayStore, "%s is a pipe with a SQLite database, which is not read from its beginning to its end", path)
		}
		return readSQLite(ctx, path, progress)
	case bytes.HasPrefix(head, []byte("PGDMP")), bytes.Contains(head, []byte("-- PostgreSQL database dump")):
		return nil, refused(WayDump, "%s is a dump of PostgreSQL", path)
	}
	for _, packed := range []struct{ magic, name string }{
		{"\x1f\x8b", "gzip"}, {"BZh", "bzip2"}, {"\xfd7zXZ\x00", "xz"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"PK\x03\x04", "zip"},
	} {
		if bytes.HasPrefix(head, []byte(packed.magic)) {
			return nil, refused(WayUnpack, "%s is compressed by %s", path, packed.name)
		}
	}
	switch start := bytes.TrimLeft(head, " \t\r\n\xef\xbb\xbf"); {
	case bytes.HasPrefix(start, []byte("<?xml")):
		return nil, refused(WayDump, "%s is XML, as mysqldump --xml writes it", path)
	case bytes.HasPrefix(start, []byte("PRAGMA ")):
		return nil, refused(WayFile, "%s is a dump of a SQLite database", path)
	}
	return readDump(ctx, path, io.MultiReader(bytes.NewReader(head), whileWanted{ctx, file}), info.Size(), progress)
}

// whileWanted reads until its context is done: a pipe may have no end.
type whileWanted struct {
	context.Context
	io.Reader
}

func (r whileWanted) Read(p []byte) (int, error) {
	if err := r.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func refused(way Way, format string, args ...any) error {
	return &SourceError{Reason: fmt.Sprintf(format, args...), Way: way}
}

// database is what was read of one database: the rows that are of interest, and how many others there are.
type database struct {
	name    string
	columns map[string][]string // of every table
	rows
	others  map[string]int64 // rows of tables that are left out, by table
	deleted map[string]int64 // soft-deleted rows, by table
	wrong   []Finding        // rows that are not even what their columns say
	endless bool             // it is of a dump that does not say where it ends
}

func newDatabase(name string) *database {
	return &database{name: name, columns: map[string][]string{}, others: map[string]int64{}, deleted: map[string]int64{}}
}

func (d *database) has(table string, columns ...string) bool {
	for _, c := range columns {
		if !slices.Contains(d.columns[table], c) {
			return false
		}
	}
	return d.columns[table] != nil
}

// nova tells whether it is a database of Nova's: other services of OpenStack have a table networks, too, and so has a ledger.
func (d *database) nova() bool {
	return d.has("networks", "id", "bridge", "cidr", "cidr_v6", "vpn_public_port", "deleted") &&
		d.has("fixed_ips", "id", "address", "network_id", "deleted") && d.has("instances", "id", "project_id", "deleted")
}

// other says what a database is that is not Nova's.
func (d *database) other() string {
	switch {
	case len(d.columns) == 0:
		return "holds no tables"
	case d.has("schema_version") && d.has("claims", "first", "last"):
		return "is a ledger of nova-manage, not a database of Nova"
	}
	var missing []string
	for _, table := range []string{"networks", "fixed_ips", "instances"} {
		if !d.has(table) {
			missing = append(missing, table)
		}
	}
	if len(missing) > 0 {
		return "is not a database of Nova: it has no table " + strings.Join(missing, ", ")
	}
	return "is not a database of Nova: its tables networks, fixed_ips and instances have other columns"
}
