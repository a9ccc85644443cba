package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nova-manage/db"
	"nova-manage/internal/configfile"
	"nova-manage/radvdgen"
)

func emitCategory() *command {
	return &command{name: "emit", short: "configuration files of a network node", actions: []*command{
		emitRadvd(), emitSysctl(),
	}}
}

// servedBy declares the flag that chooses the networks of one network node.
func servedBy(into *string) *flag {
	return typed(into, "host", notEmpty, "only for the networks that this network node serves").as("HOST").notInFlagfile()
}

// outputFlag declares -o, by which a rendered file goes to the disk instead of standard output.
func outputFlag(into *string) *flag {
	return typed(into, "output", notEmpty, "write FILE, as a whole or not at all; - is standard output").
		as("FILE").letter("o").byDefault("standard output").notInFlagfile()
}

// notEmpty refuses what a script passes whose variable is not set: without a choice everything would be emitted, and
// without a name it would not be where it is expected.
func notEmpty(s string) (string, error) {
	if s == "" {
		return s, errors.New("is empty")
	}
	return s, nil
}

// parseSeconds reads a time in seconds. Which times make sense is package radvdgen's to say.
func parseSeconds(s string) (radvdgen.Seconds, error) {
	if s == radvdgen.Infinity.String() {
		return radvdgen.Infinity, nil
	}
	n, err := parseNumber(s, 0, math.MaxUint32)
	return radvdgen.Seconds(n), err
}

// seconds declares a flag for a time in seconds.
func seconds(into *radvdgen.Seconds, name, usage string) *flag {
	return typed(into, name, parseSeconds, usage).as("SECONDS")
}

// boundOf adapts a check of a generator, whose errors name the value as the framework does already.
func boundOf(check func(string) error) func(string) (string, error) {
	return func(s string) (string, error) {
		err := check(s)
		if option := (*configfile.OptionError)(nil); errors.As(err, &option) {
			err = errors.New(option.Bound)
		}
		return s, err
	}
}

// refusedLedger is the error for what a generator refuses once the flags are known to be fine: it contradicts what the
// ledger holds, or the ledger holds what can never reach a file.
func refusedLedger(err error) error {
	if option := (*configfile.OptionError)(nil); errors.As(err, &option) {
		return &db.Error{Message: err.Error(), Kind: db.ErrConflict}
	}
	return err
}

// output hands over a rendered file: on standard output, or in path.
func (e *env) output(ctx context.Context, path string, text []byte) error {
	if path == "" || path == "-" {
		_, err := e.stdout.Write(text)
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	changed, err := replaceFile(path, text)
	if err == nil && !changed {
		e.note("%s: unchanged", path)
	}
	return err
}

// folder is a folder of rendered files, one per bridge, whose names are prefix, bridge and suffix.
type folder struct {
	path           string
	prefix, suffix string
	files          []bridgeFile
	// complete says that bridges without a file are gone rather than left out.
	complete bool
	prune    bool
}

type bridgeFile struct {
	bridge string
	text   []byte
}

// outputFolder writes the files of f that differ and removes what is to be pruned. What can go wrong is looked for
// before the first file is touched; what goes wrong all the same leaves whole files, old ones or new ones.
func (e *env) outputFolder(ctx context.Context, f *folder) error {
	gone, err := f.gone()
	if err != nil {
		return err
	}
	updates := make([]*fileUpdate, len(f.files))
	for i, file := range f.files {
		if updates[i], err = planFile(filepath.Join(f.path, f.prefix+file.bridge+f.suffix), file.text); err != nil {
			return err
		}
	}
	defer syncFolder(f.path)
	written, removed := 0, 0
	for _, u := range updates {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := u.apply(); err != nil {
			return err
		}
		if u.needed {
			written++
		}
	}
	if f.prune {
		for _, name := range gone {
			if err := os.Remove(filepath.Join(f.path, name)); err != nil {
				return err
			}
			removed++
		}
	}
	e.note("%s: %d written, %d unchanged, %d removed", f.path, written, len(updates)-written, removed)
	if f.complete && !f.prune && len(gone) > 0 {
		e.note("%s: left in place, of bridges that are gone: %s; --prune removes them", f.path, shortList(gone))
	}
	return nil
}

// gone lists the files in the folder that an earlier run wrote for other bridges: they have such a name and begin with
// the line that all our files begin with. Somebody else's files are never listed.
func (f *folder) gone() (names []string, err error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, fmt.Errorf("cannot write files into %s: %w", f.path, reasonOf(err))
	}
	wanted := make(map[string]bool, len(f.files))
	for _, file := range f.files {
		wanted[f.prefix+file.bridge+f.suffix] = true
	}
	header, _, _ := bytes.Cut(f.files[0].text, []byte("\n"))
	for _, entry := range entries {
		name := entry.Name()
		if wanted[name] || !entry.Type().IsRegular() || !strings.HasPrefix(name, f.prefix) || !strings.HasSuffix(name, f.suffix) {
			continue
		}
		if beginsWith(filepath.Join(f.path, name), header) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, configfile.CompareNames)
	return names, nil
}

// beginsWith tells whether the first line of a file is line. A file that cannot be read is somebody else's.
func beginsWith(path string, line []byte) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	start := make([]byte, len(line)+1)
	n, _ := file.Read(start)
	return bytes.Equal(start[:n], append(slices.Clone(line), '\n'))
}

// shortList names the first few.
func shortList(names []string) string {
	const most = 3
	if len(names) > most {
		names = append(slices.Clone(names[:most]), "...")
	}
	return strings.Join(names, ", ")
}
