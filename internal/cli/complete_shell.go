package cli

import (
	"bytes"
	"context"
	_ "embed"
	"strings"
)

// Shells are those that there is completion for.
var Shells = []string{"bash", "zsh", "fish"}

// The scripts that a shell reads. PROGRAM stands for the program's name, and FUNCTION for it in the name of a function.
var (
	//go:embed completion.bash
	bashScript string
	//go:embed completion.zsh
	zshScript string
	//go:embed completion.fish
	fishScript string
)

// CompletionScript is what one of Shells reads to complete command lines of a program.
func CompletionScript(program, shell string) string {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[shell]
	return strings.NewReplacer("PROGRAM", program, "FUNCTION", strings.ReplaceAll(program, "-", "_")).Replace(script)
}

// completeFor answers a shell: a first line that says what comes (words, parts of words, or files or folders that it looks for itself),
// then a word on each line. Whatever is wrong, nothing is said of it: somebody is typing.
//
// What is asked is `bash LINE TAIL`, LINE being the command line to the cursor and TAIL the part of it that bash replaces; it is
// answered by what is to stand there. `fish LINE` and `zsh WORD...`, whose words are as they stand but for the last one, which is
// without its quotes, are answered by whole words without quotes, each with a tab and what it is.
func (p *Program) completeFor(ctx context.Context, sys *Sys, asked []string) {
	defer func() { _ = recover() }()
	if len(asked) < 2 {
		return
	}
	shell, asked := asked[0], asked[1:]
	s := &shellLine{fish: shell == "fish", sys: sys}
	insert := func(c Candidate) (string, bool) { return c.Value + "\t" + c.About, true }
	switch shell {
	case "bash":
		s.split(asked[0])
		head := strings.TrimSuffix(s.last.raw, asked[len(asked)-1])
		if len(asked) == 1 || len(head)+len(asked[1]) != len(s.last.raw) {
			head = ""
		}
		before := &shellLine{sys: sys}
		before.split(head)
		insert = func(c Candidate) (string, bool) {
			tail, ok := strings.CutPrefix(c.Value, before.last.text)
			return quoteForBash(tail, before.last.quote), ok
		}
	case "zsh":
		for _, w := range asked[:len(asked)-1] {
			one := &shellLine{sys: sys}
			one.split(w)
			s.words = append(s.words, one.last.text)
		}
		s.last.text = asked[len(asked)-1]
	case "fish":
		s.split(asked[0])
	default:
		return
	}
	if len(s.words) == 0 {
		return
	}
	c := completion{by: Files}
	if !s.redirects {
		c = p.complete(ctx, sys, s.words[1:], s.last.text)
	}
	var out bytes.Buffer
	if c.by != "" {
		out.WriteString(string(c.by) + "\n")
	} else {
		out.WriteString("words\n")
	}
	for _, candidate := range c.list {
		candidate.About = Printable(candidate.About)
		if text, ok := insert(candidate); ok {
			out.WriteString(text + "\n")
		}
	}
	_, _ = sys.Stdout.Write(out.Bytes())
}

// shellLine is a command line as it stands in a shell, taken apart as far as that can be done without running anything: what a
// command in it would print stays as it is written.
type shellLine struct {
	fish bool
	sys  *Sys

	words     []string // those before the one at the cursor, the program first
	last      shellWord
	redirects bool // the word at the cursor is the file that a redirection names
}

type shellWord struct {
	raw, text string
	quote     byte // the one that is open at its end, 0 for none
}

// split takes the line apart. Redirections are left out, and what stands before an operator between commands, too.
func (s *shellLine) split(line string) {
	var text strings.Builder
	start, inWord, target := 0, false, false
	end := func(at int) {
		if inWord && !target && (len(s.words) > 0 || !isAssignment(line[start:at])) {
			s.words = append(s.words, text.String())
		}
		target = target && !inWord
		text.Reset()
		inWord = false
	}
	var quote byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		if quote == 0 && !inWord && strings.IndexByte(" \t\n;|&<>()", c) < 0 {
			start = i
		}
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && s.escapes(quote, line[i+1:]):
			if i++; i < len(line) && line[i] != '\n' {
				text.WriteByte(line[i])
				inWord = true
			}
			continue
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == '$' && quote != '\'':
			value, length := s.variable(line[i+1:])
			text.WriteString(value)
			i += length
		case quote != 0:
			text.WriteByte(c)
		case c == ' ', c == '\t', c == '\n':
			end(i)
			continue
		case c == '<', c == '>':
			if inWord && strings.Trim(line[start:i], "0123456789") == "" {
				inWord = false // the number of what is redirected
			}
			end(i)
			target = true
			for i+1 < len(line) && strings.IndexByte("<>&|?", line[i+1]) >= 0 {
				i++
			}
			continue
		case c == '&' && i+1 < len(line) && line[i+1] == '>': // both streams
			end(i)
			continue
		case strings.IndexByte(";|&()", c) >= 0:
			end(i)
			s.words, target = nil, false
			continue
		case c == '~' && !inWord && (i+1 == len(line) || strings.IndexByte("/ \t\n", line[i+1]) >= 0):
			home, err := s.sys.Home()
			if err != nil {
				home = "~"
			}
			text.WriteString(home)
		default:
			text.WriteByte(c)
		}
		inWord = true
	}
	if !inWord {
		start = len(line)
	}
	s.redirects = target
	s.last = shellWord{line[start:], text.String(), quote}
}

// escapes tells whether a backslash within a quote stands before what it takes the meaning from.
func (s *shellLine) escapes(quote byte, rest string) bool {
	special := map[byte]string{'"': "$`\"\\\n"}[quote]
	switch {
	case quote == 0:
		return true
	case quote == '\'' && s.fish:
		special = `'\`
	}
	return rest != "" && strings.IndexByte(special, rest[0]) >= 0
}

// variable is what $NAME or ${NAME} stands for, and how long it is behind the dollar sign; the sign itself where it is not known.
// A shell's variables are known only where it exports them.
func (s *shellLine) variable(rest string) (value string, length int) {
	name, after := reference(rest)
	if name != "" && name != "$" {
		if value, ok := s.sys.LookupEnv(name); ok {
			return value, len(rest) - len(after)
		}
	}
	return "$", 0
}

// isAssignment tells whether a word in front of a command sets a variable for it.
func isAssignment(word string) bool {
	name, _, found := strings.Cut(word, "=")
	return found && name != "" && leadingName(name) == name
}

// plainInBash are the characters that bash takes as they are, wherever they stand.
const plainInBash = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=@+%"

// quoteForBash writes a text so that bash reads it as it is, behind a quote that is open or none.
func quoteForBash(s string, quote byte) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case quote == '\'' && r == '\'':
			b.WriteString(`'\''`)
		case quote == '"' && strings.ContainsRune("$`\"\\", r):
			b.WriteString(`\` + string(r))
		case quote == '"' && r == '!': // history has it within these quotes, too, and a backslash would stay
			b.WriteString(`"'!'"`)
		case quote == 0 && r < 0x80 && !strings.ContainsRune(plainInBash, r):
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
