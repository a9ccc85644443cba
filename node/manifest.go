//go:build linux

package node

import (
	"fmt"
	"slices"
	"strings"

	"nova-manage/internal/configfile"
)

// ManifestPath is where the list of all files stands.
const ManifestPath = "/etc/nova/manifest"

// addManifest adds the list of the tree's files, each with its mode and what has to follow when it changes, and of the links that
// are ours, by which the next apply knows the ones that are to go, whoever made them.
func (t *Tree) addManifest() {
	text := []byte(configfile.Header)
	text = append(text, "\n# file MODE ACTIONS PATH, link NAME\n"...)
	for _, f := range t.Files {
		text = fmt.Appendf(text, "file %04o %s %s\n", f.Mode, f.Does, f.Path)
	}
	for _, name := range t.Links {
		text = fmt.Appendf(text, "link %s\n", name)
	}
	t.Files = append(t.Files, File{Path: ManifestPath, Mode: 0o644, Text: text})
}

// goneLinks are the links of a manifest that are not among links any more.
func goneLinks(manifest []byte, links []string) (gone []string) {
	for line := range strings.Lines(string(manifest)) {
		name, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "link ")
		if found && configfile.CheckInterfaceName("link", name) == nil && !slices.Contains(links, name) {
			gone = append(gone, name)
		}
	}
	return gone
}

// Finish puts the checksums into the files of the tree and adds the manifest. It is called once, when the tree is complete.
func (t *Tree) Finish() {
	t.addManifest()
	for i := range t.Files {
		t.Files[i].Text = Stamp(t.Files[i].Text)
	}
}
