package sqlstore

import (
	"encoding/binary"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// section is how a part names a table and its columns.
func section(k *Kept) []byte {
	b := appendText([]byte{opTable}, k.Name)
	b = binary.AppendUvarint(b, uint64(len(k.Columns)))
	for _, column := range k.Columns {
		b = appendText(b, column)
	}
	return b
}

// write encodes operations as keep does, each of a table of its own.
func write(all ...Op) (b []byte) {
	for _, op := range all {
		b = append(b, section(op.Table)...)
		switch {
		case op.Before == nil:
			b = appendRecord(append(b, opInsert), op.After)
		case op.After == nil:
			b = appendRecord(append(b, opDelete), op.Before)
		default:
			b = appendDifference(appendRecord(append(b, opUpdate), op.Before), op)
		}
	}
	return b
}

func readAll(body []byte) (all []Op, err error) {
	for op, e := range ops(7, body) {
		if e != nil {
			return all, e
		}
		all = append(all, op)
	}
	return all, nil
}

func wantReadBack(t *testing.T, all []Op) {
	t.Helper()
	body, err := pack(write(all...))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(body)
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("read back: %v and error %v; want %v", got, err, all)
	}
}

// What is written of operations is read back, short and plain or long and compressed; no beginning of it is taken for the whole
// that is not.
func TestOps(t *testing.T) {
	k, address := KeptTable("quotas"), KeptTable("addresses")
	row := Record{"apollo", "instances", int64(-1)}
	all := []Op{
		{7, k, nil, row},
		{7, k, row, Record{"apollo", "instances", int64(1 << 62)}},
		{7, k, row, row},
		{7, address, Record{[]byte{0, 255}, []byte{}, "", nil, "held", int64(-1 << 63), nil}, nil},
		{7, k, Record{strings.Repeat("ключ", 9), "", int64(0)}, nil},
	}
	wantReadBack(t, all)
	body, _ := pack(write(all...))
	for n := range len(body) {
		if got, err := readAll(body[:n]); err == nil && len(got) == len(all) {
			t.Errorf("%d of %d bytes are read as the whole", n, len(body))
		}
	}
	wantReadBack(t, slices.Repeat(all, 99))
}

// Whatever a part holds, reading it ends, with rows that the tables could hold or with an error; and any values are read back.
func FuzzOps(f *testing.F) {
	k := KeptTable("quotas")
	row := Record{"apollo", "instances", int64(9)}
	for _, plain := range [][]byte{nil, write(Op{Table: k, After: row}), write(Op{Table: k, Before: row, After: Record{"apollo", "instances", nil}}),
		{opInsert}, {opTable, 0}, append(section(k), opUpdate), appendText([]byte{opTable}, "quotas"), append(appendText([]byte{opTable}, "quotas"), 0, opUpdate, 1)} {
		f.Add(append([]byte{bodyPlain}, plain...), "", int64(0), []byte(nil))
	}
	long, err := pack(write(slices.Repeat([]Op{{Table: k, After: row}}, 200)...))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(long, "web", int64(-1), []byte{0})
	f.Add(long[:len(long)/2], "web", int64(-1), []byte{0})
	f.Fuzz(func(t *testing.T, body []byte, text string, number int64, data []byte) {
		got, _ := readAll(body)
		for _, op := range got {
			for _, r := range []Record{op.Before, op.After} {
				if r != nil && len(r) != len(op.Table.Columns) {
					t.Errorf("a row of %s has %d columns", op.Table.Name, len(r))
				}
				for i, v := range r {
					if kind := appendValue(nil, v)[0]; kind != valueNull && kind != op.Table.valueAt[i] {
						t.Errorf("%s.%s is %#v", op.Table.Name, op.Table.Columns[i], v)
					}
				}
			}
			if op.Before == nil && op.After == nil {
				t.Error("an operation has no row")
			}
			op.Table.Same(op.Before, op.After)
		}
		if data == nil {
			data = []byte{}
		}
		a, b := Record{data, data, text, nil, "", number, nil}, Record{data, nil, "", data, text, nil, number}
		address := KeptTable("addresses")
		wantReadBack(t, []Op{{7, address, nil, a}, {7, address, a, b}, {7, address, b, nil}})
	})
}

// A few bytes that say of themselves that they are very many are no part.
func TestUnpack_bound(t *testing.T) {
	body, err := pack(make([]byte, largestPart+1))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := unpack(body); err == nil {
		t.Errorf("%d bytes became %d", len(body), len(text))
	}
}
