package cli

import (
	"encoding/binary"
	"fmt"
)

// Marks of values as a sort keeps them: what plain makes of a column's value.
const (
	isNil byte = iota
	isFalse
	isTrue
	isInt
	isUint
	isString
	isStrings
	isObject
	isPainted
)

// appendValues writes values behind each other, for readValues.
func appendValues(b []byte, values []any) []byte {
	for _, v := range values {
		b = appendValue(b, v)
	}
	return b
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, isNil)
	case bool:
		if v {
			return append(b, isTrue)
		}
		return append(b, isFalse)
	case int64:
		return binary.AppendVarint(append(b, isInt), v)
	case uint64:
		return binary.AppendUvarint(append(b, isUint), v)
	case []string:
		b = binary.AppendUvarint(append(b, isStrings), uint64(len(v)))
		for _, s := range v {
			b = appendSized(b, s)
		}
		return b
	case Object:
		b = binary.AppendUvarint(append(b, isObject), uint64(len(v)))
		for _, m := range v {
			b = appendValue(appendSized(b, m.Name), plain(m.Value))
		}
		return b
	case painted:
		return appendValue(appendSized(append(b, isPainted), string(v.colour)), plain(v.value))
	case string:
		return appendSized(append(b, isString), v)
	}
	return appendSized(append(b, isString), fmt.Sprint(v))
}

func appendSized(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// readValues reads what appendValues wrote.
func readValues(b []byte) (values []any) {
	r := valueReader{b}
	for len(r.rest) > 0 {
		values = append(values, r.value())
	}
	return values
}

type valueReader struct{ rest []byte }

func (r *valueReader) value() any {
	mark := r.rest[0]
	r.rest = r.rest[1:]
	switch mark {
	case isFalse, isTrue:
		return mark == isTrue
	case isInt:
		n, size := binary.Varint(r.rest)
		r.rest = r.rest[size:]
		return n
	case isUint:
		return r.count()
	case isString:
		return r.sized()
	case isStrings:
		list := make([]string, r.count())
		for i := range list {
			list[i] = r.sized()
		}
		return list
	case isObject:
		o := make(Object, r.count())
		for i := range o {
			o[i].Name = r.sized()
			o[i].Value = r.value()
		}
		return o
	case isPainted:
		colour := Colour(r.sized())
		return painted{r.value(), colour}
	}
	return nil
}

func (r *valueReader) count() uint64 {
	n, size := binary.Uvarint(r.rest)
	r.rest = r.rest[size:]
	return n
}

func (r *valueReader) sized() string {
	n := r.count()
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
