//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"time"
)

// Options are how Apply is to go about it.
type Options struct {
	Force    bool // replace also what somebody else has written or edited
	DryRun   bool // only tell
	NoReload bool // replace files and tell nobody; what is outstanding is done by the next apply without it
	// Protected refuses a file that must not be written whatever it is called.
	Protected func(path string) error
	// Revoked tells what was allowed by one text of the packet filter and is not by another: the arguments of each call of
	// conntrack(8) that ends it.
	Revoked func(before, after []byte) [][]string
}

// Result is what an apply has found and done.
type Result struct {
	Changes []*Change
	Done    bool         // something was changed, and has not been changed back
	Mended  []Difference // of the kernel and the daemons
	Left    []Difference // what still differs
}

// ConflictError says that files would lose somebody else's work.
type ConflictError struct{ Changes []*Change }

func (e *ConflictError) Error() string {
	first := e.Changes[0]
	text := fmt.Sprintf("%s: %s", first.Path, first.Why())
	if n := len(e.Changes) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// Apply brings the machine to what the tree and w say. Files come first, all before anything is told of them; then the filter,
// links, settings, radvd, dnsmasq, and what is not allowed any more is cut off. Links of ours that are to go are gone before the
// filter that guarded them. So no guest is ever without a filter.
//
// It does what the files do not show, too: an apply that was killed is finished, and what somebody has changed in the kernel or
// stopped is mended.
//
// Errors: ConflictError, before anything is touched. Anything else that goes wrong while files are checked leaves all as it was;
// later the old files are brought back and loaded again. Only where flows cannot be cut off all stays as it should be, so that what
// was revoked is, and the next apply tries again.
func (m *Machine) Apply(ctx context.Context, t *Tree, w *Want, o Options) (*Result, error) {
	if !o.DryRun {
		unlock, err := m.lock(ctx)
		if err != nil {
			return nil, err
		}
		defer unlock()
		t.sweep(m.Root)
	}
	changes, err := t.Compare(m.Root)
	if err != nil {
		return nil, err
	}
	r := &Result{Changes: changes}
	if conflicts := slices.DeleteFunc(slices.Clone(changes), func(c *Change) bool { return !c.State.Conflict() }); len(conflicts) > 0 && !o.Force {
		return r, &ConflictError{conflicts}
	}
	for _, c := range changes {
		if err := o.Protected(c.target); err != nil {
			return nil, err
		}
	}
	if o.DryRun {
		if !o.NoReload {
			r.Left, err = checkLive(ctx, w)
		}
		return r, err
	}
	a := &apply{Machine: m, tree: t, want: w, result: r}
	err = a.prepare(ctx, o)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	// From here on it is finished, or undone: half of it would help nobody.
	ctx = context.WithoutCancel(ctx)
	if err := a.replace(ctx, o); err != nil {
		return r, err
	}
	if o.NoReload {
		return r, nil
	}
	if err := a.follow(ctx); err != nil {
		return r, a.undo(ctx, err)
	}
	a.step("flows")
	if err := a.cutFlows(ctx); err != nil {
		return r, err
	}
	a.step("done")
	if r.Left, err = checkLive(ctx, w); err != nil {
		return r, err
	}
	r.Left = slices.DeleteFunc(r.Left, func(d Difference) bool { return strings.HasPrefix(d.Subject, "neighbour ") })
	return r, removePending(m.Root)
}

// apply is an apply at work.
type apply struct {
	*Machine
	tree    *Tree
	want    *Want
	result  *Result
	pending Pending
	listing []byte // of the packet filter, where its file is new

	// What undo needs to know.
	old      *Pending  // what an earlier apply has left to do
	disabled []string  // units
	enabled  []string  // units that were not there
	removed  []string  // commands of ip(8) that make links again
	made     []string  // links that were not there
	settings []Setting // as they were
}

// prepare finds out what is to be done, and whether it can be, and changes nothing.
func (a *apply) prepare(ctx context.Context, o Options) error {
	var after []byte
	if a.want.Filter != nil {
		after = a.want.Filter.Text
	}
	also := map[string]func(had []byte) Action{}
	for _, f := range a.tree.Files {
		if f.Also != nil {
			also[f.Path] = f.Also
		}
	}
	for _, c := range a.result.Changes {
		a.pending.Actions |= c.Does
		if tell := also[c.Path]; tell != nil {
			a.pending.Actions |= tell(c.had)
		}
		if c.Does&LoadFilter != 0 && o.Revoked != nil && c.had != nil {
			a.pending.Flows = append(a.pending.Flows, o.Revoked(c.had, after)...)
		}
		if c.Path == ManifestPath {
			a.pending.Links = goneLinks(c.had, a.tree.Links)
		}
		if c.State == Stale && path.Ext(c.Path) == ".service" {
			a.pending.Stop = append(a.pending.Stop, path.Base(c.Path))
		}
	}
	a.old = readPending(a.Root)
	if old := a.old; old != nil {
		a.pending.Actions |= old.Actions
		a.pending.Flows = append(a.pending.Flows, old.Flows...)
		for _, link := range old.Links {
			if !slices.Contains(a.tree.Links, link) && !slices.Contains(a.pending.Links, link) {
				a.pending.Links = append(a.pending.Links, link)
			}
		}
		for _, unit := range old.Stop {
			if !slices.Contains(a.pending.Stop, unit) && !slices.ContainsFunc(a.tree.Files, func(f File) bool { return path.Base(f.Path) == unit }) {
				a.pending.Stop = append(a.pending.Stop, unit)
			}
		}
	}
	if !o.NoReload {
		if err := a.installed(); err != nil {
			return err
		}
		if err := a.canVLAN(ctx); err != nil {
			return err
		}
	}
	return a.parse(ctx, o)
}

// installed finds out whether the programs are there that are needed.
func (a *apply) installed() error {
	type program struct{ name, pack string }
	programs := []program{{"ip", "iproute2"}}
	if a.want.Filter != nil {
		programs = append(programs, program{"nft", "nftables"}, program{"conntrack", "conntrack"}, program{"unshare", "util-linux"})
	}
	for _, d := range a.want.Daemons {
		programs = append(programs, program{d.Name, map[string]string{"dnsmasq": "dnsmasq-base"}[d.Name]})
	}
	for _, p := range programs {
		if _, err := resolve(p.name); err != nil {
			return fmt.Errorf("%s is not installed (on Debian: apt install %s)", p.name, or(p.pack, p.name))
		}
	}
	return nil
}

// canVLAN finds out whether the kernel can make VLANs. Where it cannot, networkd would put the uplink itself into "failed".
func (a *apply) canVLAN(ctx context.Context) error {
	i := slices.IndexFunc(a.want.Links, func(l Link) bool { return l.Kind == VLAN })
	if i < 0 || exists("/proc/net/vlan") {
		return nil
	}
	if _, err := run(ctx, nil, "modprobe", "8021q"); err != nil && !exists("/proc/net/vlan") {
		return fmt.Errorf("this kernel cannot make VLAN %d (%s): its module 8021q cannot be loaded: %w",
			a.want.Links[i].VLAN, a.want.Links[i].Because, err)
	}
	return nil
}

// parse has each daemon's own parser read the new files, where it has one.
func (a *apply) parse(ctx context.Context, o Options) error {
	for _, c := range a.result.Changes {
		var err error
		name := ""
		switch {
		case c.want == nil:
			continue
		case c.Does&LoadFilter != 0 && path.Ext(c.Path) != ".service":
			if o.NoReload && os.Geteuid() != 0 {
				continue // nobody else can make a namespace to load it in
			}
			name = "nft"
			f := Filter{Text: c.want, Tables: a.tree.Tables}
			a.listing, err = f.listing(ctx)
			if f := (*failure)(nil); errors.As(err, &f) && !missingProgram(err) {
				f.program = name
			}
		case c.Does&ReloadRadvd != 0:
			name = "radvd"
			err = a.parseFile(ctx, c, "radvd", "-c", "-C")
		case c.Does&RestartDHCP != 0 && path.Ext(c.Path) == ".conf":
			name = "dnsmasq"
			err = a.parseFile(ctx, c, "dnsmasq", "--test", "-C")
		}
		if err != nil && o.NoReload && missingProgram(err) {
			continue // it is for another machine
		}
		if err != nil {
			return fmt.Errorf("%s refuses the new %s: %w", name, c.Path, err)
		}
	}
	return nil
}

func missingProgram(err error) bool { return errors.Is(err, exec.ErrNotFound) }

// replace replaces the files, with what is to follow on the disk before.
func (a *apply) replace(ctx context.Context, o Options) error {
	for _, c := range a.result.Changes {
		if unit := path.Base(c.Path); c.State == Stale && path.Ext(unit) == ".service" && !o.NoReload {
			// While systemd still knows it.
			a.step("disable " + c.Path)
			if err := a.systemctl(ctx, "disable", "--now", unit); err != nil {
				return fmt.Errorf("%s cannot be stopped: %w", unit, err)
			}
			a.disabled = append(a.disabled, unit)
			a.pending.Stop = slices.DeleteFunc(a.pending.Stop, func(s string) bool { return s == unit })
		}
	}
	if len(a.result.Changes) == 0 {
		return nil
	}
	a.step("pending")
	err := a.pending.write(a.Root)
	if err == nil {
		a.step("files")
		err = Replace(a.result.Changes, a.Step)
	}
	if err != nil {
		return a.giveBack(ctx, err)
	}
	a.result.Done = true
	a.step("replaced")
	return nil
}

// The units of the daemons.
const (
	radvdUnit   = "radvd.service"
	dnsmasqUnit = "nova-dnsmasq.service"
	filterUnit  = "nova-nftables.service"
	linksUnit   = "systemd-networkd.service"
)

// patience is how long a daemon may take to come up.
var patience = 10 * time.Second
