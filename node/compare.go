//go:build linux

package node

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/sys/unix"
)

// State is how a file on the node relates to the one that should be there.
type State string

// The states. Of these Edited, Foreign and Unmarked are conflicts: somebody else's work would be lost.
const (
	Same     State = "same"
	Missing  State = "missing"  // it is not there
	Differs  State = "differs"  // it is ours, and is to be another
	Stale    State = "stale"    // it is ours, and is not to be there any more
	Edited   State = "edited"   // it was ours, and somebody has changed it
	Foreign  State = "foreign"  // somebody else has put it there
	Unmarked State = "unmarked" // it has our first line but no checksum: `emit` wrote it, and nobody can tell whether it was edited
)

// Conflict tells whether bringing such a file to what it should be would lose somebody else's work.
func (s State) Conflict() bool { return s == Edited || s == Foreign || s == Unmarked }

// Change is a file of the node that differs from what it should be.
type Change struct {
	Path  string
	State State
	Does  Action

	want   []byte // nil where it is to go
	mode   fs.FileMode
	target string // where its symbolic links lead
	had    []byte // nil where there is none
	hadMod fs.FileMode

	replaced bool // Replace has come so far
}

// Diff is the change as a unified diff, empty where only the mode differs.
func (c *Change) Diff() []byte {
	from, to := c.Path, c.Path
	if c.had == nil {
		from = "/dev/null"
	}
	if c.want == nil {
		to = "/dev/null"
	}
	return diff.Diff(from, c.had, to, c.want)
}

// Why says in words what is the matter with the file.
func (c *Change) Why() string {
	switch c.State {
	case Missing:
		return "it is not there"
	case Stale:
		return "nothing needs it any more"
	case Edited:
		return "it has been edited by hand"
	case Foreign:
		return "nova-manage did not write it"
	case Unmarked:
		return "`nova-manage emit` wrote it, without a checksum that would tell whether it was edited"
	}
	if bytes.Equal(c.had, c.want) {
		return fmt.Sprintf("its mode is %04o, not %04o", c.hadMod, c.mode)
	}
	return "the ledger has changed"
}

// Difference is the change as one thing that is not as it should be.
func (c *Change) Difference() Difference {
	should := "as the ledger has it"
	if c.want == nil {
		should = "not there"
	}
	return Difference{Subject: "file " + c.Path, Is: c.Why(), Should: should, Because: "`nova-manage host diff` shows it"}
}

// Tree is all the files that should be on a node.
type Tree struct {
	Files []File
	// Owned are patterns (package path) of files that may be ours: one that matches, is ours by its text and is not among
	// Files is stale. Does is what follows when such a file goes.
	Owned []Owned
	// Links are the names of all links that are made for it.
	Links []string
	// Tables are those of the packet filter, which go with its file.
	Tables []string
}

// Owned is a pattern of paths, and what follows when a file of such a name goes.
type Owned struct {
	Pattern string
	Does    Action
}

// Compare compares the tree with the files below root and returns what differs, in the order of the tree, stale files after
// it in the order of their names.
func (t *Tree) Compare(root string) ([]*Change, error) {
	changes := make([]*Change, len(t.Files))
	errs := make([]error, len(t.Files))
	// The files of 4,094 bridges are 16,000; most of the time goes by in the kernel.
	parallel(len(t.Files), func(i int) { changes[i], errs[i] = compareFile(root, &t.Files[i]) })
	if err := firstError(errs); err != nil {
		return nil, err
	}
	changes = slices.DeleteFunc(changes, func(c *Change) bool { return c == nil })
	stale, err := t.stale(root)
	return append(changes, stale...), err
}

// parallel calls do for each number below n, on all processors.
func parallel(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	group.Wait()
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// compareFile returns nil where the file is as it should be.
func compareFile(root string, f *File) (*Change, error) {
	c := &Change{Path: f.Path, Does: f.Does, want: f.Text, mode: f.Mode}
	if err := c.read(root); err != nil {
		return nil, err
	}
	switch from := originOf(c.had); {
	case c.had == nil:
		c.State = Missing
	case bytes.Equal(c.had, f.Text) && c.hadMod == f.Mode:
		return nil, nil
	case from == ours, bytes.Equal(c.had, f.Text), from == unmarked && bytes.Equal(c.had, unstamped(f.Text)):
		c.State = Differs
	case from == edited:
		c.State = Edited
	case from == unmarked:
		c.State = Unmarked
	default:
		c.State = Foreign
	}
	return c, nil
}

// read reads what is there. A symbolic link is followed: whoever made it wants the file that it leads to.
func (c *Change) read(root string) error {
	path := filepath.Join(root, c.Path)
	c.target = path
	fd, err := openFile(path, unix.O_NOFOLLOW)
	if err == unix.ELOOP {
		if c.target, err = filepath.EvalSymlinks(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is a symbolic link that leads nowhere", path)
		} else if err != nil {
			return fmt.Errorf("cannot read %s: %w", path, reason(err))
		}
		fd, err = openFile(c.target, unix.O_NOFOLLOW)
	}
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	defer unix.Close(fd)
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	switch info.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return fmt.Errorf("%s is a folder", path)
	default:
		return fmt.Errorf("%s is not a regular file", path)
	}
	if c.had, err = readAll(fd, info.Size); err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	c.hadMod = fs.FileMode(info.Mode & 0o777)
	return nil
}

// openFile opens a file by the kernel's own call, as writeBeside does. A FIFO that nobody writes to is not waited for.
func openFile(path string, flags int) (fd int, err error) {
	for {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// readAll reads a file of that size, or what it has become meanwhile.
func readAll(fd int, size int64) ([]byte, error) {
	b := make([]byte, 0, size+1)
	for {
		n, err := unix.Read(fd, b[len(b):cap(b)])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return b, nil
		}
		if b = b[:len(b)+n]; len(b) == cap(b) {
			b = slices.Grow(b, len(b))
		}
	}
}

// reason is what went wrong, without the path that the message has already.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}

// stale finds files of ours that are not of the tree.
func (t *Tree) stale(root string) (stale []*Change, err error) {
	wanted := make(map[string]bool, len(t.Files))
	for _, f := range t.Files {
		wanted[f.Path] = true
	}
	for _, owned := range t.Owned {
		paths, err := filepath.Glob(filepath.Join(escapeGlob(root), owned.Pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, filepath.Clean(root)), "/")
			if wanted[name] {
				continue
			}
			// What cannot be read, or is no file, is none of ours.
			c := &Change{Path: name, State: Stale, Does: owned.Does}
			if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || c.read(root) != nil {
				continue
			}
			switch originOf(c.had) {
			case edited:
				c.State = Edited
			case unmarked:
				c.State = Unmarked
			case foreign:
				continue
			}
			stale = append(stale, c)
		}
	}
	slices.SortFunc(stale, func(a, b *Change) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(stale, func(a, b *Change) bool { return a.Path == b.Path }), nil
}

// escapeGlob makes a path that matches itself alone.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
