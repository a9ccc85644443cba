package sqlstore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestClassify(t *testing.T) {
	mounted := func(kind string) func() (string, error) {
		return func() (string, error) { return kind, nil }
	}
	for _, c := range []struct {
		magic   uint32
		mounted string
		want    string
	}{
		{0xef53, "ext4", ""},
		{0x58465342, "xfs", ""},
		{0x9123683e, "btrfs", ""},
		{0x01021994, "tmpfs", ""},
		{0x794c7630, "overlay", ""},
		{0x2fc12fc1, "zfs", ""},
		{0x6969, "nfs4", "NFS"},
		{0xff534d42, "cifs", "SMB"},
		{0xfe534d42, "cifs", "SMB"},
		{0x01021997, "9p", "9p"},
		{0x00c36400, "ceph", "Ceph"},
		{0x01161970, "gfs2", "GFS2"},
		{fuseMagic, "fuseblk", ""},
		{fuseMagic, "fuse.mergerfs", ""},
		{fuseMagic, "fuse.sshfs", "fuse.sshfs"},
		{fuseMagic, "fuse.glusterfs", "fuse.glusterfs"},
		{fuseMagic, "virtiofs", "virtiofs"},
		{fuseMagic, "fuse", "fuse"},
	} {
		got, err := classify(c.magic, mounted(c.mounted))
		if err != nil || got != c.want {
			t.Errorf("%#x, mounted as %s: %q (%v), want %q", c.magic, c.mounted, got, err, c.want)
		}
	}
	unknown := errors.New("unknown")
	if _, err := classify(fuseMagic, func() (string, error) { return "", unknown }); !errors.Is(err, unknown) {
		t.Errorf("error %v, want that of the look at the mounts", err)
	}
}

func TestMountTypeIn(t *testing.T) {
	const mountinfo = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
97 22 0:51 / /mnt/a\040b rw,nosuid shared:2 master:1 - fuse.sshfs host:/srv rw,user_id=0
98 22 0:52 / /mnt/c rw - virtiofs share rw
`
	for device, want := range map[string]string{"254:0": "ext4", "0:51": "fuse.sshfs", "0:52": "virtiofs", "0:5": "fuse"} {
		if got, err := mountTypeIn(strings.NewReader(mountinfo), device); err != nil || got != want {
			t.Errorf("device %s: %q (%v), want %q", device, got, err, want)
		}
	}
}

// What is not there yet is judged by the folder that it would be made in.
func TestRemoteFileSystem(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "nova.sqlite"), filepath.Join(dir, "a", "b", "nova.sqlite")} {
		if kind, err := remoteFileSystem(path); err != nil || kind != "" {
			t.Errorf("%s: %q (%v)", path, kind, err)
		}
	}
	if kind, err := mountType(dir); err != nil || kind == "" {
		t.Errorf("%s is on a %q (%v)", dir, kind, err)
	}
}

// A network file system is refused before anything is made on it.
func TestOpen_networkFileSystem(t *testing.T) {
	dir := t.TempDir()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	magic := uint32(st.Type)
	if name, ok := remoteFileSystems[magic]; ok {
		t.Skipf("the temporary folder is on %s", name)
	}
	remoteFileSystems[magic] = "NFS"
	defer delete(remoteFileSystems, magic)
	path := filepath.Join(dir, "state", "nova.sqlite")
	for _, mode := range []Mode{Read, Write, Create, Sync, DryRun} {
		_, err := Open(t.Context(), Options{URL: path, Mode: mode})
		wantError(t, err, nil, "ledger "+path+" is on a network file system (NFS), where SQLite cannot keep hosts from overwriting "+
			"each other's changes; it was left as it is")
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
		t.Errorf("%v was made (%v)", made, err)
	}
}
