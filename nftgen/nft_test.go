package nftgen

import (
	"bytes"
	"math/rand/v2"
	"slices"
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

// TestConfig_reloads has the rules at the head of chains.go: a reload neither loses a packet nor lets one through. That there
// are no intervals is for judge.
func TestConfig_reloads(t *testing.T) {
	chains := map[string][]string{}
	name := ""
	for line := range strings.Lines(string(file0(t, example()))) {
		words := strings.Fields(line)
		switch {
		case len(words) == 3 && words[0] == "chain":
			name = words[1]
		case len(words) == 1 || words[0] == "set" || words[0] == "map":
			name = ""
		case name != "" && words[0] != "#":
			chains[name] = append(chains[name], strings.TrimSpace(line))
		}
	}
	called := 0
	for name, rules := range chains {
		afterMap := false
		for _, rule := range rules {
			if afterMap && !strings.Contains(rule, "map ") && !strings.HasSuffix(rule, " return") {
				t.Errorf("chain %s: %q acts where a map has had no answer", name, rule)
			}
			afterMap = afterMap || strings.Contains(rule, "map ")
		}
		if strings.HasPrefix(rules[0], "type ") {
			called++
		}
	}
	twice := map[string][3]string{
		"sources": {"filter hook prerouting", "raw", "raw + 1"}, "forward": {"filter hook forward", "filter", "filter + 1"}, "own": {"filter hook output", "filter", "filter + 1"},
		"dstnat": {"nat hook prerouting", "dstnat", "dstnat + 1"}, "dstnat_own": {"nat hook output", "-100", "-99"}, "srcnat": {"nat hook postrouting", "srcnat", "srcnat + 1"},
		"frames": {"filter hook prerouting", "-300", "-299"},
	}
	for name, hook := range twice {
		for i, end := range []string{"_first", "_again"} {
			want := []string{"type " + hook[0] + " priority " + hook[i+1] + "; policy accept;", "jump " + name}
			if got := chains[name+end]; !slices.Equal(got, want) {
				t.Errorf("chain %s is %q, want %q", name+end, got, want)
			}
		}
	}
	if called != 2*len(twice) {
		t.Errorf("%d chains are called by the kernel, want %d", called, 2*len(twice))
	}
}
