package nftgen

import (
	"bytes"
	"math/rand/v2"
	"strings"
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

// TestConfig_groupChains has no anonymous set in the chains of groups: nft takes time with the square of them, minutes for 10,000
// groups (trap 18).
func TestConfig_groupChains(t *testing.T) {
	text, err := example().Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	chains, inGroup := 0, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "chain sg"), strings.HasPrefix(line, "chain gs_"):
			inGroup = true
			chains++
		case line == "}":
			inGroup = false
		case inGroup && strings.Contains(line, "{"):
			t.Errorf("an anonymous set in the chain of a group: %s", line)
		}
	}
	if chains < 6 {
		t.Errorf("%d chains of groups in\n%s", chains, text)
	}
}
