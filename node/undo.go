//go:build linux

package node

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

// giveBack is for an error while files are replaced, of which nobody has been told yet.
func (a *apply) giveBack(ctx context.Context, why error) error {
	if err := Restore(a.result.Changes); err != nil {
		a.result.Done = true
		return fmt.Errorf("%w; and the old files cannot be brought back: %w", why, err)
	}
	for _, unit := range a.disabled {
		if err := a.enable(ctx, unit); err != nil {
			return fmt.Errorf("%w; the old files are in place, but %w", why, err)
		}
	}
	if err := a.settle(); err != nil {
		return fmt.Errorf("%w; the old files are in place: %w", why, err)
	}
	return why
}

// settle leaves to the next apply what was left to this one.
func (a *apply) settle() error {
	if a.old == nil {
		return removePending(a.Root)
	}
	return a.old.write(a.Root)
}

// enable has the init system start a unit that it was told to forget.
func (a *apply) enable(ctx context.Context, unit string) error {
	err := a.systemctl(ctx, "enable", unit)
	if err == nil {
		err = a.systemctl(ctx, "start", unit)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be started again: %w", unit, err)
	}
	return nil
}

// undo brings back the old files after an error, and has them loaded again.
func (a *apply) undo(ctx context.Context, why error) error {
	if len(a.result.Changes) == 0 {
		return why
	}
	a.step("undo")
	var failed []string
	try := func(err error) {
		if err != nil && !slices.Contains(failed, err.Error()) {
			failed = append(failed, err.Error())
		}
	}
	for _, unit := range a.enabled {
		try(a.systemctl(ctx, "disable", unit)) // while there is a file to read
	}
	if err := Restore(a.result.Changes); err != nil {
		return fmt.Errorf("%w; and the old files cannot be brought back: %w", why, err)
	}
	a.reloadOld(ctx, try)
	for _, unit := range a.disabled {
		try(a.enable(ctx, unit))
	}
	if failed != nil {
		return fmt.Errorf("%w; the old files are back, but cannot all be loaded: %s", why, strings.Join(failed, "; "))
	}
	a.result.Done = false
	if err := a.settle(); err != nil {
		return fmt.Errorf("%w; the old files are back and loaded: %w", why, err)
	}
	return fmt.Errorf("%w; the old files are back and loaded", why)
}

// reloadOld loads the old files again, each kind once, and stops the daemons whose files were not there. A filter that was not
// there stays: better too much is filtered than nothing.
func (a *apply) reloadOld(ctx context.Context, try func(error)) {
	var had, none Action // what belongs to files that were there, and to others
	for _, c := range a.result.Changes {
		if c.had != nil {
			had |= c.Does
		} else {
			none |= c.Does
		}
	}
	all := had | none
	if all&LoadUnits != 0 {
		try(a.systemctl(ctx, "daemon-reload"))
	}
	if had&LoadFilter != 0 && a.want.Filter != nil {
		_, err := run(ctx, nil, "nft", "-f", a.want.Filter.Path)
		try(err)
	}
	if all&(LoadLinks|RestartLinks) != 0 {
		try(a.reloadLinks(ctx))
	}
	for _, c := range a.result.Changes {
		if c.Path == ManifestPath {
			older := goneLinks(c.had, nil)
			made := slices.DeleteFunc(goneLinks(c.want, older), func(name string) bool { return !slices.Contains(a.made, name) })
			_, err := removeLinks(ctx, made)
			try(err)
		}
	}
	try(a.makeAgain(ctx))
	for _, s := range a.settings {
		// That of a link that is gone is gone with it.
		if err := os.WriteFile("/proc/sys/"+s.Path, []byte(s.Value), 0); err != nil && exists("/proc/sys/"+s.Path) {
			try(fmt.Errorf("cannot set %s to %s: %w", s.Path, s.Value, reason(err)))
		}
	}
	switch {
	case had&ReloadRadvd != 0:
		try(a.systemctl(ctx, "reload-or-restart", radvdUnit))
	case none&ReloadRadvd != 0:
		try(a.systemctl(ctx, "stop", radvdUnit))
	}
	switch {
	case had&(RestartDHCP|ReloadDHCP) != 0:
		try(a.systemctl(ctx, "restart", dnsmasqUnit))
	case none&RestartDHCP != 0:
		try(a.systemctl(ctx, "stop", dnsmasqUnit))
	}
}

// makeAgain makes links again that were removed, unless networkd has done it, with what was plugged into them.
func (a *apply) makeAgain(ctx context.Context) error {
	if a.removed == nil {
		return nil
	}
	_, err := run(ctx, []byte(strings.Join(a.removed, "\n")+"\n"), "ip", "-force", "-batch", "-")
	live, lookErr := liveLinks(ctx)
	if lookErr != nil {
		return lookErr
	}
	for _, name := range a.pending.Links {
		if live[name] == nil && err != nil {
			return fmt.Errorf("link %s cannot be made again: %w", name, err)
		}
	}
	return nil
}
