package cli

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ManualPage is a page of the manual, in the language of man(7).
type ManualPage struct {
	Name string // without the section, as `man` takes it
	Text []byte
}

// ManualSection is a section of the first page that no declaration says.
type ManualSection struct{ Title, Text string }

// Manual is what pages say beside the declarations.
type Manual struct {
	Version string
	Date    string // of the release, YYYY-MM-DD
	// About is the description of the program, and Sections are those of its page that follow the list of its flags.
	About    string
	Sections []ManualSection
}

// manualSection is the one for commands that any user may run (man-pages(7)).
const manualSection = "1"

// Manual writes the pages: the program's own, and one for each command of the first level.
func (p *Program) Manual(m Manual) (pages []ManualPage) {
	p.prepare()
	pages = append(pages, ManualPage{p.Name, p.mainPage(m)})
	for _, c := range p.Commands {
		if c.Name != "help" { // which is about all of them
			pages = append(pages, ManualPage{p.Name + "-" + c.Name, p.commandPage(m, c)})
		}
	}
	return pages
}

func (p *Program) mainPage(m Manual) []byte {
	r := &roff{}
	r.head(p.Name, p.Short, m)
	r.section("SYNOPSIS")
	r.synopsis(bold(p.Name) + " [" + italic("global flags") + "] " + italic("<category>") + " " + italic("<action>") +
		" [" + italic("flags and arguments in any order") + "]")
	r.section("DESCRIPTION")
	r.text(m.About)
	r.section("COMMANDS")
	for _, c := range p.Commands {
		if c.Name == "help" {
			r.item(bold(c.Name)+" ["+italic("COMMAND...")+"]", roffText(c.Short))
			continue
		}
		r.item(bold(p.Name+"-"+c.Name)+"("+manualSection+")", roffText(c.Short))
	}
	r.section("GLOBAL FLAGS")
	r.text("Every command takes these, before its words or after them.")
	r.flags(p, p.globals.flags)
	r.item(bold("-h")+", "+bold("--help"), "explain the command")
	r.item(bold("--version"), "print the version")
	for _, s := range m.Sections {
		r.section(s.Title)
		r.text(s.Text)
	}
	r.section("EXAMPLES")
	r.code(p.Examples)
	r.seeAlso(p, nil)
	return r.Bytes()
}

func (p *Program) commandPage(m Manual, c *Command) []byte {
	r := &roff{}
	r.head(p.Name+"-"+c.Name, c.Short, m)
	r.section("SYNOPSIS")
	if c.Run != nil {
		r.signatures(c)
	}
	for _, a := range c.below() {
		if a.Run != nil {
			r.signatures(a)
		}
	}
	r.section("DESCRIPTION")
	if c.Long != "" {
		r.text(c.Long)
	} else {
		r.text(sentence(c.Short))
	}
	if c.Run != nil {
		r.details(p, c)
	}
	if len(c.Actions) > 0 {
		r.section("ACTIONS")
	}
	for _, a := range c.below() {
		r.subsection(p.Name + " " + a.path())
		r.text(sentence(a.Short))
		r.text(a.Long)
		r.details(p, a)
	}
	r.section("GLOBAL FLAGS")
	r.text("Those that every command takes, the formats of answers, the exit codes, the environment and the files are described in " +
		p.Name + "(" + manualSection + ").")
	r.seeAlso(p, c)
	return r.Bytes()
}

// details are what a command takes and answers.
func (r *roff) details(p *Program, c *Command) {
	if args := c.allArgs(); len(args) > 0 {
		r.text("Arguments:")
		for _, a := range args {
			about := a.usage
			if def := a.helpDefault(); def != "" {
				about += " (default: " + def + ")"
			}
			r.item(italic(a.word()), roffText(about))
		}
	}
	if len(c.Flags) > 0 {
		r.text("Flags:")
		r.flags(p, c.Flags)
	}
	if len(c.Columns) > 0 {
		names := make([]string, len(c.Columns))
		for i, f := range c.Columns {
			names[i] = f.name
			if f.long {
				names[i] = "[" + f.name + "]"
			}
		}
		about := "Columns:"
		if slices.ContainsFunc(c.Columns, func(f Field) bool { return f.long }) {
			about = "Columns (those in brackets are in a table only with --long or where they are asked for):"
		}
		r.text(about + " " + strings.Join(names, ", ") + ".")
	}
	if len(c.Examples) > 0 {
		r.text("Examples:")
		r.code(c.Examples)
	}
}

// flags lists flags with all that may be typed for each.
func (r *roff) flags(p *Program, fs []*Flag) {
	for _, f := range fs {
		var names []string
		if f.short != "" {
			names = append(names, bold("-"+f.short))
		}
		for _, name := range f.spellings() {
			names = append(names, bold("--"+name))
		}
		if f.kind == yesOrNo {
			names = append(names, bold("--no"+f.name))
		}
		tag := strings.Join(names, ", ")
		if f.value != "" {
			tag += " " + italic(f.value)
		}
		about := f.usage
		if def := f.helpDefault(); def != "" && f.kind != yesOrNo {
			about += " (default: " + def + ")"
		} else if def == "true" {
			about += " (default)"
		}
		r.item(tag, roffText(about))
	}
}

// seeAlso refers to the other pages.
func (r *roff) seeAlso(p *Program, c *Command) {
	r.section("SEE ALSO")
	var refs []string
	if c != nil {
		refs = append(refs, bold(p.Name)+"("+manualSection+")")
	}
	for _, other := range p.Commands {
		if other != c && other.Name != "help" {
			refs = append(refs, bold(p.Name+"-"+other.Name)+"("+manualSection+")")
		}
	}
	r.line(strings.Join(refs, ",\n"))
}

// roff is a page as it is written.
type roff struct {
	bytes.Buffer
	begun bool // a section has begun, whose first paragraph needs no request
}

func (r *roff) line(s string) { r.WriteString(s + "\n") }

// prose is text that may be broken between words, in lines as short as the rest of the source.
func (r *roff) prose(s string) {
	for _, l := range fold(s, 78, 78) {
		if l[0] == '.' || l[0] == '\'' {
			l = `\&` + l
		}
		r.line(l)
	}
}

// paragraph begins one.
func (r *roff) paragraph() {
	if !r.begun {
		r.line(".PP")
	}
	r.begun = false
}

func (r *roff) head(name, short string, m Manual) {
	r.line(fmt.Sprintf(`.TH %s %s "%s" "%s" "%s"`, roffText(strings.ToUpper(name)), manualSection, m.Date, roffText(m.Version),
		roffText(strings.SplitN(name, "-", 3)[0]+" manual")))
	r.line(".nh") // a name that is broken cannot be copied
	r.line(".ad l")
	r.section("NAME")
	r.prose(roffText(name) + ` \- ` + roffText(short))
}

func (r *roff) section(title string)    { r.heading(".SH", title) }
func (r *roff) subsection(title string) { r.heading(".SS", title) }

func (r *roff) heading(macro, title string) {
	r.line(macro + " " + roffText(title))
	r.begun = true
}

// synopsis is one way to type a command, its further lines indented.
func (r *roff) synopsis(s string) {
	r.line(".HP")
	r.prose(s)
	r.begun = false
}

// signatures are all ways to type the command.
func (r *roff) signatures(c *Command) {
	forms := [][]*Arg{c.Args}
	if c.Other != nil {
		forms = append(forms, c.Other.Args)
	}
	for _, args := range forms {
		words := []string{bold(c.program + " " + c.path())}
		for _, a := range args {
			name := italic(a.word())
			if a.variadic {
				name += "..."
			}
			if !a.required {
				name = "[" + name + "]"
			}
			words = append(words, name)
		}
		r.synopsis(strings.Join(append(words, "["+italic("flags")+"]"), " "))
	}
}

// item is a thing and what it is.
func (r *roff) item(tag, about string) {
	r.line(".TP")
	r.line(tag)
	r.prose(about)
	r.begun = false
}

// code is lines as they are typed.
func (r *roff) code(lines []string) {
	r.paragraph()
	r.line(".RS 4")
	r.line(".nf")
	for _, l := range lines {
		r.line(roffText(l))
	}
	r.line(".fi")
	r.line(".RE")
}

// tagged is a line of a list within a text: what it is about, and behind a gap what is said of it.
var tagged = regexp.MustCompile(`^ +(\S(?:.*?\S)?) {2,}(\S.*)$`)

// text writes a text of ours: lines that are indented are a list where there is a gap in each, and otherwise stay as they are.
func (r *roff) text(s string) {
	begun := false // a paragraph
	var laidOut []string
	flush := func() {
		switch {
		case len(laidOut) == 0:
			return
		case !slices.ContainsFunc(laidOut, func(l string) bool { return !tagged.MatchString(l) }):
			for _, l := range laidOut {
				m := tagged.FindStringSubmatch(l)
				r.item(inline(m[1]), inline(m[2]))
			}
		default:
			for i, l := range laidOut {
				laidOut[i] = strings.TrimSpace(l)
			}
			r.code(laidOut)
		}
		laidOut, begun = nil, false
	}
	for l := range strings.SplitSeq(s, "\n") {
		switch {
		case strings.HasPrefix(l, " "):
			laidOut = append(laidOut, l)
			continue
		case l == "":
			flush()
			begun = false
			continue
		}
		flush()
		if !begun {
			r.paragraph()
			begun = true
		}
		r.prose(inline(l))
	}
	flush()
}

// sentence makes one of the short description of a command.
func sentence(short string) string {
	first, size := short, 1
	return strings.ToUpper(first[:size]) + first[size:] + "."
}

func bold(s string) string   { return `\fB` + roffText(s) + `\fR` }
func italic(s string) string { return `\fI` + roffText(s) + `\fR` }

// inline is a text with what stands between backticks, which is typed, in bold.
func inline(s string) string {
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 {
		return roffText(s)
	}
	var b strings.Builder
	for i, part := range parts {
		switch {
		case i%2 == 1:
			b.WriteString(bold(part))
		case i == 0:
			b.WriteString(roffText(part))
		default:
			b.WriteString(strings.TrimPrefix(roffText(part), `\&`))
		}
	}
	return b.String()
}

// roffText writes a text so that it is printed as it is, in any place of a line. What is typed is copied from a manual: a hyphen
// that groff would make a typographic one, and quotes that it would curl, are no arguments then (groff_char(7)).
func roffText(s string) string {
	var b strings.Builder
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		b.WriteString(`\&`)
	}
	for _, r := range s {
		switch r {
		case '\\':
			b.WriteString(`\e`)
		case '-':
			b.WriteString(`\-`)
		case '\'':
			b.WriteString(`\(aq`)
		case '"':
			b.WriteString(`\(dq`)
		case '`':
			b.WriteString(`\(ga`)
		case '^':
			b.WriteString(`\(ha`)
		case '~':
			b.WriteString(`\(ti`)
		case '\n', '\t':
			b.WriteByte(' ')
		default:
			if r >= 0x7f {
				fmt.Fprintf(&b, `\[u%04X]`, r)
				continue
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}
