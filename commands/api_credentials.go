package commands

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"nova-manage/db"
	"nova-manage/ec2api"
	"nova-manage/internal/cli"
)

// longestCredentials bounds the credentials file: some 5,000 keys, which are read at each request.
const longestCredentials = 1 << 20

// credentialsFile is the file with the keys by which EC2 clients sign. Whoever reads it can sign for every project in it, so that one that
// others may read, or that somebody else has written, is refused.
type credentialsFile struct {
	Path string // as it is named; "" is the default
}

func (c *credentialsFile) flag() *cli.Flag {
	return cli.Typed(&c.Path, "credentials", filePath, "the file with the keys of EC2 clients").As("FILE").ByDefault("ec2_credentials in the state path").
		Completes(cli.Files)
}

// path is the file. It stands beside where the ledger is by default, also where that is another one.
func (c *credentialsFile) path(l *ledger) (string, error) {
	if c.Path != "" {
		return c.Path, nil
	}
	dir, err := l.folder()
	return filepath.Join(dir, "ec2_credentials"), err
}

// keys reads the keys anew, which takes no lock, since the file is replaced as a whole. It may be called by several goroutines at once. A
// file that is not there is fs.ErrNotExist and db.ErrNotFound. No error has a value of the file in it.
func (c *credentialsFile) keys(l *ledger) (ec2api.Keys, error) {
	path, err := c.path(l)
	if err != nil {
		return nil, err
	}
	f, err := openCredentials(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, keys, err := readCredentials(path, f)
	return keys, err
}

// noCredentials is the error for a credentials file that is not there.
type noCredentials struct{ path string }

func (e *noCredentials) Error() string { return "there is no credentials file " + e.path }

func (e *noCredentials) Is(target error) bool {
	return target == fs.ErrNotExist || target == db.ErrNotFound
}

func (e *noCredentials) Hint() string {
	return "check --credentials and --state_path; `nova-manage api key create` makes it with its first key"
}

// openCredentials opens the file that path leads to, if only its owner can read it, and that is its reader or root.
func openCredentials(path string, flags int) (*os.File, error) {
	use, check := "read", checkCredentials
	if flags != os.O_RDONLY {
		use, check = "change", func(path string, info fs.FileInfo) error {
			if err := checkCredentials(path, info); err != nil {
				return err
			}
			return checkWritable(path, info)
		}
	}
	failed := func(err error) (*os.File, error) {
		return nil, fmt.Errorf("cannot %s %s: %w", use, path, cli.ReasonOf(err))
	}
	// Before it is opened: a device may do something when it is.
	info, err := os.Stat(path)
	if err == nil {
		err = check(path, info)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if leadsNowhere(path) {
			return failed(errors.New("it is a symbolic link that leads nowhere"))
		}
		return nil, &noCredentials{path}
	case err != nil:
		return failed(err)
	}
	f, err := os.OpenFile(path, flags|withoutWaiting, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &noCredentials{path}
	}
	if err == nil {
		// What stands there may be another file by now.
		if info, err = f.Stat(); err == nil {
			err = check(path, info)
		}
		if err == nil && db.IsDatabase(f) {
			err = cli.UsageErrorf("it is an SQLite database")
		}
		if err != nil {
			f.Close()
		}
	}
	if err != nil {
		return failed(err)
	}
	return f, nil
}

func checkCredentials(path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return errors.New("it is a folder")
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case info.Size() > longestCredentials:
		return tooLong()
	}
	return checkOwn(path, info)
}

func tooLong() error {
	return cli.UsageErrorf("it is longer than %d MiB, and no credentials file", longestCredentials>>20)
}

// readCredentials reads the file from its beginning.
func readCredentials(path string, f io.Reader) (text string, keys ec2api.Keys, err error) {
	data, err := io.ReadAll(io.LimitReader(f, longestCredentials+1))
	if err == nil && len(data) > longestCredentials {
		err = tooLong()
	}
	if err != nil {
		return "", nil, fmt.Errorf("cannot read %s: %w", path, cli.ReasonOf(err))
	}
	if keys, err = ec2api.ParseCredentials(string(data)); err != nil {
		return "", nil, cli.UsageErrorf("%s: %w", path, err)
	}
	return string(data), keys, nil
}
