package cli

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of a flagfile: far beyond any that was ever written, small enough for a wrong file to be refused at once.
const (
	longestFlagfile  = 1 << 20
	deepestFlagfile  = 16
	mostFlagfiles    = 256
	longestFileValue = 64 << 10
)

// setting is one line of a flagfile: a flag that may or may not be one of ours.
type setting struct {
	name     string // with underscores
	value    string
	hasValue bool // false for a bare --name
	file     string
	line     int
	section  string // of the INI form, where it is not [DEFAULT]
}

// readFlagfiles reads what --flagfile or NOVA_FLAGFILE name, else the default flagfile where it exists.
func (r *resolver) readFlagfiles(f *Flag, ByDefault string) error {
	named, err := r.texts(f)
	if err != nil {
		return err
	}
	reader := &flagfileReader{}
	for _, n := range named {
		if n.text == "" {
			continue
		}
		if err := checkText("--"+f.name, n.text, n.from); err != nil {
			return err
		}
		if err := reader.read(n.text, n.from); err != nil {
			return err
		}
	}
	if len(named) == 0 && ByDefault != "" {
		if _, err := os.Stat(ByDefault); !errors.Is(err, fs.ErrNotExist) {
			if err := reader.read(ByDefault, Origin{}); err != nil {
				return WithHint(err, "--flagfile= reads none")
			}
		}
	}
	r.file, r.ours, r.others = reader.settings, reader.settings, reader.others
	return nil
}

// flagfileReader reads flagfiles and those that they name.
type flagfileReader struct {
	settings []setting
	others   []setting     // of sections that are not ours
	open     []fs.FileInfo // from the first file to the one being read
	count    int
}

// read reads one file; from says who named it, for errors.
func (r *flagfileReader) read(path string, from Origin) error {
	fail := func(reason any) error { return UsageErrorf("flagfile %s: %v%s", Quote(path), reason, from) }
	file, err := os.Open(path)
	if err != nil {
		return fail(ReasonOf(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fail(ReasonOf(err))
	}
	if info.IsDir() {
		return fail("is a folder")
	}
	for _, ancestor := range r.open {
		if os.SameFile(ancestor, info) {
			return fail("nests itself")
		}
	}
	if r.count++; r.count > mostFlagfiles || len(r.open) >= deepestFlagfile {
		return fail("nests too many flagfiles")
	}
	data, err := io.ReadAll(io.LimitReader(file, longestFlagfile+1))
	switch {
	case err != nil:
		return fail(ReasonOf(err))
	case len(data) > longestFlagfile:
		return fail("is longer than 1 MiB")
	}
	settings, others, err := parseFlagfile(path, data)
	if err != nil {
		return err
	}
	r.others = append(r.others, others...)
	r.open = append(r.open, info)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	for _, s := range settings {
		if s.name != "flagfile" {
			r.settings = append(r.settings, s)
			continue
		}
		// A relative name is looked for beside the file that holds it, so that it means the same file wherever the
		// command is run.
		nested := s.value
		if nested == "" {
			return UsageErrorf("flagfile names no file (from %s)", s.place())
		}
		if !filepath.IsAbs(nested) {
			nested = filepath.Join(filepath.Dir(path), nested)
		}
		if err := r.read(nested, Origin{fromFlagfile, s.place()}); err != nil {
			return err
		}
	}
	return nil
}

// parseFlagfile reads the lines of a flagfile in either form. The first line that says anything decides: a dash begins
// the gflags form, all else is INI.
func parseFlagfile(path string, data []byte) (settings, others []setting, err error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	p := &fileParser{path: path, inDefault: true}
	for i, line := range strings.Split(string(data), "\n") {
		p.line = i + 1
		if err := p.parseLine(strings.TrimRight(line, " \t\r")); err != nil {
			return nil, nil, err
		}
	}
	return p.settings, p.others, nil
}

// fileParser is a flagfile while it is read.
type fileParser struct {
	path     string
	line     int
	form     fileForm
	settings []setting
	others   []setting

	section   string
	inDefault bool // of the INI form: whether the section is [DEFAULT], which is assumed before the first one
	continues bool // of the INI form: whether an indented line belongs to the setting before it
}

type fileForm int

const (
	unknownForm fileForm = iota
	gflagsForm
	iniForm
)

func (p *fileParser) fail(format string, args ...any) error {
	return UsageErrorf("flagfile "+Quote(p.path)+" line %d: "+format, append([]any{p.line}, args...)...)
}

func (p *fileParser) parseLine(line string) error {
	text := strings.TrimLeft(line, " \t")
	switch {
	case len(line) > longestFileValue:
		return p.fail("is longer than %d bytes", longestFileValue)
	case text == "":
		p.continues = false
		return nil
	case strings.HasPrefix(text, "#"), strings.HasPrefix(text, "//"), text[0] == ';' && p.form != gflagsForm:
		return nil
	case hasControl(strings.ReplaceAll(line, "\t", " ")):
		return p.fail("holds a control character: %s", Quote(text))
	}
	if p.form == unknownForm {
		p.form = iniForm
		if text[0] == '-' {
			p.form = gflagsForm
		}
	}
	if p.form == gflagsForm {
		return p.parseGflag(text)
	}
	return p.parseINI(line, text)
}

// parseGflag reads --name, --name=value and --name value; one dash will do.
func (p *fileParser) parseGflag(text string) error {
	body := strings.TrimPrefix(strings.TrimPrefix(text, "-"), "-")
	end := strings.IndexAny(body, "= \t")
	s := setting{name: flagName(body), file: p.path, line: p.line}
	if end >= 0 {
		s.name, s.hasValue = flagName(body[:end]), true
		s.value = body[end+1:]
		if body[end] != '=' {
			s.value = strings.TrimLeft(s.value, " \t")
		}
	}
	if !strings.HasPrefix(text, "-") || s.name == "" || leadingName(s.name) != s.name {
		return p.fail("%s is not a flag; one is written --name=value", Quote(text))
	}
	p.settings = append(p.settings, s)
	return nil
}

// parseINI reads [section], name = value and the indented lines that continue a value. Sections other than DEFAULT are
// passed over, whatever is in them.
func (p *fileParser) parseINI(line, text string) error {
	indented := len(line) > len(text)
	switch {
	case indented && p.continues:
		if p.inDefault {
			last := &p.settings[len(p.settings)-1]
			last.value = strings.TrimLeft(last.value+" "+text, " ")
		}
		return nil
	case strings.HasPrefix(text, "["):
		section, ok := strings.CutSuffix(text[1:], "]")
		if !ok {
			return p.fail("%s is not a section; one is written [DEFAULT]", Quote(text))
		}
		p.section = strings.TrimSpace(section)
		p.inDefault, p.continues = strings.EqualFold(p.section, "DEFAULT"), false
		return nil
	}
	p.continues = true
	end := strings.IndexAny(text, "=:")
	if !p.inDefault {
		if end < 0 {
			end = len(text)
		}
		p.others = append(p.others, setting{name: flagName(strings.TrimSpace(text[:end])), file: p.path, line: p.line, section: p.section})
		return nil
	}
	if end < 0 || strings.HasPrefix(text, "-") {
		return p.fail("%s is not a setting; one is written name = value", Quote(text))
	}
	name := flagName(strings.TrimRight(text[:end], " \t"))
	if name == "" || strings.ContainsAny(name, " \t") {
		return p.fail("%s is not the name of a flag", Quote(strings.TrimSpace(text[:end])))
	}
	value := unquote(strings.TrimLeft(text[end+1:], " \t"))
	p.settings = append(p.settings, setting{name: name, value: value, hasValue: true, file: p.path, line: p.line})
	return nil
}

// unquote removes the quotes around a value, as Nova's reader of INI files did.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[0] == s[len(s)-1] {
		return s[1 : len(s)-1]
	}
	return s
}
