package db

import (
	"path/filepath"
	"testing"
)

func BenchmarkStore_CreateNetworks(b *testing.B) {
	for name, ask := range map[string]NewNetworks{
		"1000 of VlanManager": vlans("10.0.0.0/8", 24, 1000),
		"4000 of FlatManager": flat("10.0.0.0/8", 24, 4000),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s := openTest(b, filepath.Join(b.TempDir(), "nova.sqlite"), Create)
				create(b, s, ask)
				s.Close()
			}
		})
	}
}
