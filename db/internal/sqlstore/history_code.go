package sqlstore

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"math/bits"
)

// This file is how rows are written into the parts of a change, and their digest.
//
// A part is a byte that says whether the rest is compressed, and then operations: 't' names a table and the columns that rows
// have from there on, so that a part can be read whatever columns a later schema has; '+' is a row that was inserted, '-' one
// that was deleted, and '~' one as it was before it was changed, with the columns that changed and their new values.

const (
	bodyPlain      = 0
	bodyCompressed = 1

	opTable  = 't'
	opInsert = '+'
	opDelete = '-'
	opUpdate = '~'
)

const (
	valueNull = iota
	valueNumber
	valueText
	valueBytes
)

// worthCompressing is from where on a part is compressed: below, what is saved is less than what it takes to begin.
const worthCompressing = 2 << 10

// largestPart bounds what a part is unpacked to, since a garbled one may say of a few bytes that they are gigabytes. A part is written
// once it has partSize; what is beyond that is one row, whose texts have a few thousand characters at most.
const largestPart = 16 << 20

func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case int64:
		return binary.AppendVarint(append(b, valueNumber), v)
	case string:
		return append(binary.AppendUvarint(append(b, valueText), uint64(len(v))), v...)
	case []byte:
		return append(binary.AppendUvarint(append(b, valueBytes), uint64(len(v))), v...)
	}
	return append(b, valueNull)
}

func appendRecord(b []byte, r Record) []byte {
	for _, v := range r {
		b = appendValue(b, v)
	}
	return b
}

// stored is a value as the drivers return it, of one that is about to be stored.
func stored(value any) any {
	switch v := value.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case []byte:
		return bytes.Clone(v)
	}
	return value
}

// pack makes the body of a part.
func pack(ops []byte) ([]byte, error) {
	if len(ops) < worthCompressing {
		return append([]byte{bodyPlain}, ops...), nil
	}
	var b bytes.Buffer
	b.WriteByte(bodyCompressed)
	// Speed before size: rows that were carved one after the other are so alike that the fastest level leaves a sixth.
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(ops); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

func unpack(body []byte) ([]byte, error) {
	if len(body) > 0 && body[0] == bodyPlain {
		return body[1:], nil
	}
	if len(body) == 0 || body[0] != bodyCompressed {
		return nil, errGarbled
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(body[1:])), largestPart+1))
	if err == nil && len(text) > largestPart {
		err = errGarbled
	}
	return text, err
}

var errGarbled = fmt.Errorf("it is no list of rows")

// Op is what a change did to a row: Before is nil of one that it made, After of one that it took away.
type Op struct {
	Change        int64
	Table         *Kept
	Before, After Record
}

// ops yields the operations of a part.
func ops(change int64, body []byte) iter.Seq2[Op, error] {
	return func(yield func(Op, error) bool) {
		text, err := unpack(body)
		if err != nil {
			yield(Op{}, err)
			return
		}
		r := &opReader{rest: text}
		for len(r.rest) > 0 {
			op, ok := r.next()
			if r.bad {
				yield(Op{}, errGarbled)
				return
			}
			op.Change = change
			if ok && !yield(op, nil) {
				return
			}
		}
	}
}

// opReader reads operations. What it cannot read makes it bad, and is asked about once, at the end of an operation.
type opReader struct {
	rest    []byte
	bad     bool
	table   *Kept
	columns []int // where in the table each column of the part is; -1 is one that the table has not any more
}

func (r *opReader) next() (op Op, ok bool) {
	kind := r.rest[0]
	r.rest = r.rest[1:]
	if kind != opTable && r.table == nil {
		r.bad = true
		return op, false
	}
	op.Table = r.table
	switch kind {
	case opTable:
		r.section()
		return op, false
	case opInsert:
		op.After = r.record()
	case opDelete:
		op.Before = r.record()
	case opUpdate:
		op.Before = r.record()
		op.After = append(Record(nil), op.Before...)
		for range r.count(uint64(len(r.columns))) {
			i := r.count(uint64(len(r.columns)) - 1)
			if r.bad {
				break
			}
			r.column(op.After, r.columns[i])
		}
	default:
		r.bad = true
	}
	return op, !r.bad
}

func (r *opReader) section() {
	r.table = keptByName[r.text()]
	if r.bad = r.bad || r.table == nil; r.bad {
		return
	}
	r.columns = r.columns[:0]
	for range r.count(1 << 10) {
		r.columns = append(r.columns, r.table.index(r.text()))
	}
}

func (r *opReader) record() Record {
	record := r.table.empty()
	for _, i := range r.columns {
		r.column(record, i)
	}
	return record
}

// column reads the value of a column, -1 for one that is to be passed over. A value that the column cannot hold is garbled: PostgreSQL
// would refuse it, and say so of a statement and not of history.
func (r *opReader) column(record Record, i int) {
	kind, v := r.value()
	if i < 0 {
		return
	}
	r.bad = r.bad || kind != valueNull && kind != r.table.valueAt[i]
	record[i] = v
}

func (r *opReader) value() (kind byte, v any) {
	if len(r.rest) == 0 {
		r.bad = true
		return valueNull, nil
	}
	kind = r.rest[0]
	r.rest = r.rest[1:]
	switch kind {
	case valueNull:
	case valueNumber:
		number, n := binary.Varint(r.rest)
		if n <= 0 {
			r.bad = true
			break
		}
		r.rest = r.rest[n:]
		v = number
	case valueText:
		v = r.text()
	case valueBytes:
		v = []byte(r.text())
	default:
		r.bad = true
	}
	return kind, v
}

func (r *opReader) text() string {
	n := r.count(uint64(len(r.rest)))
	if n > uint64(len(r.rest)) {
		r.bad = true
	}
	if r.bad {
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

// count reads a number that is at most the one given.
func (r *opReader) count(most uint64) uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > most {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// digest stands for the rows of a table, whatever their order: the sum of the rows' hashes modulo 2^128. What a change adds and
// takes away is added and taken away, so that the digest of the rows that are there now can be had from that of any earlier
// time and the changes since, without any of the rows in between.
type digest struct{ high, low uint64 }

func hashOf(k *Kept, r Record) digest {
	b := append(append(make([]byte, 0, 512), k.Name...), 0)
	sum := sha256.Sum256(appendRecord(b, r))
	return digest{binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])}
}

func (d digest) plus(o digest) digest {
	low, carry := bits.Add64(d.low, o.low, 0)
	high, _ := bits.Add64(d.high, o.high, carry)
	return digest{high, low}
}

func (d digest) minus(o digest) digest {
	low, borrow := bits.Sub64(d.low, o.low, 0)
	high, _ := bits.Sub64(d.high, o.high, borrow)
	return digest{high, low}
}

// MarshalText writes a digest into the entry that history begins with.
func (d digest) MarshalText() ([]byte, error) {
	b := binary.BigEndian.AppendUint64(nil, d.high)
	return []byte(hex.EncodeToString(binary.BigEndian.AppendUint64(b, d.low))), nil
}

// UnmarshalText reads it.
func (d *digest) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != 16 {
		return errGarbled
	}
	d.high, d.low = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	return nil
}

// apply counts an operation in.
func (d digest) apply(op Op) digest {
	if op.Before != nil {
		d = d.minus(hashOf(op.Table, op.Before))
	}
	if op.After != nil {
		d = d.plus(hashOf(op.Table, op.After))
	}
	return d
}
