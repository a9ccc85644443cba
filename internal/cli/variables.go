package cli

import (
	"slices"
	"strings"
)

// shortestGuess is how long the name of a flag must be for a variable that is like it to be taken for a slip of the finger:
// one letter makes another word of most that are shorter.
const shortestGuess = 5

// warnOfVariables tells the user of variables that are not read and differ in one letter from one that is: on the command
// line that would be an unknown flag. Other programs have variables with our prefix, so that nothing is said of those that
// are like none of ours, and nothing of a flag that only other commands have.
func (p *Program) warnOfVariables(e *Env) {
	known, readable := p.variables()
	var unread []string
	for _, v := range e.Sys.Environ() {
		name, value, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, p.EnvPrefix) && value != "" && !known[name] {
			unread = append(unread, name)
		}
	}
	slices.Sort(unread)
	for _, name := range unread {
		for _, meant := range readable {
			if distance(name, meant) == 1 {
				e.Warnf("the environment's %s is not read: %s", name, didYouMean(meant))
				break
			}
		}
	}
}

// variables are the names that stand for flags of any command, and those of them that are read and long enough for a guess.
func (p *Program) variables() (known map[string]bool, readable []string) {
	known = map[string]bool{p.EnvPrefix + "VERSION": true, p.EnvPrefix + "HELP": true}
	add := func(fs []*Flag) {
		for _, f := range fs {
			for _, name := range f.spellings() {
				variable := p.EnvPrefix + strings.ToUpper(name)
				if !f.typedOnly && len(name) >= shortestGuess && !slices.Contains(readable, variable) {
					readable = append(readable, variable)
				}
				known[variable] = true
			}
		}
	}
	add(p.globals.flags)
	for _, c := range p.runnable() {
		add(c.Flags)
	}
	return known, readable
}
