package cli

import (
	"bytes"
	"fmt"
)

// Object is a value that has members itself, such as a row of a table: nil, an integer or a text each. JSON and YAML have it as an
// object, and the other formats as the JSON of it.
type Object []Member

// Member is a member of an Object.
type Member struct {
	Name  string
	Value any
}

// MarshalJSON writes the members in their order.
func (o Object) MarshalJSON() ([]byte, error) {
	names, values := make([]string, len(o)), make([]any, len(o))
	for i, m := range o {
		names[i], values[i] = m.Name, plain(m.Value)
	}
	var b bytes.Buffer
	err := appendJSON(&b, names, values, " ", "")
	return b.Bytes(), err
}

// String is the JSON of the object.
func (o Object) String() string {
	text, err := o.MarshalJSON()
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(text)
}

// appendYAMLObject writes a mapping in braces, whose texts are written as everywhere.
func appendYAMLObject(b []byte, o Object) []byte {
	b = append(b, '{')
	for i, m := range o {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendYAMLText(b, m.Name)
		b = append(b, ": "...)
		value := plain(m.Value)
		// In braces a comma ends a text, and only quotes say that it does not.
		if s, ok := value.(string); ok {
			b = appendQuotedYAML(b, s)
		} else {
			b = appendYAMLValue(b, value)
		}
	}
	return append(b, '}')
}
