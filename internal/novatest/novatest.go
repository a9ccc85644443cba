// Package novatest makes databases of OpenStack Nova for tests, of four releases, as SQLite files and as the dumps that mysqldump
// writes. What is in them is the test's; the columns are those of the release.
package novatest

import (
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver
)

// Releases are those that there are databases of.
var Releases = []string{"2011.1", "2011.3", "2012.2", "2014.2"}

// every table begins with these.
const common = "created_at:datetime updated_at:datetime deleted_at:datetime deleted:bool id:int "

// schemas are the columns of each release's tables, as name:type; a type that is not said is varchar.
var schemas = map[string]map[string]string{
	"2011.1": {
		"networks": "injected:bool cidr netmask bridge gateway broadcast dns vlan:int vpn_public_address vpn_public_port:int " +
			"vpn_private_address dhcp_start project_id host cidr_v6 ra_server",
		"fixed_ips":                           "address network_id:int instance_id:int allocated:bool leased:bool reserved:bool",
		"floating_ips":                        "address fixed_ip_id:int project_id host",
		"instances":                           "internal_id:int project_id hostname host mac_address display_name state:int",
		"security_groups":                     "name description user_id project_id",
		"security_group_rules":                "parent_group_id:int protocol from_port:int to_port:int cidr group_id:int",
		"security_group_instance_association": "security_group_id:int instance_id:int",
		"quotas":                              "project_id instances:int cores:int volumes:int gigabytes:int floating_ips:int",
		"projects":                            "name description project_manager",
		"users":                               "name",
		"volumes":                             "ec2_id size:int",
	},
	"2011.3": {
		"networks": "injected:bool cidr netmask bridge gateway broadcast dns1 vlan:int vpn_public_address vpn_public_port:int " +
			"vpn_private_address dhcp_start project_id host cidr_v6 label gateway_v6 netmask_v6 dns2 multi_host:bool bridge_interface priority:int uuid",
		"fixed_ips":                           "address network_id:int instance_id:int allocated:bool leased:bool reserved:bool virtual_interface_id:int host",
		"floating_ips":                        "address fixed_ip_id:int project_id host auto_assigned:bool",
		"instances":                           "project_id hostname host display_name uuid vm_state",
		"virtual_interfaces":                  "address network_id:int instance_id:int uuid",
		"security_groups":                     "name description user_id project_id",
		"security_group_rules":                "parent_group_id:int protocol from_port:int to_port:int cidr group_id:int",
		"security_group_instance_association": "security_group_id:int instance_id:int",
		"quotas":                              "project_id resource hard_limit:int",
		"projects":                            "name description project_manager",
		"users":                               "name",
		"volumes":                             "ec2_id size:int",
	},
}

func init() {
	folsom := map[string]string{}
	for table, columns := range schemas["2011.3"] {
		if table != "virtual_interfaces" && table != "fixed_ips" && table != "security_group_instance_association" {
			folsom[table] = columns
			continue
		}
		folsom[table] = strings.Replace(columns, "instance_id:int", "instance_uuid", 1)
	}
	delete(folsom, "projects")
	delete(folsom, "users")
	folsom["floating_ips"] += " pool interface"
	schemas["2012.2"] = folsom
	juno := map[string]string{}
	for table, columns := range folsom {
		juno[table] = columns
	}
	juno["networks"] += " mtu:int dhcp_server enable_dhcp:bool share_address:bool"
	schemas["2014.2"] = juno
}

// Row is a row by column. What is not said is null, but for id, which counts from 1, and deleted, which is false.
type Row map[string]any

// Database is what a test puts into a database.
type Database struct {
	Release string
	tables  map[string][]Row
	extra   map[string]string // tables beyond those of the schema
}

// New is an empty database of a release.
func New(release string) *Database {
	if schemas[release] == nil {
		panic("no release " + release)
	}
	return &Database{release, map[string][]Row{}, map[string]string{"migrate_version": "repository_id repository_path version:int"}}
}

// Add adds rows to a table and returns the id of the last.
func (d *Database) Add(table string, rows ...Row) any {
	var id any
	for _, r := range rows {
		if r["id"] == nil {
			r["id"] = len(d.tables[table]) + 1
		}
		if id = r["id"]; r["deleted"] == nil {
			r["deleted"] = false
		}
		r["created_at"] = "2011-03-04 05:06:07"
		d.tables[table] = append(d.tables[table], r)
	}
	return id
}

// Delete marks a row as Nova did: with true, and from 2013.1 on with its id.
func (d *Database) Delete(table string, id any) {
	for _, r := range d.tables[table] {
		if r["id"] == id {
			if r["deleted"] = true; d.Release == "2014.2" {
				r["deleted"] = id
			}
			r["deleted_at"] = "2011-04-05 06:07:08"
		}
	}
}

// AddressesOf adds the rows of fixed_ips of a network of that prefix, as `network create` made them: one for each of size
// addresses from base on, a dotted quad with %d in the place of its last byte, reserved those that keep says.
func (d *Database) AddressesOf(network any, base string, size int, keep func(i int) bool) {
	for i := range size {
		d.Add("fixed_ips", Row{"address": fmt.Sprintf(base, i), "network_id": network, "reserved": keep(i), "allocated": false, "leased": false})
	}
}

// Fixed returns the row of an address, to be changed.
func (d *Database) Fixed(address string) Row {
	for _, r := range d.tables["fixed_ips"] {
		if r["address"] == address {
			return r
		}
	}
	panic("no row of " + address)
}

// Find returns the row of a table with an id, to be changed.
func (d *Database) Find(table string, id any) Row {
	for _, r := range d.tables[table] {
		if r["id"] == id {
			return r
		}
	}
	panic(fmt.Sprintf("%s has no row %v", table, id))
}

// SetMAC changes the MAC of an instance of Sample's, wherever the release keeps it.
func (d *Database) SetMAC(instance int, mac any) {
	d.Find("instances", instance)["mac_address"] = mac
	column, value := d.instance(instance)
	for _, v := range d.tables["virtual_interfaces"] {
		if v[column] == value {
			v["address"] = mac
		}
	}
}

type column struct{ name, kind string }

func (d *Database) schema(table string) (columns []column) {
	text, ok := schemas[d.Release][table]
	if ok {
		text = common + text
		if table == "projects" {
			text = strings.Replace(text, "id:int", "id", 1)
		}
	} else {
		text = d.extra[table]
	}
	for _, c := range strings.Fields(text) {
		name, kind, _ := strings.Cut(c, ":")
		columns = append(columns, column{name, kind})
	}
	return columns
}

// Tables are the names of the tables.
func (d *Database) Tables() (names []string) {
	for table := range schemas[d.Release] {
		names = append(names, table)
	}
	for table := range d.extra {
		names = append(names, table)
	}
	slices.Sort(names)
	return names
}

// Rows is how many rows a table has.
func (d *Database) Rows(table string) int { return len(d.tables[table]) }

// SQLite writes the database as a SQLite file.
func (d *Database) SQLite(t testing.TB, path string) {
	t.Helper()
	if err := d.WriteSQLite(path); err != nil {
		t.Fatal(err)
	}
}

// WriteSQLite writes the database as a SQLite file.
func (d *Database) WriteSQLite(path string) (err error) {
	conn, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, table := range d.Tables() {
		columns := d.schema(table)
		var ddl, marks []string
		for _, c := range columns {
			kind := map[string]string{"": "VARCHAR(255)", "int": "INTEGER", "bool": "BOOLEAN", "datetime": "DATETIME"}[c.kind]
			if c.name == "deleted" && d.Release == "2014.2" {
				kind = "INTEGER"
			}
			ddl = append(ddl, c.name+" "+kind)
			marks = append(marks, "?")
		}
		if _, err := tx.Exec("CREATE TABLE " + table + " (" + strings.Join(ddl, ", ") + ")"); err != nil {
			return err
		}
		insert, err := tx.Prepare("INSERT INTO " + table + " VALUES (" + strings.Join(marks, ", ") + ")")
		if err != nil {
			return err
		}
		for _, r := range d.tables[table] {
			values := make([]any, len(columns))
			for i, c := range columns {
				values[i] = r[c.name]
			}
			if _, err := insert.Exec(values...); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// Style is how mysqldump was called.
type Style struct {
	ANSI     bool // --compatible=ansi: names in double quotes, without the settings of MySQL
	Complete bool // --complete-insert: with the names of columns
	Single   bool // --skip-extended-insert: a statement for each row
	Silent   bool // --skip-comments
	Bare     bool // --compact
	Bits     bool // booleans are BIT(1)
	HexBlob  bool // --hex-blob, which is what BIT is then written as
	MariaDB  bool // a row on each line, and the sandbox comment in front
	NoCreate bool // --no-create-info
	Database string
}

func (s Style) comments() bool { return !s.Silent && !s.Bare }

func (s Style) heading(text string) string {
	if !s.comments() {
		return ""
	}
	return "\n--\n-- " + text + "\n--\n\n"
}

// Dump is the database as mysqldump writes it.
func (d *Database) Dump(style Style) string {
	var b strings.Builder
	quote := func(name string) string {
		if style.ANSI {
			return `"` + name + `"`
		}
		return "`" + name + "`"
	}
	if style.MariaDB {
		b.WriteString("/*M!999999\\- enable the sandbox mode */ \n")
	}
	if style.comments() {
		fmt.Fprintf(&b, "-- MySQL dump 10.13  Distrib 5.1.73, for debian-linux-gnu (x86_64)\n--\n-- Host: localhost    Database: nova\n"+
			"-- ------------------------------------------------------\n-- Server version\t5.1.73-1\n")
	}
	if !style.ANSI && !style.Bare {
		b.WriteString("\n/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40101 SET NAMES utf8 */;\n")
	}
	if !style.Bare {
		b.WriteString("/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;\n/*!40103 SET TIME_ZONE='+00:00' */;\n" +
			"/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;\n" +
			"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n" +
			"/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;\n")
	}
	if style.Database != "" {
		fmt.Fprintf(&b, "\n--\n-- Current Database: %s\n--\n\nCREATE DATABASE /*!32312 IF NOT EXISTS*/ %[1]s /*!40100 DEFAULT CHARACTER SET utf8 */;\n\nUSE %[1]s;\n",
			quote(style.Database))
	}
	for _, table := range d.Tables() {
		columns := d.schema(table)
		if !style.NoCreate {
			d.dumpCreate(&b, table, columns, style, quote)
		}
		if !style.Bare {
			fmt.Fprintf(&b, style.heading("Dumping data for table %[1]s")+"LOCK TABLES %[1]s WRITE;\n/*!40000 ALTER TABLE %[1]s DISABLE KEYS */;\n", quote(table))
		}
		d.dumpRows(&b, table, columns, style, quote)
		if !style.Bare {
			fmt.Fprintf(&b, "/*!40000 ALTER TABLE %s ENABLE KEYS */;\nUNLOCK TABLES;\n", quote(table))
		}
	}
	if !style.Bare {
		b.WriteString("/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n\n/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n" +
			"/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;\n")
		if !style.ANSI {
			b.WriteString("/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;\n")
		}
		b.WriteString("/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;\n")
	}
	if style.comments() {
		b.WriteString("\n-- Dump completed on 2014-11-26  0:49:05\n")
	}
	return b.String()
}

func (d *Database) dumpCreate(b *strings.Builder, table string, columns []column, style Style, quote func(string) string) {
	if !style.Bare {
		fmt.Fprintf(b, style.heading("Table structure for table %[1]s")+"DROP TABLE IF EXISTS %[1]s;\n", quote(table))
	}
	b.WriteString("/*!40101 SET @saved_cs_client     = @@character_set_client */;\n")
	fmt.Fprintf(b, "CREATE TABLE %s (\n", quote(table))
	for _, c := range columns {
		kind := map[string]string{"": "varchar(255) DEFAULT NULL", "int": "int(11) DEFAULT NULL", "bool": "tinyint(1) DEFAULT NULL",
			"datetime": "datetime DEFAULT NULL"}[c.kind]
		if c.kind == "bool" && style.Bits {
			kind = "bit(1) DEFAULT b'0'"
		}
		if c.name == "deleted" && d.Release == "2014.2" {
			kind = "int(11) DEFAULT NULL"
		}
		fmt.Fprintf(b, "  %s %s,\n", quote(c.name), kind)
	}
	key := columns[len(columns)-1].name // migrate_version has no id
	if schemas[d.Release][table] != "" {
		key = "id"
	}
	fmt.Fprintf(b, "  PRIMARY KEY (%s),\n  KEY %s (%[1]s),\n  CONSTRAINT %s FOREIGN KEY (%[1]s) REFERENCES %s (%s)\n)", quote(key),
		quote("ix_"+table), quote("fk_"+table), quote("other"), quote("id"))
	if !style.ANSI {
		b.WriteString(" ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8 COMMENT='it''s; (Nova)'")
	}
	b.WriteString(";\n/*!40101 SET character_set_client = @saved_cs_client */;\n")
}

func (d *Database) dumpRows(b *strings.Builder, table string, columns []column, style Style, quote func(string) string) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quote(c.name)
	}
	into := "INSERT INTO " + quote(table)
	if style.Complete {
		into += " (" + strings.Join(names, ", ") + ")"
	}
	rows := d.tables[table]
	for k, r := range rows {
		separator := ","
		if style.MariaDB {
			separator = ",\n"
		}
		switch {
		case k == 0 || style.Single:
			b.WriteString(into + " VALUES ")
			if style.MariaDB && !style.Single {
				b.WriteByte('\n')
			}
		default:
			b.WriteString(separator)
		}
		b.WriteByte('(')
		for i, c := range columns {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(literal(r[c.name], c.kind == "bool" && style.Bits && !(c.name == "deleted" && d.Release == "2014.2"), style))
		}
		b.WriteByte(')')
		if style.Single || k == len(rows)-1 {
			b.WriteString(";\n")
		}
	}
}

// escapes are those of mysql_real_escape_string.
var escapes = strings.NewReplacer("\\", `\\`, "\x00", `\0`, "\n", `\n`, "\r", `\r`, "'", `\'`, `"`, `\"`, "\x1a", `\Z`)

func literal(v any, bit bool, style Style) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case bool:
		n := 0
		if v {
			n = 1
		}
		switch {
		case bit && style.HexBlob:
			return fmt.Sprintf("0x%02X", n)
		case bit:
			return "'" + escapes.Replace(string(rune(n))) + "'"
		}
		return fmt.Sprint(n)
	case string:
		return "'" + escapes.Replace(v) + "'"
	}
	return fmt.Sprint(v)
}

// WriteDump writes the database as a dump.
func (d *Database) WriteDump(t testing.TB, path string, style Style) {
	t.Helper()
	if err := os.WriteFile(path, []byte(d.Dump(style)), 0o600); err != nil {
		t.Fatal(err)
	}
}
