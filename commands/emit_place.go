package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/node"
)

// place is where the files of a kind of output go.
type place struct{ Output, Dir string }

func (p *place) flags() []*cli.Flag {
	return []*cli.Flag{
		outputFlag(&p.Output),
		cli.Typed(&p.Dir, "dir", filePath, "write the files into DIR, each where it differs").As("DIR").NotInFlagfile().Completes(cli.Folders),
	}
}

// files tells whether they go anywhere but to standard output.
func (p *place) files() bool { return p.Dir != "" || isFile(p.Output) }

func (p *place) check() error {
	if p.Output != "" && p.Dir != "" {
		return cli.UsageErrorf("--output and --dir exclude each other")
	}
	return nil
}

// outputFiles hands over the files of one kind. In a folder they have the names that they have below /etc; as one text several
// are told apart by a comment with the path of each, for reading.
func (s *session) outputFiles(ctx context.Context, p *place, files []node.File) error {
	if p.Dir != "" {
		tree := &node.Tree{}
		for _, f := range files {
			f.Path = "/" + folderName(f.Path)
			tree.Files = append(tree.Files, f)
		}
		return s.outputTree(ctx, p.Dir, tree)
	}
	if len(files) == 1 {
		return s.output(ctx, p.Output, files[0].Text)
	}
	var text []byte
	for i, f := range files {
		if i > 0 {
			text = append(text, '\n')
		}
		text = fmt.Appendf(text, "# ==> %s <==\n%s", f.Path, f.Text)
	}
	return s.output(ctx, p.Output, text)
}

// folderName is the name of a file in the folder of its kind: of a drop-in, its folder belongs to it.
func folderName(name string) string {
	if dir := path.Base(path.Dir(name)); strings.HasSuffix(dir, ".d") && path.Dir(path.Dir(name)) == path.Clean(networkdFolder) {
		return path.Join(dir, path.Base(name))
	}
	return path.Base(name)
}

// outputTree brings a folder to what the tree says, all of it or nothing. A file of ours is replaced also where it was edited, as
// its first line says.
func (s *session) outputTree(ctx context.Context, dir string, tree *node.Tree) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a folder")
	}
	if err != nil {
		return fmt.Errorf("cannot write files into %s: %w", dir, cli.ReasonOf(err))
	}
	changes, err := tree.Compare(dir)
	if err != nil {
		return fmt.Errorf("cannot write files into %s: %w", dir, err)
	}
	removed := 0
	for _, c := range changes {
		target := filepath.Join(dir, c.Path)
		if c.State == node.Stale {
			removed++
		}
		if err := refuseProtected(target, s.opened); err != nil {
			return err
		}
		if c.State == node.Foreign {
			return cli.WithHint(contradiction("%s: %s", target, c.Why()), "remove it, or name another folder")
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := node.Replace(changes, nil); err != nil {
		if back := node.Restore(changes); back != nil {
			return fmt.Errorf("%w; and the old files cannot be brought back: %w", err, back)
		}
		return err
	}
	s.wrote = s.wrote || len(changes) > 0
	written := len(changes) - removed
	s.Notef("%s: %d written, %d unchanged, %d removed", dir, written, len(tree.Files)-written, removed)
	return nil
}

// refuseProtected refuses to write where the ledger is, or another SQLite database.
func refuseProtected(path string, ledgers []*db.Store) error {
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot write %s: %w", path, cli.ReasonOf(err))
	}
	if err := refuseLedger(path, info, ledgers); err != nil {
		return err
	}
	if info != nil && isDatabase(path) {
		return cli.UsageErrorf("cannot write %s: it is an SQLite database, another ledger or a copy of one", path)
	}
	return nil
}

// warnAll tells of several things, unless they are too many to read.
func (s *session) warnAll(warnings []string) {
	for i, w := range warnings {
		if i == mostNotes {
			s.Warnf("and %d more of the kind", len(warnings)-i)
			return
		}
		s.Warnf("%s", w)
	}
}
