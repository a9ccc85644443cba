package nftgen

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"nova-manage/internal/configtest"
)

func TestConfig_Append(t *testing.T) {
	for name, c := range map[string]Config{
		"all.nft":     example(),
		"bare.nft":    {},
		"network.nft": {Uplinks: []string{"eth0"}, Networks: []Network{{ID: 1, Bridge: "br100", CIDR: prefix("10.0.1.0/27")}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			configtest.Golden(t, name, got)
			load(t, got)
		})
	}
}

// TestConfig_order gives the same values in other orders, which must give the same bytes.
func TestConfig_order(t *testing.T) {
	want, err := example().Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		c := example()
		shuffle(c.Uplinks)
		shuffle(c.Networks)
		shuffle(c.Ports)
		shuffle(c.Groups)
		shuffle(c.Floating)
		shuffle(c.VPN)
		shuffle(c.DMZ)
		for i := range c.Groups {
			shuffle(c.Groups[i].Rules)
		}
		got, err := c.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("another order gives another file:\n%s", got)
		}
	}
}

func shuffle[T any](list []T) {
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}
