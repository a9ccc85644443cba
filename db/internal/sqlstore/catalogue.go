package sqlstore

import (
	"bytes"
	"slices"
)

// Subject is a kind of thing that a change may be about, and by which it is found.
type Subject int

// The subjects, as change_subjects numbers them.
const (
	Network Subject = iota + 1
	Instance
	Project
)

// Kept is a table whose rows history keeps: what of the schema one must know to say what a change did, and to reverse it. The
// DDL says the same to the database; a test compares the two.
//
// Three tables are not kept. The numbers of `sequences` never go back, or one would be handed out twice, and free_ranges and
// free_addresses follow from the others.
type Kept struct {
	Name    string
	Columns []string
	Key     []string
	// Unique are the other sets of columns that no two rows have the same values in, unless one of them is null.
	Unique [][]string
	// Alike are such sets in which null is a value like any other.
	Alike [][]string
	// Spans tells that no two rows overlap from the column first to the column last.
	Spans bool
	// References are the columns that name a row of another table.
	References []Reference
	// Derived are columns that follow from rows of other tables, as hidden tables do.
	Derived []string
	// Hidden tells that the rows follow from those of other tables, so that nobody wants to read of them or count them.
	Hidden bool

	subjects map[string]Subject
	defaults map[string]any // of the columns that an INSERT may leave out and that are not null then

	// Where in Columns the key, the subjects and the derived columns are: what each row is asked that is kept.
	keyAt     []int
	subjectAt []subjectAt
	derivedAt []bool
	valueAt   []byte // as parts of history number the kinds of value
}

type subjectAt struct {
	column int
	kind   Subject
}

// Reference is a column that has the value of a column of another table.
type Reference struct{ Column, Table, Of string }

// History's tables, in the order in which the schema makes them: what a row refers to stands before it.
var kept = []*Kept{
	{Name: "projects", Columns: []string{"project_id", "description", "created_at"}, Key: []string{"project_id"},
		subjects: map[string]Subject{"project_id": Project}},
	{Name: "quotas", Columns: []string{"project_id", "resource", "hard_limit"}, Key: []string{"project_id", "resource"},
		References: []Reference{{"project_id", "projects", "project_id"}}, subjects: map[string]Subject{"project_id": Project}},
	{Name: "claims", Columns: []string{"first", "last", "prefix", "kind"}, Key: []string{"first"}, Spans: true, Hidden: true},
	{Name: "bridges", Columns: []string{"bridge", "vlan", "cidr_v6", "first_v6"}, Key: []string{"bridge"},
		Unique: [][]string{{"vlan"}, {"first_v6"}}, References: []Reference{{"first_v6", "claims", "first"}}, Hidden: true},
	{Name: "networks", Columns: []string{"id", "first", "label", "manager", "cidr", "netmask", "gateway", "broadcast", "dhcp_start",
		"bridge", "bridge_interface", "vlan", "vpn_public_address", "vpn_public_port", "vpn_private_address", "cidr_v6", "gateway_v6",
		"dns1", "dns2", "mtu", "project_id", "host", "vpn_clients", "taken", "created_at", "updated_at"}, Key: []string{"id"},
		Unique:     [][]string{{"first"}, {"vlan"}, {"vpn_public_port"}},
		References: []Reference{{"first", "claims", "first"}, {"bridge", "bridges", "bridge"}, {"project_id", "projects", "project_id"}},
		Derived:    []string{"taken"},
		subjects:   map[string]Subject{"id": Network, "project_id": Project}, defaults: map[string]any{"vpn_clients": int64(0), "taken": int64(0)}},
	{Name: "instances", Columns: []string{"id", "first", "name", "project_id", "network_id", "mac_address", "fixed_ip", "fixed_ip_v6", "host",
		"created_at"}, Key: []string{"id"}, Unique: [][]string{{"first"}, {"mac_address"}, {"project_id", "name"}},
		References: []Reference{{"project_id", "projects", "project_id"}, {"network_id", "networks", "id"}},
		subjects:   map[string]Subject{"id": Instance, "network_id": Network, "project_id": Project}},
	{Name: "floating_ranges", Columns: []string{"first", "last", "cidr", "pool", "host", "interface", "created_at"}, Key: []string{"first"},
		References: []Reference{{"first", "claims", "first"}}},
	{Name: "addresses", Columns: []string{"first", "last", "address", "claim", "state", "instance_id", "released"}, Key: []string{"first"},
		Spans: true, References: []Reference{{"claim", "claims", "first"}, {"instance_id", "instances", "id"}},
		subjects: map[string]Subject{"instance_id": Instance}},
	{Name: "security_groups", Columns: []string{"id", "project_id", "name", "description", "created_at"}, Key: []string{"id"},
		Unique: [][]string{{"project_id", "name"}}, References: []Reference{{"project_id", "projects", "project_id"}},
		subjects: map[string]Subject{"project_id": Project}},
	{Name: "security_group_rules", Columns: []string{"id", "group_id", "ip_protocol", "from_port", "to_port", "cidr_ip", "source_group_id"},
		Key:        []string{"id"},
		Alike:      [][]string{{"group_id", "ip_protocol", "from_port", "to_port", "cidr_ip", "source_group_id"}},
		References: []Reference{{"group_id", "security_groups", "id"}, {"source_group_id", "security_groups", "id"}}},
	{Name: "instance_security_groups", Columns: []string{"instance_id", "group_id"}, Key: []string{"instance_id", "group_id"},
		References: []Reference{{"instance_id", "instances", "id"}, {"group_id", "security_groups", "id"}},
		subjects:   map[string]Subject{"instance_id": Instance}},
}

// The columns that hold numbers and addresses, in whichever table; all others hold text.
var (
	numbers = []string{"hard_limit", "id", "vlan", "vpn_public_port", "mtu", "vpn_clients", "taken", "network_id", "instance_id", "released",
		"group_id", "from_port", "to_port", "source_group_id"}
	addresses = []string{"first", "last", "claim", "first_v6"}
)

// IsNumber tells whether a column holds whole numbers.
func IsNumber(column string) bool { return slices.Contains(numbers, column) }

// IsAddress tells whether a column holds addresses as bytes.
func IsAddress(column string) bool { return slices.Contains(addresses, column) }

var keptByName = func() map[string]*Kept {
	m := map[string]*Kept{}
	for _, k := range kept {
		m[k.Name] = k
		k.derivedAt, k.valueAt = make([]bool, len(k.Columns)), make([]byte, len(k.Columns))
		for i, column := range k.Columns {
			switch {
			case IsNumber(column):
				k.valueAt[i] = valueNumber
			case IsAddress(column):
				k.valueAt[i] = valueBytes
			default:
				k.valueAt[i] = valueText
			}
			if kind, ok := k.subjects[column]; ok {
				k.subjectAt = append(k.subjectAt, subjectAt{i, kind})
			}
			k.derivedAt[i] = slices.Contains(k.Derived, column)
		}
		for _, column := range k.Key {
			k.keyAt = append(k.keyAt, k.index(column))
		}
	}
	return m
}()

// KeptTables are the tables whose rows history keeps, what a row refers to before it.
func KeptTables() []*Kept { return kept }

// KeptTable is the table of a name, nil if history keeps none of it.
func KeptTable(name string) *Kept { return keptByName[name] }

// Record is a row of a kept table, in the order of its columns: nil, int64, string or []byte each.
type Record []any

// At is the value of a column.
func (k *Kept) At(r Record, column string) any { return r[k.index(column)] }

func (k *Kept) index(column string) int { return slices.Index(k.Columns, column) }

// Like is a row with a value in one column and nothing else, as something that has a key.
func (k *Kept) Like(column string, value any) Record {
	r := make(Record, len(k.Columns))
	r[k.index(column)] = value
	return r
}

// empty is a row with what an INSERT that names no column would store.
func (k *Kept) empty() Record {
	r := make(Record, len(k.Columns))
	for column, value := range k.defaults {
		r[k.index(column)] = value
	}
	return r
}

// KeyOf is a row's key, as text that tells any two apart.
func (k *Kept) KeyOf(r Record) string {
	var b []byte
	for _, i := range k.keyAt {
		b = appendValue(b, r[i])
	}
	return string(b)
}

// Same tells whether two rows are the same to whoever reads of them: alike but for derived columns.
func (k *Kept) Same(a, b Record) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	for i := range k.Columns {
		if !k.derivedAt[i] && !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// equal tells whether two stored values are the same.
func equal(a, b any) bool {
	if x, ok := a.([]byte); ok {
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	}
	if _, ok := b.([]byte); ok {
		return false
	}
	return a == b
}

// Is is the condition that a row has the key of r.
func (k *Kept) Is(r Record) *Where {
	w := new(Where)
	for _, column := range k.Key {
		w.And(column+" = ?", k.At(r, column))
	}
	return w
}
