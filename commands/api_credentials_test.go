package commands

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"nova-manage/internal/cli"
)

const someKeys = "# mars\n[mars]\naws_access_key_id = AKID1\naws_secret_access_key = s3cr3t\nproject_id = mercury\n\n" +
	"[reader]\naws_access_key_id = AKID2\naws_secret_access_key = s3cr3t\nproject_id = mercury\nread_only = true\n"

func TestCredentialsFile_keys(t *testing.T) {
	dir := t.TempDir()
	l := newLedger(newFake(t).sys)
	l.StatePath = dir
	c := &credentialsFile{}
	_, err := c.keys(l)
	if !errors.Is(err, fs.ErrNotExist) || outcomeOf(t.Context(), err).Exit != exitNotFound || !strings.Contains(err.Error(), filepath.Join(dir, "ec2_credentials")) {
		t.Errorf("error %v", err)
	}
	path := writeFile(t, dir, "ec2_credentials", someKeys)
	for _, mode := range []fs.FileMode{0o600, 0o400, 0o700} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if keys, err := c.keys(l); err != nil || len(keys) != 2 || keys[1].Name != "reader" || !keys[1].ReadOnly {
			t.Errorf("%v: %v, %v", mode, keys, err)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("ec2_credentials", link); err != nil {
		t.Fatal(err)
	}
	if keys, err := (&credentialsFile{Path: link}).keys(l); err != nil || len(keys) != 2 {
		t.Errorf("%v, %v", keys, err)
	}
}

// What is no file of keys, or one that is not kept secret, is refused, and never waited for.
func TestCredentialsFile_refused(t *testing.T) {
	dir := t.TempDir()
	l := newLedger(newFake(t).sys)
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", at("dangling")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", at("loop")); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	writeFile(t, dir, "database", "SQLite format 3\x00and more")
	writeFile(t, dir, "broken", someKeys+"s3cr3t\n")
	writeFile(t, dir, "long", strings.Repeat("#", longestCredentials+1))
	for path, want := range map[string]string{
		dir:                          "it is a folder",
		at("fifo"):                   "it is not a regular file",
		at("socket"):                 "it is not a regular file",
		"/dev/zero":                  "it is not a regular file",
		at("dangling"):               "it is a symbolic link that leads nowhere",
		at("loop"):                   "too many levels of symbolic links",
		at("database"):               "it is an SQLite database",
		at("long"):                   "it is longer than 1 MiB, and no credentials file",
		at("broken") + "/x":          "not a directory",
		at(strings.Repeat("x", 256)): "file name too long",
	} {
		if _, err := (&credentialsFile{Path: path}).keys(l); err == nil || err.Error() != "cannot read "+path+": "+want || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	_, err = (&credentialsFile{Path: at("broken")}).keys(l)
	if want := at("broken") + ": line 12: neither [NAME] nor OPTION = VALUE"; err == nil || err.Error() != want || !errors.Is(err, cli.ErrUsage) {
		t.Errorf("error %v", err)
	}
	path := writeFile(t, dir, "loose", someKeys)
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := (&credentialsFile{Path: path}).keys(l)
		var hint interface{ Hint() string }
		if err == nil || !strings.Contains(err.Error(), "others may read or change it") || !errors.As(err, &hint) || hint.Hint() != "`chmod 600 "+path+"`" {
			t.Errorf("%v: %v", mode, err)
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	path = writeFile(t, dir, "theirs", someKeys)
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := (&credentialsFile{Path: path}).keys(l); err == nil || !strings.Contains(err.Error(), "it belongs to user 12345") {
		t.Errorf("error %v", err)
	}
}

// Who reads sees the file before or after, and is safe beside others who do.
func TestCredentialsFile_concurrent(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, dir, "keys", someKeys)
	l, c := newLedger(newFake(t).sys), &credentialsFile{Path: path}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 200 {
				if keys, err := c.keys(l); err != nil || len(keys) != 2 {
					t.Errorf("%v, %v", keys, err)
				}
			}
		})
	}
	for range 50 {
		if err := writeWhole(path, 0o600, []byte(someKeys)); err != nil {
			t.Error(err)
		}
	}
	readers.Wait()
}
