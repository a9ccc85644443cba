package commands

import (
	"context"
	"net/netip"
	"strings"

	"nova-manage/internal/cli"
	"nova-manage/netcalc"
	"nova-manage/picture"
)

type mapOptions struct {
	Range netip.Prefix
	SVG   string
}

func mapCommand() *command {
	o := &mapOptions{}
	return &command{
		name:  "map",
		short: "draw a range, and what of it is taken",
		long: "It draws rows of blocks, from the first address to the last, on a terminal as many as fit and in colours unless NO_COLOR is " +
			"set; the signs tell the same without. --svg writes a page with the range along a Hilbert curve, on which every CIDR is a square or " +
			"two, and networks have their names where there is room and in any case under the mouse. `nova-manage whois RANGE` and " +
			"`nova-manage usage --range RANGE` say it in words and numbers.",
		examples: []string{"nova-manage map 10.0.0.0/8", "nova-manage map 2001:db8::/48 --svg map.svg"},
		args:     []*cli.Arg{cli.Required(cli.Typed(&o.Range, "RANGE", netcalcValue(netcalc.ParsePrefix), "a CIDR of either family").Completes(aNetworkRange))},
		flags: []*cli.Flag{cli.Typed(&o.SVG, "svg", filePath, "write a page to FILE, as a whole or not at all; - is standard output").Completes(cli.Files).
			As("FILE").NotInFlagfile()},
		ledger: reads,
		files:  func() bool { return isFile(o.SVG) },
		run:    o.run,
	}
}

func (o *mapOptions) run(ctx context.Context, s *session) error {
	columns, lines := s.Sys.TerminalWidth(), s.Sys.TerminalHeight()
	if columns <= 0 || lines <= 0 {
		columns, lines = 80, 24
	}
	m := picture.ForRows(o.Range, columns, lines)
	if o.SVG != "" {
		m = picture.ForPage(o.Range)
	}
	for p, err := range s.store.MapParts(ctx, o.Range) {
		if err != nil {
			return err
		}
		kind := picture.Network
		switch {
		case p.State == "held":
			kind = picture.Held
		case p.State == "reserved":
			kind = picture.Reserved
		case p.Floating:
			kind = picture.Floating
		}
		m.Add(picture.Part{Span: p.Span, Kind: kind, Name: p.Name})
	}
	if o.SVG != "" {
		return s.output(ctx, o.SVG, m.SVG())
	}
	_, err := s.Stdout.Write(m.Rows(coloursOf(s)))
	return err
}

// coloursOf is how many colours the answer may have.
func coloursOf(s *session) picture.Colours {
	terminal, _ := s.Sys.LookupEnv("TERM")
	switch {
	case !s.Coloured():
		return picture.Plain
	case strings.Contains(terminal, "256color"):
		return picture.Many
	}
	return picture.Basic
}
