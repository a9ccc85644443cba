package cli

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"io"
	"iter"
	"os"
	"slices"
)

// sortInMemory is how many bytes of rows a sort keeps there; beyond that they lie sorted in a file without a name, run by run.
// The table of rows itself is as much again where they are short.
const sortInMemory = 16 << 20

// sorter brings the printed values of rows into order, however many they are.
type sorter struct {
	limit  int // only so many are wanted; 0 is all
	memory int // see sortInMemory

	rows  []sortedRow
	bytes int
	n     uint64 // rows that have come
	next  []byte // the one that comes, while it is written
	file  *os.File
	runs  []run
}

// sortedRow is the key of a row, whose bytes are in the order of rows, and behind it the row's values.
type sortedRow struct {
	data []byte
	key  int // where the key ends
}

func (r sortedRow) before(o sortedRow) int { return bytes.Compare(r.data[:r.key], o.data[:o.key]) }

// run is where in the file sorted rows lie.
type run struct{ from, to int64 }

// sorted yields the values of the rows to be printed in the order that is wanted, and no more of them than are. shown are the
// columns that are printed, cols all of them.
func sorted[T any](e *Env, w Wanted, cols, shown []Column[T], rows iter.Seq2[T, error]) iter.Seq2[[]any, error] {
	by := make([]func(T) any, len(w.Order))
	for i, o := range w.Order {
		by[i] = columnOf(cols, o.Column).compared()
	}
	return func(yield func([]any, error) bool) {
		s := &sorter{limit: w.Limit, memory: sortInMemory}
		defer s.close()
		for row, err := range rows {
			if err == nil {
				err = s.add(func(b []byte) []byte {
					for i, o := range w.Order {
						b = appendOrdered(b, by[i](row), o.Descending)
					}
					return b
				}, tableValues(e, shown, row))
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
		for values, err := range s.all() {
			if !yield(values, err) {
				return
			}
		}
	}
}

// appendOrdered writes the key of a value, the other way round for descending order; what is absent is last either way.
func appendOrdered(b []byte, v any, descending bool) []byte {
	at := len(b)
	b = appendKey(append(b, 0), v)
	if len(b) == at+1 {
		b[at] = 1
		return b
	}
	if descending {
		invert(b[at+1:])
	}
	return b
}

// add takes a row. Behind its key comes its number, so that rows that are alike stay in their order.
func (s *sorter) add(key func([]byte) []byte, values []any) error {
	s.n++
	s.next = binary.BigEndian.AppendUint64(key(s.next[:0]), s.n)
	row := sortedRow{key: len(s.next)}
	s.next = appendValues(s.next, values)
	row.data = bytes.Clone(s.next) // a slice that has grown has room that is not counted
	s.rows = append(s.rows, row)
	s.bytes += len(row.data)
	if s.limit > 0 && len(s.rows) >= 2*s.limit {
		s.sort() // the rows in front are few, and worth finding before the rest fills the memory
	}
	if s.bytes < s.memory {
		return nil
	}
	return s.spill()
}

// sort sorts what is in memory, and drops what is beyond the limit.
func (s *sorter) sort() {
	slices.SortFunc(s.rows, sortedRow.before)
	if s.limit > 0 && len(s.rows) > s.limit {
		for _, r := range s.rows[s.limit:] {
			s.bytes -= len(r.data)
		}
		clear(s.rows[s.limit:])
		s.rows = s.rows[:s.limit]
	}
}

// spill writes what is in memory to the file, sorted.
func (s *sorter) spill() error {
	s.sort()
	if s.file == nil {
		file, err := unnamedFile()
		if err != nil {
			return spoolError(err)
		}
		s.file = file
	}
	at := int64(0)
	if len(s.runs) > 0 {
		at = s.runs[len(s.runs)-1].to
	}
	r := run{at, at}
	w := bufio.NewWriterSize(s.file, 1<<20)
	for _, row := range s.rows {
		head := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(row.key)), uint64(len(row.data)))
		_, _ = w.Write(head) // an error stays until Flush
		_, _ = w.Write(row.data)
		r.to += int64(len(head) + len(row.data))
	}
	if err := w.Flush(); err != nil {
		return spoolError(err)
	}
	clear(s.rows)
	s.runs, s.rows, s.bytes = append(s.runs, r), s.rows[:0], 0
	return nil
}

// all yields the rows in order.
func (s *sorter) all() iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		s.sort()
		var m merge
		if len(s.rows) > 0 {
			m = append(m, &source{rows: s.rows})
		}
		for _, r := range s.runs {
			m = append(m, &source{file: bufio.NewReaderSize(io.NewSectionReader(s.file, r.from, r.to-r.from), 32<<10)})
		}
		for _, in := range m {
			if err := in.next(); err != nil {
				yield(nil, spoolError(err))
				return
			}
		}
		heap.Init(&m)
		for n := 0; len(m) > 0 && (s.limit == 0 || n < s.limit); n++ {
			first := m[0].row
			if !yield(readValues(first.data[first.key:]), nil) {
				return
			}
			switch err := m[0].next(); err {
			case nil:
				heap.Fix(&m, 0)
			case io.EOF:
				heap.Pop(&m)
			default:
				yield(nil, spoolError(err))
				return
			}
		}
	}
}

func (s *sorter) close() {
	if s.file != nil {
		_ = s.file.Close() // it has no name; what was to be read has been
	}
}

// source is a run of sorted rows, in memory or in the file.
type source struct {
	rows []sortedRow
	file *bufio.Reader
	row  sortedRow // the next one
}

// next reads the next row; io.EOF if there is none.
func (s *source) next() error {
	if s.file == nil {
		if len(s.rows) == 0 {
			return io.EOF
		}
		s.row, s.rows = s.rows[0], s.rows[1:]
		return nil
	}
	key, err := binary.ReadUvarint(s.file)
	if err != nil {
		return err
	}
	size, err := binary.ReadUvarint(s.file)
	if err == nil {
		s.row = sortedRow{make([]byte, size), int(key)}
		_, err = io.ReadFull(s.file, s.row.data)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // the run did not end there
	}
	return err
}

// merge is the sources by their next rows.
type merge []*source

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return m[i].row.before(m[j].row) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*source)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
