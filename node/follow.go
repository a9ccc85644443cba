//go:build linux

package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// follow has the kernel and the daemons follow the files that are in place.
func (a *apply) follow(ctx context.Context) error {
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"units", a.followUnits}, {"gone links", a.removeGone}, {"filter", a.followFilter}, {"links", a.followLinks},
		{"settings", a.followSettings}, {"daemons", a.followDaemons},
	} {
		a.step(part.name)
		if err := part.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *apply) followUnits(ctx context.Context) error {
	for _, unit := range a.pending.Stop {
		// Its file was removed by an apply that was to tell nobody.
		if err := a.systemctl(ctx, "stop", unit); err != nil && !says(err, "not loaded") {
			return fmt.Errorf("%s cannot be stopped: %w", unit, err)
		}
	}
	if a.pending.Actions&LoadUnits == 0 {
		return nil
	}
	if err := a.systemctl(ctx, "daemon-reload"); err != nil {
		return fmt.Errorf("systemd does not read its units again: %w", err)
	}
	for _, f := range a.tree.Files {
		if f.Does&LoadUnits == 0 {
			continue
		}
		unit := filepath.Base(f.Path)
		if err := a.systemctl(ctx, "enable", unit); err != nil {
			return fmt.Errorf("%s cannot be enabled: %w", unit, err)
		}
		if slices.ContainsFunc(a.result.Changes, func(c *Change) bool { return c.Path == f.Path && c.had == nil }) {
			a.enabled = append(a.enabled, unit)
		}
	}
	return nil
}

// removeLinks removes links that we made and nothing needs any more, and returns what makes them again.
func removeLinks(ctx context.Context, names []string) (again []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	live, err := liveLinks(ctx)
	if err != nil {
		return nil, err
	}
	var batch []string
	for _, name := range names {
		// A link of that name and another kind is somebody else's.
		if l := live[name]; l != nil && (l.LinkInfo.Kind == string(Bridge) || l.LinkInfo.Kind == string(VLAN)) {
			batch = append(batch, "link delete dev "+name)
			again = append(again, l.wanted().create()...)
		}
	}
	for _, l := range live {
		if slices.Contains(batch, "link delete dev "+l.Master) {
			again = append(again, "link set dev "+l.Name+" master "+l.Master)
		}
	}
	return again, ipBatch(ctx, batch)
}

func (a *apply) removeGone(ctx context.Context) (err error) {
	a.removed, err = removeLinks(ctx, a.pending.Links)
	return err
}

// ipBatch has ip(8) do several things.
func ipBatch(ctx context.Context, commands []string) error {
	if len(commands) == 0 {
		return nil
	}
	_, err := run(ctx, []byte(strings.Join(commands, "\n")+"\n"), "ip", "-batch", "-")
	return err
}

func (a *apply) followFilter(ctx context.Context) error {
	f := a.want.Filter
	if f == nil {
		if a.pending.Actions&LoadFilter == 0 {
			return nil
		}
		for _, table := range a.tree.Tables {
			_, err := run(ctx, nil, "nft", append([]string{"delete", "table"}, strings.Fields(table)...)...)
			if err != nil && !says(err, "No such file or directory") {
				return err
			}
		}
		return nil
	}
	if a.listing == nil && f.remembered() == nil {
		var err error
		if a.listing, err = f.listing(ctx); err != nil {
			return err
		}
	}
	if a.listing != nil {
		f.remember(a.listing)
	}
	if a.pending.Actions&LoadFilter == 0 {
		found, err := checkFilter(ctx, f)
		if err != nil || found == nil {
			return err
		}
		a.mended(found)
	}
	if _, err := run(ctx, nil, "nft", "-f", f.Path); err != nil {
		return fmt.Errorf("%s cannot be loaded: %w", f.Path, err)
	}
	if a.pending.Actions&LoadUnits != 0 {
		// From here on systemd brings the tables back when it restarts nftables.service, which flushes everything.
		if err := a.systemctl(ctx, "start", filterUnit); err != nil {
			return fmt.Errorf("%s does not come up: %w", filterUnit, err)
		}
	}
	return nil
}

// mended tells of what is done besides what the files ask for; what nobody can do is told in the end.
func (a *apply) mended(found []Difference) {
	for _, d := range found {
		if d.Mendable() {
			a.result.Mended = append(a.result.Mended, d)
		}
	}
}

// reloadLinks has networkd read its files again.
func (a *apply) reloadLinks(ctx context.Context) error {
	if !a.Networkd {
		return nil
	}
	if a.Generate != nil {
		if _, err := run(ctx, nil, a.Generate[0], a.Generate[1:]...); err != nil {
			return err
		}
	}
	if a.pending.Actions&RestartLinks != 0 {
		return a.systemctl(ctx, "restart", linksUnit)
	}
	if a.Reload != nil {
		return a.systemctl(ctx, "reload", linksUnit)
	}
	_, err := run(ctx, nil, "networkctl", "reload")
	if err == nil || missingProgram(err) {
		return err
	}
	// At a first start with thousands of bridges networkd misses D-Bus's deadline, and reload fails until it is restarted.
	a.note("networkctl reload failed (%v); trying again", err)
	time.Sleep(time.Second)
	if _, err = run(ctx, nil, "networkctl", "reload"); err == nil {
		return nil
	}
	return a.systemctl(ctx, "restart", linksUnit)
}

// followLinks has networkd make the links, and makes those that it does not: under another network manager, which has no reload
// that would leave the uplink alone, and what somebody has changed by hand, which networkd does not look at.
func (a *apply) followLinks(ctx context.Context) error {
	found, err := checkLinks(ctx, a.want)
	if err != nil {
		return err
	}
	live, err := liveLinks(ctx)
	if err != nil {
		return err
	}
	for _, name := range a.tree.Links {
		if live[name] == nil {
			a.made = append(a.made, name)
		}
	}
	if a.pending.Actions&(LoadLinks|RestartLinks) != 0 {
		if err := a.reloadLinks(ctx); err != nil {
			return fmt.Errorf("the links cannot be made: %w", err)
		}
		if found, err = a.awaitLinks(ctx); err != nil {
			return err
		}
	} else {
		a.mended(found)
	}
	var batch []string
	for _, d := range found {
		batch = append(batch, d.ip...)
	}
	if err := ipBatch(ctx, batch); err != nil {
		return fmt.Errorf("the links cannot be made: %w", err)
	}
	return nil
}

// awaitLinks waits while networkd makes links, which it takes some 20 ms for each, and returns what it leaves undone.
func (a *apply) awaitLinks(ctx context.Context) (found []Difference, err error) {
	networkd := a.Networkd && len(running(&Daemon{Name: "systemd-network", Default: true})) > 0
	for deadline := time.Now().Add(patience + time.Duration(len(a.want.Links))*20*time.Millisecond); ; time.Sleep(200 * time.Millisecond) {
		if found, err = checkLinks(ctx, a.want); err != nil || found == nil || !networkd || time.Now().After(deadline) {
			return found, err
		}
	}
}

func (a *apply) followSettings(context.Context) error {
	found := checkSettings(a.want)
	for _, d := range found {
		if d.set == nil {
			continue
		}
		a.settings = append(a.settings, Setting{Path: d.set.Path, Value: d.Is})
		if err := os.WriteFile("/proc/sys/"+d.set.Path, []byte(d.set.Value), 0); err != nil {
			return fmt.Errorf("cannot set %s to %s: %w", d.set.Path, d.set.Value, reason(err))
		}
	}
	if a.pending.Actions&SetSysctl == 0 {
		a.mended(found)
	}
	return nil
}

// followDaemons has the daemons read their files again, and starts those that do not run.
func (a *apply) followDaemons(ctx context.Context) error {
	found := checkDaemons(a.want)
	does := a.pending.Actions
	for _, d := range found {
		does |= d.does
		if a.pending.Actions&d.does == 0 {
			a.mended([]Difference{d})
		}
	}
	wanted := map[string]bool{}
	for _, d := range a.want.Daemons {
		wanted[d.Unit] = true
	}
	if does&ReloadRadvd != 0 {
		verb := "reload-or-restart"
		if !wanted[radvdUnit] {
			verb = "stop"
		}
		if err := a.systemctl(ctx, verb, radvdUnit); err != nil {
			return fmt.Errorf("radvd does not come up: %w", err)
		}
	}
	if does&(RestartDHCP|ReloadDHCP) != 0 && wanted[dnsmasqUnit] {
		verb := "reload"
		if does&RestartDHCP != 0 {
			verb = "restart"
		}
		if err := a.systemctl(ctx, verb, dnsmasqUnit); err != nil {
			return fmt.Errorf("dnsmasq does not come up: %w", err)
		}
	}
	if does&(ReloadRadvd|RestartDHCP|ReloadDHCP) == 0 {
		return nil
	}
	return a.awaitDaemons()
}

// awaitDaemons waits until the daemons run. One that reads its file and then exits does so at once, hence a look a moment later.
func (a *apply) awaitDaemons() error {
	const moment = 300 * time.Millisecond
	time.Sleep(moment)
	for deadline := time.Now().Add(patience); ; time.Sleep(moment / 3) {
		found := checkDaemons(a.want)
		if found == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not come up: it is %s", found[0].Subject, found[0].Is)
		}
	}
}

// cutFlows ends established flows of what is not allowed any more; the filter lets them go on.
func (a *apply) cutFlows(ctx context.Context) error {
	for _, flow := range a.pending.Flows {
		_, err := run(ctx, nil, "conntrack", flow...)
		// It exits with 1 where there was none.
		if says(err, " 0 flow entries have been ") {
			continue
		}
		if err != nil {
			return fmt.Errorf("established flows of what was revoked cannot be ended: %w", err)
		}
	}
	return nil
}

// parseFile runs a parser on the text of a change, in a file that is gone afterwards.
func (a *apply) parseFile(ctx context.Context, c *Change, program string, args ...string) error {
	dir, err := os.MkdirTemp(filepath.Join(a.Root, runFolder), temporary+"*") // where the next apply finds it, if this one is killed
	if err != nil {
		return reason(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, filepath.Base(c.Path))
	if err := os.WriteFile(path, c.want, 0o644); err != nil {
		return reason(err)
	}
	_, err = run(ctx, nil, program, append(args, path)...)
	return err
}
