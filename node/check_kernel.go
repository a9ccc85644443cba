//go:build linux

package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nova-manage/netcalc"
)

// checkSettings compares values below /proc/sys.
func checkSettings(w *Want) (found []Difference) {
	for i := range w.Settings {
		s := &w.Settings[i]
		d := Difference{Subject: "sysctl " + s.Path, Should: s.Value, Because: s.Because, set: s}
		text, err := readSetting(s.Path)
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

// readSetting reads a value of the kernel by its own calls: 4,000 bridges have 16,000 of them.
func readSetting(path string) ([]byte, error) {
	fd, err := openFile("/proc/sys/"+path, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readAll(fd, 127)
}

// checkFilter compares the packet filter that the kernel has with the one of the file, as the kernel would show that.
func checkFilter(ctx context.Context, f *Filter) (found []Difference, err error) {
	if f == nil {
		return nil, nil
	}
	have, err := f.live(ctx)
	if err != nil {
		return nil, err
	}
	wanted := f.remembered()
	if wanted == nil || !bytes.Equal(wanted, bytes.Join(have, nil)) {
		// What is remembered may be another version's way to show the same.
		if wanted, err = f.listing(ctx); err != nil {
			return nil, err
		}
	}
	return f.compare(have, wanted), nil
}

// live is how the kernel shows the tables, each nil where it is not there.
func (f *Filter) live(ctx context.Context) (tables [][]byte, err error) {
	tables = make([][]byte, len(f.Tables))
	errs := make([]error, len(f.Tables))
	parallel(len(f.Tables), func(i int) {
		tables[i], errs[i] = run(ctx, nil, "nft", append([]string{"--stateless", "list", "table"}, strings.Fields(f.Tables[i])...)...)
		if says(errs[i], "No such file or directory") {
			tables[i], errs[i] = nil, nil
		}
	})
	return tables, firstError(errs)
}

// listing is how the kernel would show the tables of the file. It is loaded where it can do no harm, in a network namespace of its
// own, where nft also finds what its check alone passes: jumps in a circle, and NAT in a chain of another kind.
func (f *Filter) listing(ctx context.Context) ([]byte, error) {
	script := "nft -f -"
	for _, table := range f.Tables {
		script += " && nft --stateless list table " + table
	}
	return run(ctx, f.Text, "unshare", "-n", "sh", "-c", script)
}

// rememberedPath is where an apply leaves the listing of the file that it has loaded, behind the checksum of that file's text:
// making it anew takes nft longer than everything else that a check does.
const rememberedPath = runFolder + "/nftables"

func (f *Filter) sum() []byte {
	sum := sha256.Sum256(f.Text)
	return append(hex.AppendEncode(nil, sum[:]), '\n')
}

// remembered is the listing of this very text that the last apply has left, or nil.
func (f *Filter) remembered() []byte {
	text, err := os.ReadFile(rememberedPath)
	if err != nil {
		return nil
	}
	listing, found := bytes.CutPrefix(text, f.sum())
	if !found {
		return nil
	}
	return listing
}

// remember leaves the listing for the checks to come, which do without it as well.
func (f *Filter) remember(listing []byte) {
	_ = WriteFile(rememberedPath, 0o600, append(f.sum(), listing...))
}

// compare tells the tables that the kernel has from the listing of those that it should have.
func (f *Filter) compare(tables [][]byte, wanted []byte) (found []Difference) {
	for i, table := range f.Tables {
		if tables[i] == nil {
			found = append(found, Difference{Subject: "nftables table " + table, Is: "missing", Should: "loaded", Because: f.Path, does: LoadFilter})
		}
	}
	have := bytes.Join(tables, nil)
	if bytes.Equal(have, wanted) {
		return nil
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
	return found
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
		case !known && isOwn(n.Device, mac, n.Address):
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

// isOwn tells whether a neighbour is the link itself: the kernel hears the router advertisements that radvd sends there.
func isOwn(link string, mac netcalc.MAC, address netip.Addr) bool {
	i, err := net.InterfaceByName(link)
	if err != nil || !bytes.Equal(i.HardwareAddr, mac[:]) {
		return false
	}
	addresses, _ := i.Addrs()
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr() == address
	})
}

func joinAddrs(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, " or ")
}
