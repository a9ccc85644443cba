package ec2api

import (
	"fmt"
	"strings"
)

// Secret is a key's secret. It is shown by no verb of fmt; string(s) is how it is written into a file.
type Secret string

// Format writes asterisks, whatever the verb.
func (Secret) Format(s fmt.State, _ rune) { fmt.Fprint(s, "***") }

// MarshalText does the same for JSON and its like.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Key is a section of the credentials file.
type Key struct {
	Name        string // of the section, [NAME]
	AccessKeyID string
	Secret      Secret
	ProjectID   string
	ReadOnly    bool
}

// Keys are those of a credentials file, in its order.
type Keys []Key

func (keys Keys) find(id string) (Key, bool) {
	for _, k := range keys {
		if k.AccessKeyID == id {
			return k, true
		}
	}
	return Key{}, false
}

// CredentialsError is what is wrong with a credentials file. It quotes no value, since any might be a secret.
type CredentialsError struct {
	Line   int // from 1
	Reason string
}

func (e *CredentialsError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

const (
	idOption, secretOption, projectOption, readOnlyOption = "aws_access_key_id", "aws_secret_access_key", "project_id", "read_only"
)

// ParseCredentials reads keys in the AWS clients' own form: sections [NAME] with aws_access_key_id and aws_secret_access_key, beside which
// stand project_id and, where a key may not write, read_only = true. Anything else is a *CredentialsError.
func ParseCredentials(text string) (Keys, error) {
	var keys Keys
	names, ids, seen := map[string]bool{}, map[string]bool{}, map[string]bool{}
	wrong := func(line int, format string, a ...any) error {
		return &CredentialsError{line, fmt.Sprintf(format, a...)}
	}
	if strings.HasPrefix(text, "\ufeff") {
		return nil, wrong(1, "the file begins with a byte order mark, which the clients do not read")
	}
	begun := 0
	complete := func() error {
		if len(keys) == 0 {
			return nil
		}
		for _, option := range []string{idOption, secretOption, projectOption} {
			if !seen[option] {
				return wrong(begun, "the section has no %s", option)
			}
		}
		return nil
	}
	for i, line := range strings.Split(text, "\n") {
		n, indented := i+1, strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		if line = strings.TrimSpace(line); line != "" && indented {
			// The clients' parser, Python's configparser, would take it for more of the line before.
			return nil, wrong(n, "the line begins with a blank")
		}
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			if err := complete(); err != nil {
				return nil, err
			}
			name := strings.TrimSuffix(line[1:], "]")
			if len(name) != len(line)-2 || !isWord(name) {
				return nil, wrong(n, "a section is [NAME], of letters, digits and any of ._:@-")
			}
			if name == "DEFAULT" { // of which configparser would have every other section inherit
				return nil, wrong(n, "a section must not be [DEFAULT]; [default] may be")
			}
			if names[name] {
				return nil, wrong(n, "section [%s] is there twice", name)
			}
			names[name], begun = true, n
			keys = append(keys, Key{Name: name})
			clear(seen)
			continue
		}
		option, value, ok := strings.Cut(line, "=")
		option, value = strings.TrimSpace(option), strings.TrimSpace(value)
		switch {
		case !ok:
			return nil, wrong(n, "neither [NAME] nor OPTION = VALUE")
		case len(keys) == 0:
			return nil, wrong(n, "an option stands before the first [NAME]")
		case value == "":
			return nil, wrong(n, "the option has no value")
		case seen[option]:
			return nil, wrong(n, "%s is there twice", option)
		}
		k := &keys[len(keys)-1]
		switch option {
		case idOption:
			if !isWord(value) {
				return nil, wrong(n, "%s must be of letters, digits and any of ._:@-", option)
			}
			if ids[value] {
				return nil, wrong(n, "another section has this %s", option)
			}
			ids[value] = true
			k.AccessKeyID = value
		case secretOption:
			if strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }) {
				return nil, wrong(n, "%s must be of printable ASCII without blanks", option)
			}
			k.Secret = Secret(value)
		case projectOption:
			if checkText(option, value) != nil {
				return nil, wrong(n, "%s has a character that is not text", option)
			}
			k.ProjectID = value
		case readOnlyOption:
			if value != "true" && value != "false" {
				return nil, wrong(n, "%s must be true or false", option)
			}
			k.ReadOnly = value == "true"
		default:
			return nil, wrong(n, "the option is none of %s, %s, %s, %s", idOption, secretOption, projectOption, readOnlyOption)
		}
		seen[option] = true
	}
	return keys, complete()
}

// isWord tells what may be a section's name or a key's id. A slash would end the id in a signature's Credential.
func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("._:@-", c)
	})
}

// FormatCredentials is the file that has these keys, secrets included. A key that could not be read back is an error.
func FormatCredentials(keys Keys) (string, error) {
	var b strings.Builder
	for i, k := range keys {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s]\n%s = %s\n%s = %s\n%s = %s\n", k.Name, idOption, k.AccessKeyID, secretOption, string(k.Secret), projectOption, k.ProjectID)
		if k.ReadOnly {
			fmt.Fprintf(&b, "%s = true\n", readOnlyOption)
		}
	}
	back, err := ParseCredentials(b.String())
	if err != nil {
		return "", err
	}
	if len(back) != len(keys) {
		return "", fmt.Errorf("%d keys would be read back as %d", len(keys), len(back))
	}
	for i, k := range keys {
		if back[i] != k {
			return "", fmt.Errorf("key %q has a value that a line of the file cannot hold", k.Name)
		}
	}
	return b.String(), nil
}
