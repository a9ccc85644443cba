package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"nova-manage/netcalc"
)

// checkSettings compares values below /proc/sys.
func checkSettings(w *Want) (found []Difference) {
	for i := range w.Settings {
		s := &w.Settings[i]
		d := Difference{Subject: "sysctl " + s.Path, Should: s.Value, Because: s.Because, set: s}
		text, err := os.ReadFile("/proc/sys/" + s.Path)
		is := strings.Join(strings.Fields(string(text)), " ")
		switch {
		case err == nil && (is == s.Value || s.Also != "" && is == s.Also):
			continue
		case errors.Is(err, fs.ErrNotExist) && s.Optional:
			continue
		case errors.Is(err, fs.ErrNotExist):
			d.Is, d.set = "missing", nil
		case err != nil:
			d.Is, d.set = reason(err).Error(), nil
		default:
			d.Is = is
		}
		found = append(found, d)
	}
	return found
}

// checkFilter compares the packet filter that the kernel has with the one of the file, as the kernel would show that. The file is
// loaded where it can do no harm, in a network namespace of its own.
func checkFilter(ctx context.Context, f *Filter) (found []Difference, err error) {
	if f == nil {
		return nil, nil
	}
	script := "nft -f -"
	for _, table := range f.Tables {
		script += " && nft --stateless list table " + table
	}
	wanted, err := run(ctx, f.Text, "unshare", "-n", "sh", "-c", script)
	if err != nil {
		return nil, fmt.Errorf("the packet filter cannot be loaded, even by itself: %w", err)
	}
	var have []byte
	for _, table := range f.Tables {
		out, err := run(ctx, nil, "nft", append([]string{"--stateless", "list", "table"}, strings.Fields(table)...)...)
		if err != nil {
			if !strings.Contains(err.Error(), "No such file or directory") {
				return nil, err
			}
			found = append(found, Difference{Subject: "nftables table " + table, Is: "missing", Should: "loaded", Because: f.Path, does: LoadFilter})
			out = nil
		}
		have = append(have, out...)
	}
	if string(have) == string(wanted) {
		return nil, nil
	}
	missing := make(map[string]bool, len(found))
	for _, d := range found {
		missing[strings.TrimPrefix(d.Subject, "nftables table ")] = true
	}
	is, should := filterLines(have), filterLines(wanted)
	for _, line := range difference(should, is) {
		if !missing[line.table] {
			found = append(found, Difference{Subject: "nftables " + line.block, Is: "missing", Should: line.text, Because: f.Path, does: LoadFilter})
		}
	}
	for _, line := range difference(is, should) {
		found = append(found, Difference{Subject: "nftables " + line.block, Is: line.text, Should: "not there", Because: f.Path, does: LoadFilter})
	}
	if found == nil {
		// Only the order of rules differs, which decides as well.
		found = append(found, Difference{Subject: "nftables", Is: "rules in another order", Should: "as in the file", Because: f.Path, does: LoadFilter})
	}
	return found, nil
}

// filterLine is a rule, an element or a property of a block of the packet filter.
type filterLine struct{ table, block, text string }

// filterLines takes a listing of nft apart. Elements stand several on a line.
func filterLines(listing []byte) (lines []filterLine) {
	var table, block string
	elements := false
	for raw := range strings.Lines(string(listing)) {
		line := strings.TrimSpace(raw)
		switch {
		case line == "":
		case strings.HasPrefix(line, "table ") && strings.HasSuffix(line, "{"):
			table = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(line, "table "), "{"))
			block = "table " + table
		case !elements && strings.HasSuffix(line, "{") && !strings.Contains(line, "="):
			block = table + " " + strings.TrimSpace(strings.TrimSuffix(line, "{"))
			lines = append(lines, filterLine{table, "table " + table, strings.TrimSpace(strings.TrimSuffix(line, "{"))})
		case line == "}":
			elements = false
		case elements || strings.HasPrefix(line, "elements = {"):
			rest := strings.TrimPrefix(line, "elements = {")
			elements = !strings.HasSuffix(rest, "}")
			for element := range strings.SplitSeq(strings.TrimSuffix(rest, "}"), ",") {
				if element = strings.TrimSpace(element); element != "" {
					lines = append(lines, filterLine{table, block, element})
				}
			}
		default:
			lines = append(lines, filterLine{table, block, line})
		}
	}
	return lines
}

// difference are the lines of a that are not in b, as often as they are missing there.
func difference(a, b []filterLine) (only []filterLine) {
	have := make(map[filterLine]int, len(b))
	for _, line := range b {
		have[line]++
	}
	for _, line := range a {
		if have[line]--; have[line] < 0 {
			only = append(only, line)
		}
	}
	return only
}

// checkNeighbours finds who is on our bridges and should not be. It only tells: who that is is for people to find out.
func checkNeighbours(ctx context.Context, w *Want) (found []Difference, err error) {
	bridges := map[string]bool{}
	for i := range w.Links {
		if w.Links[i].Kind == Bridge {
			bridges[w.Links[i].Name] = true
		}
	}
	all, err := ipJSON[liveNeighbour](ctx, "neighbour", "show")
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		mac, err := netcalc.ParseMAC(n.MAC)
		if err != nil || !bridges[n.Device] || w.Neighbour.Free[n.Address] || slices.Contains(n.State, "FAILED") {
			continue
		}
		subject := "neighbour on " + n.Device
		addresses, known := w.Neighbour.Guests[Guest{n.Device, mac}]
		switch {
		case !known:
			found = append(found, Difference{Subject: subject, Is: fmt.Sprintf("%s at %s", n.Address, mac),
				Should: "a MAC of the ledger", Because: "no instance on " + n.Device + " has it"})
		case n.Address.IsLinkLocalUnicast() || slices.Contains(addresses, n.Address):
		default:
			found = append(found, Difference{Subject: subject, Is: fmt.Sprintf("%s at %s", n.Address, mac),
				Should: joinAddrs(addresses), Because: "the instance with that MAC"})
		}
	}
	sortDifferences(found)
	return found, nil
}

func joinAddrs(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, " or ")
}
