package radvdgen

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"nova-manage/internal/configfile"
	"nova-manage/internal/configtest"
)

// parser feeds radvd's own parser with what was accepted, many interfaces to a file: a process for each would take nearly
// all of the time.
type parser struct {
	path  string // of radvd; empty where it is not installed
	texts []string
}

func newParser(f *testing.F) *parser {
	path, err := exec.LookPath("radvd")
	if err != nil && os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
		f.Fatal(err)
	}
	return &parser{path: path}
}

// add takes a file with an interface that no other one has.
func (p *parser) add(t *testing.T, text []byte) {
	t.Helper()
	p.texts = append(p.texts, strings.TrimPrefix(string(text), configfile.Header))
	if len(p.texts) == 1000 {
		p.flush(t)
	}
}

func (p *parser) flush(t testing.TB) {
	t.Helper()
	texts := p.texts
	p.texts = nil
	if p.path != "" && len(texts) > 0 && !p.takes(t, texts) {
		// Half of them, again and again, until one is left that makes the difference.
		for len(texts) > 1 {
			half := texts[:len(texts)/2]
			if p.takes(t, half) {
				half = texts[len(half):]
			}
			texts = half
		}
		t.Errorf("radvd refuses what was accepted:\n%s", texts[0])
	}
}

func (p *parser) takes(t testing.TB, texts []string) bool {
	t.Helper()
	return exec.Command(p.path, "-c", "-C", configtest.WriteTemp(t, strings.Join(texts, ""))).Run() == nil
}

// finish is the last thing that a target does: what is left goes to radvd. Without radvd the seeds have been judged by the
// grammar, and the target is marked as skipped.
func (p *parser) finish(f *testing.F) {
	if p.path == "" {
		f.Skip("radvd is not in PATH: its parser was not asked")
	}
	p.flush(f)
}

// accepted reads the file back by the grammar; it must be exactly one interface.
func accepted(t *testing.T, text []byte) block {
	t.Helper()
	interfaces, err := readConf(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if len(interfaces) != 1 {
		t.Fatalf("%d interfaces in\n%s", len(interfaces), text)
	}
	return interfaces[0]
}

// tokenSeeds are words and numbers of radvd's grammar in all spellings, and what is one letter away from them.
func tokenSeeds() []string {
	seeds := strings.Fields("1 100 -1 -100 1.5 1.5.2 1. .5 0x1 1e5 +1 1-2 99999999999 4294967296 1.2.3 1.2.3.4 12ab fe80 x1 -x on1 xon o lo")
	for _, word := range append(scannerWords, laterScannerWords...) {
		seeds = append(seeds, word, strings.ToLower(word), strings.ToUpper(word), word+"x", "x"+word, word[1:], word+".x")
	}
	return seeds
}

func FuzzInterfaceName(f *testing.F) {
	for _, name := range append(configtest.NameSeeds(), tokenSeeds()...) {
		f.Add(name)
	}
	radvd := newParser(f)
	seen := map[string]bool{}
	f.Fuzz(func(t *testing.T, name string) {
		allowed := allowedRadvdName(name)
		if err := CheckRadvdName(name); (err == nil) != allowed {
			t.Fatalf("%q: allowed is %t, but the check says %v", name, allowed, err)
		}
		b, err := Config{Interfaces: []Interface{{Name: name, Prefixes: prefixes("fd00::/64")}}}.Append(nil)
		if (err == nil) != allowed {
			t.Fatalf("%q: allowed is %t, but the generator says %v", name, allowed, err)
		}
		if err != nil {
			return
		}
		want := block{"interface", []string{name}, map[string]string{"AdvSendAdvert": "on"}, []block{{"prefix", []string{"fd00::/64"},
			map[string]string{"AdvOnLink": "on", "AdvAutonomous": "on", "AdvValidLifetime": "86400", "AdvPreferredLifetime": "14400"}, nil}}}
		if got := accepted(t, b); !equalBlocks(got, want) {
			t.Errorf("%q is read back as %v from\n%s", name, got, b)
		}
		if !seen[name] {
			seen[name] = true
			radvd.add(t, b)
		}
	})
	radvd.finish(f)
}

// domainSeeds are names at the edges of the rule for search domains.
func domainSeeds() []string {
	label := strings.Repeat("a", 63)
	longest := strings.Join([]string{label, label, label, label[:61]}, ".") // 253 bytes
	seeds := append(tokenSeeds(), "example.com", "example.com.", "Example.COM", "a", "1a", "3com.example", "a.1", "a1", "xn--bcher-kva.example",
		"a-b.c-d", "a--b", "-a", "a-", "-", "a.-b", "a.b-", "a-.b", "-a.b", "a.b-.c", "a.-.b", ".", "..", "a..", "a..b", ".a", "a. b", "",
		"before.example", "BEFORE.example.", "after.example", "a.before.example",
		label, label+"a", "x."+label, "x."+label+"b.y", label+".", longest, longest+".", longest+"a", longest[1:]+".b", strings.Repeat("a.", 126)+"a", strings.Repeat("a.", 127)+"a",
		"bücher", "é.example", "a١", "a\u00a0b", "a\u2028b", "\xff", "a_b", "_a", "a;} interface x { AdvSendAdvert on", "low", "low.", "1.5.", "1.")
	for b := range 0x100 {
		c := string([]byte{byte(b)})
		seeds = append(seeds, "a"+c+"b.example", c+"a.example", "a.example"+c, "a"+c+".example", "example."+c+"a", c)
	}
	return seeds
}

func FuzzDNSSL(f *testing.F) {
	for _, name := range domainSeeds() {
		f.Add(name)
	}
	radvd := newParser(f)
	n := 0
	f.Fuzz(func(t *testing.T, name string) {
		written := strings.TrimSuffix(name, ".")
		allowed := allowedDomain(written)
		if err := CheckDomain(name); (err == nil) != allowed {
			t.Fatalf("%q: allowed is %t, but the check says %v", name, allowed, err)
		}
		n++
		bridge := fmt.Sprintf("br%d", n)
		b, err := Config{Interfaces: []Interface{{Name: bridge, DNSSL: domains("before.example", name, "after.example")}}}.Append(nil)
		twice := strings.EqualFold(written, "before.example") || strings.EqualFold(written, "after.example")
		if (err == nil) != (allowed && !twice) {
			t.Fatalf("%q: allowed is %t, but the generator says %v", name, allowed && !twice, err)
		}
		if err != nil {
			return
		}
		want := block{"interface", []string{bridge}, map[string]string{"AdvSendAdvert": "on"}, []block{{"DNSSL",
			[]string{"before.example", written, "after.example"}, map[string]string{"AdvDNSSLLifetime": "1800"}, nil}}}
		if got := accepted(t, b); !equalBlocks(got, want) {
			t.Errorf("%q is read back as %v from\n%s", name, got, b)
		}
		radvd.add(t, b)
	})
	radvd.finish(f)
}

// values hands out what a fuzz target was given as the values of options: often one at some option's edge.
type values struct{ data []byte }

func (v *values) next() byte {
	if len(v.data) == 0 {
		return 0
	}
	b := v.data[0]
	v.data = v.data[1:]
	return b
}

var edges = []uint32{0, 1, 2, 3, 4, 9, 10, 100, 255, 256, 600, 1279, 1280, 1350, 1800, 1801, 9000, 9001, 14399, 14400, 65535, 65536, 86400, 3600000, 3600001,
	1<<31 - 1, 1 << 31, 1<<32 - 2, 1<<32 - 1}

func (v *values) number() uint32 {
	switch b := int(v.next()); {
	case b < 8*len(edges):
		return edges[b%len(edges)]
	default:
		return binary.LittleEndian.Uint32([]byte{v.next(), v.next(), v.next(), v.next()})
	}
}

func (v *values) seconds() *Seconds {
	if v.next()%2 == 0 {
		return nil
	}
	return new(Seconds(v.number()))
}

func (v *values) address() netip.Addr {
	var a [16]byte
	switch v.next() % 4 {
	case 0:
		a = netip.MustParseAddr("fd00::").As16()
	case 1:
		a = netip.MustParseAddr("fe80::").As16()
	case 2:
		a = netip.MustParseAddr("::ffff:10.0.0.0").As16()
	}
	for range v.next() % 4 {
		a[v.next()%16] = v.next()
	}
	return netip.AddrFrom16(a)
}

func (v *values) prefix() netip.Prefix {
	p := netip.PrefixFrom(v.address(), []int{64, 64, 0, 1, 48, 63, 65, 128}[v.next()%8])
	if v.next()%4 == 0 {
		return p
	}
	return p.Masked()
}

func (v *values) onOff() Switch { return Switch(v.next() % 3) }

// FuzzConfig gives an interface all options at once. What Validate lets through must be in the grammar, and radvd must
// take it.
func FuzzConfig(f *testing.F) {
	f.Add("", "", []byte{})
	for _, text := range []string{"low", "medium", "high", "Low", "higher", "on", "low;", "low ", "\n", "low\n", "low;\n\tAdvLinkMTU 1"} {
		f.Add(text, "", []byte{})
		f.Add("", text, []byte{})
	}
	// Every byte of the stream at an edge, one after the other, and all of them.
	const bytes = 96
	for i := range bytes {
		for b := range 32 {
			data := make([]byte, bytes)
			data[i], data[(i+1)%bytes] = 1, byte(b)
			f.Add("", "", data)
		}
	}
	radvd := newParser(f)
	n := 0
	f.Fuzz(func(t *testing.T, defaultPreference, routePreference string, data []byte) {
		v := &values{data}
		n++
		i := Interface{
			Name:               fmt.Sprintf("br%d", n),
			SendAdvert:         v.onOff(),
			IgnoreIfMissing:    v.onOff(),
			MinRtrAdvInterval:  v.seconds(),
			MaxRtrAdvInterval:  v.seconds(),
			MinDelayBetweenRAs: v.seconds(),
			DefaultLifetime:    v.seconds(),
			DefaultPreference:  Preference(defaultPreference),
			Managed:            v.onOff(),
			OtherConfig:        v.onOff(),
			SourceLLAddress:    v.onOff(),
			RASolicitedUnicast: v.onOff(),
			UnicastOnly:        v.onOff(),
			IntervalOpt:        v.onOff(),
			Prefixes: []Prefix{{Prefix: v.prefix(), OnLink: v.onOff(), Autonomous: v.onOff(), RouterAddr: v.onOff(), ValidLifetime: v.seconds(),
				PreferredLifetime: v.seconds(), DeprecatePrefix: v.onOff(), DecrementLifetimes: v.onOff()}},
			Routes: []Route{{Prefix: v.prefix(), Lifetime: v.seconds(), Preference: Preference(routePreference), RemoveRoute: v.onOff()}},
			RDNSS:  []RDNSS{{Servers: []netip.Addr{v.address()}, Lifetime: v.seconds(), Flush: v.onOff()}},
			DNSSL:  []DNSSL{{Domains: []string{"example.org"}, Lifetime: v.seconds(), Flush: v.onOff()}},
		}
		if v.next()%2 == 1 {
			i.CurHopLimit = new(v.number())
		}
		if v.next()%2 == 1 {
			i.LinkMTU, i.ReachableTime, i.RetransTimer = v.number(), v.number(), v.number()
		}
		b, err := Config{Interfaces: []Interface{i}}.Append(nil)
		if err != nil {
			return
		}
		if bad := badInterface(accepted(t, b)); bad != "" {
			t.Errorf("%s contradicts another option in\n%s", bad, b)
		}
		for _, text := range []string{defaultPreference, routePreference} {
			if text != "" && !preference(text) {
				t.Errorf("preference %q is accepted", text)
			}
		}
		radvd.add(t, b)
	})
	radvd.finish(f)
}
