//go:build linux

package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoNetworkFile says that systemd-networkd does not configure a link.
var ErrNoNetworkFile = errors.New("no .network file")

// NetworkFile is the base name of the .network file by which systemd-networkd configures a link of the machine below root: what
// networkd itself says of it, else the first file whose [Match] names the link (systemd.network(5)). Error: ErrNoNetworkFile.
func NetworkFile(ctx context.Context, root, link string) (string, error) {
	if root == "/" {
		if file := networkFileInUse(ctx, link); file != "" {
			return file, nil
		}
	}
	files := map[string]string{} // by base name; those of /etc hide those of /run, and these those of /usr/lib
	for _, dir := range []string{"/usr/lib/systemd/network", "/run/systemd/network", "/etc/systemd/network"} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(root), dir, "*.network"))
		if err != nil {
			return "", err
		}
		for _, f := range found {
			files[filepath.Base(f)] = f
		}
	}
	var names []string
	for name := range files {
		if !strings.HasPrefix(name, "60-nova-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		text, err := os.ReadFile(files[name])
		if err == nil && matchesName(text, link) {
			return name, nil
		}
	}
	return "", ErrNoNetworkFile
}

// networkFileInUse asks networkd, "" where it does not run, is too old to tell, or does not configure the link.
func networkFileInUse(ctx context.Context, link string) string {
	out, err := run(ctx, nil, "networkctl", "--json=short", "list")
	if err != nil {
		return ""
	}
	var list struct {
		Interfaces []struct{ Name, NetworkFile string }
	}
	if json.Unmarshal(out, &list) != nil {
		return ""
	}
	for _, i := range list.Interfaces {
		// One of our own files would be ours only as long as there is a drop-in to it.
		if name := path.Base(i.NetworkFile); i.Name == link && i.NetworkFile != "" && !strings.HasPrefix(name, "60-nova-") {
			return name
		}
	}
	return ""
}

// matchesName tells whether the [Match] section of a .network file names the link. Files that match by anything else are left to
// networkd to tell of.
func matchesName(text []byte, link string) bool {
	inMatch, matched := false, false
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			inMatch = line == "[Match]"
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !inMatch || !found || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if strings.TrimSpace(key) != "Name" {
			return false
		}
		for pattern := range strings.FieldsSeq(value) {
			if ok, err := path.Match(pattern, link); err == nil && ok {
				matched = true
			}
		}
	}
	return matched
}
