package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"nova-manage/internal/cli"
	"nova-manage/internal/configfile"
	"nova-manage/internal/wholefile"
)

// The way from a rendered text to where it is wanted. It knows no kind of text: an emitting command has its generator
// render what the ledger holds, and hands the texts over here, one to output or several to outputFolder.

// output hands over a text: on standard output, on a descriptor, or in a file.
func (s *session) output(ctx context.Context, path string, text []byte) error {
	if !isFile(path) {
		_, err := s.Output.Write(text)
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fd, ours, err := descriptorOf(path)
	switch {
	case err != nil:
		return err
	case ours:
		return s.outputDescriptor(ctx, path, fd, text)
	}
	changed, err := replaceFile(path, text, s.opened)
	s.wrote = s.wrote || changed
	if err == nil && !changed {
		s.Notef("%s: unchanged", path)
	}
	return err
}

// isFile tells whether -o names anything but standard output.
func isFile(path string) bool { return path != "" && path != "-" }

// textFile is a rendered text that is to be a file of that name in a folder.
type textFile struct {
	name string
	text []byte
}

// folder is a folder of rendered files. Among them may be files of earlier runs, and whatever else people put there.
type folder struct {
	path  string
	files []textFile

	// header is the first line of every file of ours, with its line break, and named tells whether a file of ours may
	// have that name. Only what has both was written by an earlier run.
	header string
	named  func(name string) bool

	// partial says that files are missing because they were not asked for. Otherwise what they were about is gone.
	partial bool
	// prune asks for the files of earlier runs to be removed that are not among files any more, except those that
	// spared names.
	prune  bool
	spared func(name string) bool
	// gone and spare are how to tell of the files that are left in place.
	gone, spare string
}

// outputFolder writes the files of f that differ and removes what is to be pruned. What can go wrong is looked for
// before the first file is touched; what goes wrong all the same leaves whole files, old ones or new ones.
func (s *session) outputFolder(ctx context.Context, f *folder) error {
	stale, err := f.stale()
	if err != nil {
		return err
	}
	updates := make([]*fileUpdate, len(f.files))
	for i, file := range f.files {
		if updates[i], err = planFile(filepath.Join(f.path, file.name), file.text, s.opened); err != nil {
			return err
		}
	}
	defer wholefile.SyncFolder(f.path)
	written := 0
	var removed, left, spared []string
	for _, u := range updates {
		if ctx.Err() != nil {
			return f.interrupted(ctx, updates, written, len(removed))
		}
		if err := u.apply(); err != nil {
			return err
		}
		if u.needed {
			s.wrote = true
			written++
		}
	}
	for _, old := range stale {
		if ctx.Err() != nil {
			return f.interrupted(ctx, updates, written, len(removed))
		}
		switch {
		case !f.prune:
			left = append(left, old.name)
		case f.spared != nil && f.spared(old.name):
			spared = append(spared, old.name)
		default:
			if err := f.remove(old); err != nil {
				return err
			}
			s.wrote = true
			removed = append(removed, old.name)
		}
	}
	s.Notef("%s: %d written, %d unchanged, %d removed", f.path, written, len(updates)-written, len(removed))
	if len(removed) > 0 {
		s.Notef("%s: removed %s", f.path, firstOf(removed))
	}
	if len(spared) > 0 {
		s.Notef("%s: left in place, %s: %s", f.path, f.spare, firstOf(spared))
	}
	if len(left) > 0 && !f.partial {
		s.Notef("%s: left in place, %s: %s; --prune removes them", f.path, f.gone, firstOf(left))
	}
	return nil
}

// interrupted is the error of a signal among the files. It tells how far it came, unless nothing was changed.
func (f *folder) interrupted(ctx context.Context, updates []*fileUpdate, written, removed int) error {
	if written+removed == 0 {
		return context.Cause(ctx)
	}
	needed := 0
	for _, u := range updates {
		if u.needed {
			needed++
		}
	}
	return fmt.Errorf("%w: %s: %d of %d written, %d removed", context.Cause(ctx), f.path, written, needed, removed)
}

// oldFile is a file of an earlier run, and which file had that name when it was looked at.
type oldFile struct {
	name string
	info fs.FileInfo
}

// stale lists the files of earlier runs that are not among the files of f, in the order of their names' numbers.
func (f *folder) stale() (old []oldFile, err error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, fmt.Errorf("cannot write files into %s: %w", f.path, cli.ReasonOf(err))
	}
	wanted := make(map[string]bool, len(f.files))
	for _, file := range f.files {
		wanted[file.name] = true
	}
	for _, entry := range entries {
		name := entry.Name()
		if wanted[name] || !f.named(name) {
			continue
		}
		if info := f.ours(name); info != nil {
			old = append(old, oldFile{name, info})
		}
	}
	slices.SortFunc(old, func(a, b oldFile) int { return configfile.CompareNames(a.name, b.name) })
	return old, nil
}

// ours looks at a file whose name could be one of ours, and returns nil where it is somebody else's: what is no regular
// file, has a second name (whoever made a hard link wants to keep what it is), cannot be read or begins otherwise.
func (f *folder) ours(name string) fs.FileInfo {
	// All is asked of the one file that is opened. A symbolic link is not followed, and a FIFO that nobody writes to is not
	// waited for.
	file, err := os.OpenFile(filepath.Join(f.path, name), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !onlyName(info) {
		return nil
	}
	start := make([]byte, len(f.header))
	if n, _ := io.ReadFull(file, start); !bytes.Equal(start[:n], []byte(f.header)) {
		return nil
	}
	return info
}

// onlyName tells whether info is of a regular file with one name.
func onlyName(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().IsRegular() && stat.Nlink == 1
}

// remove removes a file of an earlier run, unless its name has come to be another file's since it was looked at.
func (f *folder) remove(old oldFile) error {
	path := filepath.Join(f.path, old.name)
	info, err := os.Lstat(path)
	if err == nil && (!os.SameFile(info, old.info) || !onlyName(info)) {
		err = errors.New("somebody else has just replaced it")
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", path, cli.ReasonOf(err))
	}
	return nil
}

// firstOf names files for one line: all of them, unless they are many.
func firstOf(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
