package cli

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// offered is what a shell is answered, without what each word is about.
func (f *fake) offered(t *testing.T, p *Program, asked ...string) string {
	t.Helper()
	f.start()
	if code := p.Run(append([]string{"nova-manage", completeWord}, asked...), f.sys); code != 0 || f.stderr.Len() > 0 {
		t.Errorf("%q: exit %d, %s", asked, code, f.stderr.String())
	}
	kind, rest, _ := strings.Cut(f.stdout.String(), "\n")
	if kind != "words" {
		return kind + rest
	}
	var words []string
	for line := range strings.Lines(rest) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		words = append(words, word)
	}
	return strings.Join(words, "|")
}

// completing is the fake's program with flags that complete.
func (f *fake) completing(t *testing.T) *Program {
	p := f.program()
	make := p.Commands[1].Actions[0]
	var colour, other string
	paint := &Command{
		Name: "paint", Short: "paint a thing",
		Args: []*Arg{Required(Text(&other, "THING", "what").Completes("thing")), Optional(Choice(&colour, "COLOUR", []string{"red", "rose", "blue"}, "how"))},
		Flags: []*Flag{
			Text(&other, "output", "where to").Letter("o").Completes(Files), Text(&other, "dir", "where to").Completes(Folders),
			Text(&other, "like", "as what").Letter("l").Completes("thing"), Choice(&colour, "under_coat", []string{"red", "white"}, "below"),
		},
		Columns: Fields(fakeColumns),
		Run:     make.Run,
	}
	p.Commands[1].Actions = append(p.Commands[1].Actions, paint)
	p.Complete = func(_ context.Context, w Incomplete) []Candidate {
		if w.Kind != "thing" {
			t.Errorf("asked for %q", w.Kind)
		}
		return []Candidate{{"shed", "in the garden"}, {"ship $(x)", ""}, {"-dash", ""}, {"fd00:1::/64", ""}, {"line\nbreak", ""}, {"", ""},
			{"path=" + f.statePath, ""}, {"of=" + w.Given("COLOUR", "under_coat"), ""}}
	}
	return p
}

func TestComplete(t *testing.T) {
	f := newFake(t)
	things := "shed|ship $(x)|fd00:1::/64|path=|of="
	for _, tt := range []struct{ line, want string }{
		{"|", "help|thing|poke|thorn"},
		{"|th", "thing|thorn"},
		{"|x", ""},
		{"x|", ""},
		{"thing|", "make|list|mask|paint"},
		{"thing|ma", "make|mask"},
		{"thing|m|", ""}, // make or mask
		{"thin|l|--q", "--quiet"},
		{"-q|thin|p|sh", "shed|ship $(x)"},
		{"help|", "help|thing|poke|thorn"},
		{"help|thing|p", "paint"},
		{"thing|help|p", "paint"},
		{"help|thing|paint|", ""},
		{"help|thing|paint|--und", ""},
		{"thing|make|--", "--fixed_range|--num_things|--size|--use_ipv6|--tag|--host|--networks_path|--late|--flagfile|--state_path|--format|--column|--prefix|--quiet|--color|--help"},
		{"thing|make|--fixed_range|10/8|--tag|a|--f", "--flagfile|--format"}, // one that may be repeated is offered again
		{"thing|make|--tag|a|--t", "--tag"},
		{"thing|make|--fixed-", "--fixed-range"},
		{"thing|make|--ext", "--extent"},
		{"thing|make|--no", "--nouse_ipv6|--noquiet"},
		{"thing|make|--nouse-", "--nouse-ipv6"},
		{"thing|make|--use_ipv6=", "--use_ipv6=yes|--use_ipv6=no"},
		{"--v", "--version"},
		{"--version|", "help|thing|poke|thorn"},
		{"thing|make|--fixed_range|", ""},
		{"thing|paint|", things},
		{"thing|paint|--|", "shed|ship $(x)|-dash|fd00:1::/64|path=|of="},
		{"thing|paint|--|-", "-dash"},
		{"thing|paint|--|--li", ""},
		{"thing|paint|shed|r", "red|rose"},
		{"thing|paint|shed|red|", "--output|--dir|--like|--under_coat|--long|--flagfile|--state_path|--format|--column|--prefix|--quiet|--color|--help"},
		{"thing|paint|shed|red|x", ""},
		{"thing|paint|--like|", things},
		{"thing|paint|--like|-", ""},
		{"thing|paint|--like|--un", "--under_coat"},
		{"thing|paint|-", "--output|--dir|--like|--under_coat|--long|--flagfile|--state_path|--format|--column|--prefix|--quiet|--color|--help|-o|-l|-f|-c|-q"},
		{"thing|paint|--like=", "--like=shed|--like=ship $(x)|--like=-dash|--like=fd00:1::/64|--like=path=|--like=of="},
		{"thing|paint|--like=s", "--like=shed|--like=ship $(x)"},
		{"thing|paint|--like=-", "--like=-dash"},
		{"thing|paint|--under-coat=w", "--under-coat=white"},
		{"thing|paint|--under_coat|w", "white"},
		{"thing|paint|-ls", "-lshed|-lship $(x)"},
		{"thing|paint|-l=sh", "-l=shed|-l=ship $(x)"},
		{"thing|paint|-ql|she", "shed"},
		{"thing|paint|-q", "-q"},
		{"thing|paint|-x", ""},
		{"thing|paint|-qfj", "-qfjson"},
		{"thing|paint|-1", ""}, // a number
		{"thing|paint|--unknown|x|", ""},
		{"thing|paint|--unknown=", ""},
		{"thing|paint|--output|", "files"},
		{"thing|paint|--output=a", "files"},
		{"thing|paint|-o|a", "files"},
		{"thing|paint|--dir|", "folders"},
		{"--flagfile|x", "files"},
		{"thing|paint|-c|", "id|label|up|tags|made"},
		{"thing|paint|-c|la", "label"},
		{"thing|paint|-c|id,", "id,label|id,up|id,tags|id,made"},
		{"thing|paint|-c|id,tags,m", "id,tags,made"},
		{"--output|a|thing|paint|-f|y", "yaml"},
		{"--like|", things}, // a flag may stand before the command that has it
		{"thing|paint|--state_path|/x|pa", "path=/x"},
		{"thing|paint|shed|--under_coat|white|--like|of", "of=white"},
		{"thing|paint|shed|red|--like|of", "of=red"},
		{"thing|paint|--flagfile|/nonexistent|", ""}, // which would be an error
		{"thing|paint|-f|nonsense|she", "shed"},      // which would be, too, and says nothing of the ledger
	} {
		words := append([]string{"zsh", "nova-manage"}, strings.Split(tt.line, "|")...)
		if got := f.offered(t, f.completing(t), words...); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
}

// A program that does not answer is not waited for, and one that breaks breaks nothing.
func TestComplete_unanswered(t *testing.T) {
	f := newFake(t)
	for name, complete := range map[string]func(context.Context, Incomplete) []Candidate{
		"hangs":  func(context.Context, Incomplete) []Candidate { time.Sleep(time.Minute); return nil },
		"panics": func(context.Context, Incomplete) []Candidate { panic("broken") },
	} {
		p := f.completing(t)
		p.Complete = complete
		begin := time.Now()
		if got := f.offered(t, p, "zsh", "nova-manage", "thing", "paint", ""); got != "" {
			t.Errorf("%s: %s", name, got)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	for _, asked := range [][]string{{}, {"bash"}, {"tcsh", "x"}, {"bash", ""}, {"fish", ""}, {"zsh", ""}, {"zsh", "x"}, {"bash", "a", "b", "c"}} {
		f.offered(t, f.completing(t), asked...)
	}
}

// What bash is told stands for the part of the word that it replaces, in the quotes that are open.
func TestComplete_bash(t *testing.T) {
	f := newFake(t)
	f.environment["DIR"] = "/there"
	for _, tt := range []struct{ line, tail, want string }{
		{"nova-manage thing paint ", "", `shed|ship\ \$\(x\)|fd00:1::/64|path=|of=`},
		{"nova-manage thing paint shi", "shi", `ship\ \$\(x\)`},
		{`nova-manage thing paint ship\ \$`, `ship\ \$`, `ship\ \$\(x\)`},
		{`nova-manage thing paint "shi`, "shi", `ship \$(x)`},
		{`nova-manage thing paint 'shi`, "shi", `ship $(x)`},
		{`nova-manage thing paint sh"ip `, "ip ", `ip \$(x)`},
		{`nova-manage thing paint "ship "\$`, `\$`, `\$\(x\)`},
		{"nova-manage thing paint fd00:1", "1", "1::/64"},
		{"nova-manage thing paint fd00::", "", ""},
		{"nova-manage thing paint --like=sh", "sh", `shed|ship\ \$\(x\)`},
		{"nova-manage thing paint --like=", "", `shed|ship\ \$\(x\)|-dash|fd00:1::/64|path=|of=`},
		{"nova-manage thing paint '--like=sh", "--like=sh", `--like=shed|--like=ship $(x)`},
		{"nova-manage thing paint shed > a", "a", "files"},
		{"nova-manage thing paint 2>/dev/null shed r", "r", "red|rose"},
		{"nova-manage thing paint 2>&1 shed r", "r", "red|rose"},
		{"nova-manage thing paint shed&>log r", "r", "red|rose"},
		{"nova-manage thing paint x2>log r", "r", "red|rose"},
		{"A=b C='d e' nova-manage thing paint she", "she", "shed"},
		{"x; nova-manage thing paint she", "she", "shed"},
		{"x | nova-manage thing paint she", "she", "shed"},
		{"nova-manage \\\n thing paint she", "she", "shed"},
		{"nova-manage --state_path ~/x thing paint pa", "pa", "path=/home/op/x"},
		{"nova-manage --state_path ~ thing paint pa", "pa", "path=/home/op"},
		{"nova-manage --state_path '~/x' thing paint pa", "pa", `path=\~/x`},
		{"nova-manage --state_path $DIR/x thing paint pa", "pa", "path=/there/x"},
		{`nova-manage --state_path "${DIR}/x" thing paint pa`, "pa", "path=/there/x"},
		{"nova-manage --state_path '$DIR' thing paint pa", "pa", `path=\$DIR`},
		{"nova-manage --state_path $(rm\\ -rf) thing paint pa", "pa", ""},
		{"nova-manage", "nova-manage", ""}, // bash itself completes the name of a program
	} {
		if got := f.offered(t, f.completing(t), "bash", tt.line, tt.tail); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
}

func TestComplete_fish(t *testing.T) {
	f := newFake(t)
	for line, want := range map[string]string{
		`nova-manage thing paint ship\ \$`:               "ship $(x)",
		`nova-manage thing paint 'ship $`:                "ship $(x)",
		`nova-manage thing paint "ship \$`:               "ship $(x)",
		`nova-manage thing paint --like=ship\ `:          "--like=ship $(x)",
		`nova-manage --state_path 'a\'b' thing paint pa`: "path=a'b",
		"nova-manage thing paint shed r":                 "red|rose",
	} {
		if got := f.offered(t, f.completing(t), "fish", line); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

func TestQuoteForBash(t *testing.T) {
	const text = "a b\"c'd$e`f\\g!h;i*j~k{l}#é"
	for quote, want := range map[byte]string{
		0:    "a\\ b\\\"c\\'d\\$e\\`f\\\\g\\!h\\;i\\*j\\~k\\{l\\}\\#é",
		'"':  "a b\\\"c'd\\$e\\`f\\\\g\"'!'\"h;i*j~k{l}#é",
		'\'': "a b\"c'\\''d$e`f\\g!h;i*j~k{l}#é",
	} {
		if got := quoteForBash(text, quote); got != want {
			t.Errorf("behind %q:\n got %s\nwant %s", quote, got, want)
		}
		// Our own reading of it is the text again.
		s := &shellLine{sys: newFake(t).sys}
		closing := strings.Trim(string(rune(quote)), "\x00")
		if s.split(closing + quoteForBash(text, quote) + closing + " "); !slices.Equal(s.words, []string{text}) {
			t.Errorf("behind %q it is read as %q", quote, s.words)
		}
	}
}

func TestCompletionScript(t *testing.T) {
	for _, shell := range Shells {
		script := CompletionScript("nova-manage", shell)
		if script == "" || strings.Contains(script, "PROGRAM") || strings.Contains(script, "FUNCTION") {
			t.Errorf("%s:\n%s", shell, script)
		}
	}
}
