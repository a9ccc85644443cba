package sqlstore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// remoteFileSystems are those whose files another host can have open, by the magic number that statfs(2) gives
// (linux/magic.h and the file systems' own sources). What writers share in WAL mode is memory of one host, and the
// locks that it is used under hold there only: writers on two hosts would not see each other and would overwrite each
// other's pages (sqlite.org/wal.html, sqlite.org/howtocorrupt.html §2.1). Nothing fails when that happens.
var remoteFileSystems = map[uint32]string{
	0x00006969: "NFS",
	0x0000517b: "SMB",
	0xff534d42: "SMB", // cifs
	0xfe534d42: "SMB", // smb2
	0x01021997: "9p",
	0x5346414f: "AFS", // OpenAFS
	0x6b414653: "AFS", // the kernel's own
	0x73757245: "Coda",
	0x00c36400: "Ceph",
	0x01161970: "GFS2",
	0x7461636f: "OCFS2",
	0x0bd00bd0: "Lustre",
	0x47504653: "GPFS",
	0x19830326: "BeeGFS",
	0x20030528: "OrangeFS",
	0x786f4256: "a VirtualBox shared folder",
	0xbacbacbc: "a VMware shared folder",
}

// localFUSE are the FUSE file systems that by their purpose keep files on disks of this host. All others (sshfs,
// glusterfs, s3fs, virtiofs, ...) are taken for remote ones: the kernel cannot tell, and to be wrong the other way
// would lose data.
var localFUSE = map[string]bool{
	"fuseblk":             true, // on a block device: ntfs-3g, exfat
	"fuse.fuse-overlayfs": true, // rootless containers
	"fuse.mergerfs":       true,
	"fuse.gocryptfs":      true,
	"fuse.encfs":          true,
}

const fuseMagic = 0x65735546

// remoteFileSystem names the file system that path, or the folder where it would be made, is on; "" for one of this
// host.
func remoteFileSystem(path string) (string, error) {
	for {
		var st unix.Statfs_t
		err := unix.Statfs(path, &st)
		switch parent := filepath.Dir(path); {
		case err == nil:
			return classify(uint32(st.Type), func() (string, error) { return mountType(path) })
		case !errors.Is(err, fs.ErrNotExist) || parent == path:
			return "", err
		default:
			path = parent
		}
	}
}

// classify is remoteFileSystem by magic number; mounted tells the type that a FUSE file system is mounted as.
func classify(magic uint32, mounted func() (string, error)) (string, error) {
	if magic != fuseMagic {
		return remoteFileSystems[magic], nil
	}
	kind, err := mounted()
	if err != nil || localFUSE[kind] {
		return "", err
	}
	return kind, nil
}

// mountType is the type of the file system that an existing path is on, as /proc/self/mountinfo has it.
func mountType(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", err
	}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	return mountTypeIn(f, fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
}

// mountTypeIn finds the type of a device (major:minor) in a mountinfo file (proc_pid_mountinfo(5)); "fuse" if it is
// not listed.
func mountTypeIn(mountinfo io.Reader, device string) (string, error) {
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		if mount := strings.Fields(before); len(mount) < 3 || mount[2] != device {
			continue
		}
		if kind := strings.Fields(after); len(kind) > 0 {
			return kind[0], nil
		}
	}
	return "fuse", lines.Err()
}

// checkLocal refuses a ledger on a file system that other hosts may write, for readers too: they take part in the
// locking, and what they would see may be half of a change.
func (e *sqlite) checkLocal() error {
	kind, err := remoteFileSystem(e.path)
	if err != nil {
		return e.unreachable(&fs.PathError{Op: "statfs", Path: e.path, Err: err})
	}
	if kind == "" {
		return nil
	}
	return &Error{Message: fmt.Sprintf("%s is on a network file system (%s), where SQLite cannot keep hosts from overwriting each other's changes; it was left as it is",
		e.place(), kind),
		Way: WayLocalDisk}
}
