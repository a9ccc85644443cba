package ec2api

import (
	"fmt"
	"slices"
	"strings"
)

// AppendKey is the credentials file with one more key at its end. What is there stays as it is, comments included. Error: what
// ParseCredentials and FormatCredentials refuse.
func AppendKey(text string, k Key) (string, error) {
	had, err := ParseCredentials(text)
	if err != nil {
		return "", err
	}
	section, err := FormatCredentials(Keys{k})
	if err != nil {
		return "", err
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if text != "" && lastLine(text) != "" {
		text += "\n"
	}
	return edited(text+section, append(slices.Clone(had), k))
}

// RemoveKeys is the credentials file without the sections of these names, with what stands between the options of each, and with the
// empty line that told it from the others. Everything else stays as it is, comments above a section included: nobody can tell whose they
// are. Error: as ParseCredentials has them. Names that are not there are passed over.
func RemoveKeys(text string, names ...string) (string, error) {
	had, err := ParseCredentials(text)
	if err != nil {
		return "", err
	}
	type section struct {
		begin, end int // of its lines
		gone       bool
	}
	lines := strings.SplitAfter(text, "\n")
	var sections []section
	for i, line := range lines {
		switch line := strings.TrimSpace(line); {
		case line == "", line[0] == '#', line[0] == ';':
		case line[0] == '[':
			sections = append(sections, section{i, i + 1, slices.Contains(names, line[1:len(line)-1])})
		default:
			sections[len(sections)-1].end = i + 1
		}
	}
	for _, s := range slices.Backward(sections) {
		if !s.gone {
			continue
		}
		empty := func(i int) bool {
			return i >= 0 && i < len(lines) && lines[i] != "" && strings.TrimSpace(lines[i]) == ""
		}
		over := s.end >= len(lines) || s.end == len(lines)-1 && lines[s.end] == "" // nothing is below it
		switch {
		case empty(s.end) && (s.begin == 0 || empty(s.begin-1)):
			s.end++
		case over && empty(s.begin-1):
			s.begin--
		}
		lines = slices.Delete(lines, s.begin, s.end)
	}
	return edited(strings.Join(lines, ""), slices.DeleteFunc(had, func(k Key) bool { return slices.Contains(names, k.Name) }))
}

// lastLine is the last line of a text that ends with one, without what ends it and without blanks.
func lastLine(text string) string {
	text = strings.TrimSuffix(text, "\n")
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}

// edited is text, once it is known to hold these keys.
func edited(text string, want Keys) (string, error) {
	got, err := ParseCredentials(text)
	if err != nil {
		return "", err
	}
	if !slices.Equal(got, want) {
		return "", fmt.Errorf("the file would hold other keys than it should")
	}
	return text, nil
}

// IsKeyName tells whether s can be the name of a key: that of a section other than [DEFAULT], of letters, digits and any of ._:@-
func IsKeyName(s string) bool { return isWord(s) && s != "DEFAULT" }
