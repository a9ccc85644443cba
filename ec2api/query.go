package ec2api

import (
	"fmt"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type pair struct{ name, value string }

// pairsOf reads a query or a form. What is signed and what is understood come from here both, so that they cannot differ.
func pairsOf(raw string) (pairs []pair, err error) {
	for text := range strings.SplitSeq(raw, "&") {
		if text == "" {
			continue
		}
		if len(pairs) == maxParameters {
			return nil, Errorf(InvalidRequest, "the request has more than %d parameters", maxParameters)
		}
		name, value, _ := strings.Cut(text, "=")
		var p pair
		if p.name, err = url.QueryUnescape(name); err == nil {
			p.value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, Errorf(InvalidRequest, "the parameters are not escaped as a query is: %v", err)
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// maxName is more than the longest name of a parameter has.
const maxName = 255

// parameters are those of a request.
type parameters struct {
	left  map[string]string // that nobody has asked for yet
	below map[string]bool   // A.1 and A where there is an A.1.B, so that a list of thousands is walked in as many steps
}

func parametersOf(r Request) (p parameters, err error) {
	if len(r.Body) > MaxBody || len(r.RawQuery) > MaxBody {
		return p, TooLarge()
	}
	raw := r.RawQuery
	switch {
	case r.Method == "POST":
		if kind := strings.Join(r.header("Content-Type"), ","); kind != "" {
			if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/x-www-form-urlencoded" {
				return p, Errorf(InvalidRequest, "the Content-Type %s is not application/x-www-form-urlencoded", quoted(kind))
			}
		}
		raw += "&" + string(r.Body)
	case r.Method != "GET":
		return p, Errorf(InvalidRequest, "the method %s is neither GET nor POST", quoted(r.Method))
	case len(r.Body) > 0:
		return p, Errorf(InvalidRequest, "a GET has its parameters in the query, and no body")
	}
	pairs, err := pairsOf(raw)
	if err != nil {
		return p, err
	}
	p = parameters{map[string]string{}, map[string]bool{}}
	for _, pair := range pairs {
		if err := checkText(pair.name, pair.name); err != nil {
			return p, err
		}
		if err := checkText(pair.name, pair.value); err != nil {
			return p, err
		}
		if len(pair.name) > maxName {
			return p, Errorf(InvalidRequest, "the name of the parameter %s has more than %d bytes", quoted(pair.name), maxName)
		}
		if _, twice := p.left[pair.name]; twice {
			return p, Errorf(InvalidParameterValue, "the parameter %s is given twice", quoted(pair.name))
		}
		p.left[pair.name] = pair.value
		for i, c := range pair.name {
			if c == '.' {
				p.below[pair.name[:i]] = true
			}
		}
	}
	return p, nil
}

// checkText refuses what XML could not give back, and what could break a line.
func checkText(name, s string) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || c == '\ufffe' || c == '\uffff' }) {
		return Errorf(InvalidParameterValue, "the parameter %s has a character that is not text", quoted(name))
	}
	return nil
}

// take is the value of a parameter, "" where it is not there. One that is there and empty is an error: it is what a script sends whose
// variable is not set.
func (p parameters) take(name string) (string, error) {
	value, ok := p.left[name]
	if ok && value == "" {
		return "", Errorf(InvalidParameterValue, "the parameter %s is empty", name)
	}
	delete(p.left, name)
	return value, nil
}

func (p parameters) need(name string) (string, error) {
	value, err := p.take(name)
	if err == nil && value == "" {
		err = Errorf(MissingParameter, "the parameter %s is missing", name)
	}
	return value, err
}

// list is NAME.1, NAME.2 and so on, as far as they go; one behind a gap is left, and refused by rest.
func (p parameters) list(name string) (values []string, err error) {
	for n := 1; ; n++ {
		value, err := p.take(fmt.Sprintf("%s.%d", name, n))
		if err != nil || value == "" {
			return values, err
		}
		values = append(values, value)
	}
}

// has tells whether there was a parameter below PREFIX.
func (p parameters) has(prefix string) bool { return p.below[prefix] }

func (p parameters) flag(name string) (bool, error) {
	value, err := p.take(name)
	switch {
	case err != nil || value == "":
		return false, err
	case strings.EqualFold(value, "true"):
		return true, nil
	case strings.EqualFold(value, "false"):
		return false, nil
	}
	return false, Errorf(InvalidParameterValue, "%s %s is neither true nor false", name, quoted(value))
}

// number is a parameter that is a number, and whether it is there.
func (p parameters) number(name string) (n int, ok bool, err error) {
	value, err := p.take(name)
	if err != nil || value == "" {
		return 0, false, err
	}
	if n, err = strconv.Atoi(value); err != nil {
		return 0, false, Errorf(InvalidParameterValue, "%s %s is not a number", name, quoted(value))
	}
	return n, true, nil
}

// longestText bounds what is told of a request.
const longestText = 1000

// text is a request in a line, its parameters in order. None of them is a secret: a signature is in a header.
func (p parameters) text(action string) string {
	text := action
	for _, name := range slices.Sorted(maps.Keys(p.left)) {
		value := p.left[name]
		if name == "ClientToken" {
			continue
		}
		if strings.ContainsAny(value, ` "`) {
			value = strconv.Quote(value)
		}
		if text += " " + name + "=" + value; len(text) > longestText {
			return strings.ToValidUTF8(text[:longestText], "") + "..."
		}
	}
	return text
}

// rest refuses what nobody asked for: a parameter that is ignored would widen what a request does. Of several it names the first in order.
func (p parameters) rest(action string) error {
	first := ""
	for name := range p.left {
		if first == "" || name < first {
			first = name
		}
	}
	if len(p.left) == 0 {
		return nil
	}
	return Errorf(UnknownParameter, "%s takes no parameter %s here", action, quoted(first))
}
