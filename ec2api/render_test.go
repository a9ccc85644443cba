package ec2api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

const hostile = `</displayName><x a="&amp;'">` + "\x00\ufffe\xff]]>\r\n"

var (
	prefix    = netip.MustParsePrefix
	ip        = netip.MustParseAddr
	instances = []Instance{
		{ID: 1, Name: "web", ProjectID: "mercury", MAC: "02:16:3e:00:00:01", FixedIP: ip("10.0.0.3"), FixedIPv6: ip("fd00::16:3eff:fe00:1"),
			FloatingIP: ip("192.0.2.9"), FloatingIPv6: ip("2001:db8::9"), Groups: []GroupRef{{"default", 1}, {"web", 0}},
			CreatedAt: time.Date(2026, 11, 26, 13, 0, 0, 0, time.FixedZone("", 3600))},
		{ID: 0x1ffffffff, Name: hostile, ProjectID: "mercury", FixedIPv6: ip("fd00::2")},
		{ID: 3, ProjectID: "mercury", FixedIP: ip("10.0.0.4")},
	}
	groups = []SecurityGroup{
		{ID: 1, ProjectID: "mercury", Name: "default", Description: "members reach each other", Rules: []Rule{
			{Protocol: "icmp", From: -1, To: -1, Source: GroupRef{"default", 1}}}},
		{ID: 2, ProjectID: "mercury", Name: "a<b", Description: hostile, Rules: []Rule{
			{Protocol: "tcp", From: 22, To: 22, CIDR: prefix("10.0.0.0/8")}, {Protocol: "tcp", From: 22, To: 22, CIDR: prefix("2001:db8::/32")},
			{Protocol: "icmp", From: -1, To: -1, CIDR: prefix("::/0")}}},
		{ID: 3, ProjectID: "mercury", Name: "none", Description: "-"},
	}
	addresses = []Address{{ip("192.0.2.9"), ip("10.0.0.3"), 1}, {ip("2001:db8::9"), ip("fd00::16:3eff:fe00:1"), 1}}
)

// inputs ask for everything.
var inputs = map[string]any{"DescribeInstances": &DescribeInstances{}, "DescribeInstancesV6": &DescribeInstances{},
	"DescribeSecurityGroups": &DescribeSecurityGroups{}, "DescribeAddresses": &DescribeAddresses{}}

func answered[T any](t *testing.T, write func(io.Writer, string, iter.Seq2[T, error]) error, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, "req-1", rowsOf(rows)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRender(t *testing.T) {
	call := func(action, version string) Call {
		return Call{Action: action, Version: version, Input: inputs[action]}
	}
	page := func(c Call, n int) Call { c.Page.Max = n; return c }
	for name, got := range map[string][]byte{
		"instances_2014":    answered(t, call("DescribeInstances", "2014-10-01").Instances, instances),
		"instances_2016":    answered(t, page(call("DescribeInstances", "2016-11-15"), 3).Instances, append(slices.Clone(instances), Instance{ID: 0x200000000})),
		"instances_v6_2010": answered(t, call("DescribeInstancesV6", "2010-11-15").Instances, instances),
		"instances_none":    answered(t, call("DescribeInstances", "2016-11-15").Instances, nil),
		"groups_2014":       answered(t, call("DescribeSecurityGroups", "2014-10-01").SecurityGroups, groups),
		"groups_2016":       answered(t, page(call("DescribeSecurityGroups", "2016-11-15"), 2).SecurityGroups, groups),
		"addresses":         answered(t, call("DescribeAddresses", "2016-11-15").Addresses, addresses),
		"created":           call("CreateSecurityGroup", "2016-11-15").Done("req-1", 10),
		"done":              call("AuthorizeSecurityGroupIngress", "2014-10-01").Done("req-1", 0),
		"error":             Errorf(InvalidParameterValue, "%s", hostile).XML("req-1"),
	} {
		t.Run(name, func(t *testing.T) {
			readable(t, got)
			file := filepath.Join("testdata", name+".xml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s differs (%v):\n%s", file, err, got)
			}
		})
	}
}

// readable has a document be one of XML 1.0, and no element of it be an empty number or date, which crash clients.
func readable(t *testing.T, body []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(body))
	roots, depth := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, body)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
			if token.Name.Local == "x" || depth > 1 && len(token.Attr) > 0 {
				t.Errorf("element %v", token)
			}
		case xml.EndElement:
			depth--
		}
	}
	if roots != 1 || bytes.Contains(body, []byte("<launchTime></")) {
		t.Errorf("%d roots in\n%s", roots, body)
	}
}

// TestRender_read has clients find each family where they look for it.
func TestRender_read(t *testing.T) {
	type answer struct {
		XMLName   xml.Name
		RequestID string   `xml:"requestId"`
		ID        []string `xml:"reservationSet>item>instancesSet>item>instanceId"`
		V6        []string `xml:"reservationSet>item>instancesSet>item>dnsNameV6"`
		SDK       []string `xml:"reservationSet>item>instancesSet>item>networkInterfaceSet>item>ipv6AddressesSet>item>ipv6Address"`
		Names     []string `xml:"reservationSet>item>instancesSet>item>displayName"`
		CIDR      []string `xml:"securityGroupInfo>item>ipPermissions>item>ipRanges>item>cidrIp"`
		CIDR6     []string `xml:"securityGroupInfo>item>ipPermissions>item>ipv6Ranges>item>cidrIpv6"`
		Protocols []string `xml:"securityGroupInfo>item>ipPermissions>item>ipProtocol"`
	}
	for _, version := range []string{"2010-11-15", "2014-10-01", "2016-11-15", "2026-01-01"} {
		for _, name := range []string{"DescribeInstances", "DescribeInstancesV6"} {
			call := Call{Action: name, Version: version, Input: inputs[name]}
			var got answer
			if err := xml.Unmarshal(answered(t, call.Instances, instances), &got); err != nil {
				t.Fatal(err)
			}
			v6, sdk := "", ""
			if name == "DescribeInstancesV6" {
				v6 = "2001:db8::9 fd00::2"
			}
			if version >= "2016" {
				sdk = "2001:db8::9 fd00::16:3eff:fe00:1 fd00::2"
			}
			if strings.Join(got.V6, " ") != v6 || strings.Join(got.SDK, " ") != sdk || len(got.ID) != 3 || got.RequestID != "req-1" {
				t.Errorf("%s %s: %+v", name, version, got)
			}
			if got.XMLName.Local != name+"Response" || got.XMLName.Space != "http://ec2.amazonaws.com/doc/"+version+"/" {
				t.Errorf("root is %v", got.XMLName)
			}
			if want := strings.NewReplacer("\x00", "\ufffd", "\ufffe", "\ufffd", "\xff", "\ufffd").Replace(hostile); got.Names[1] != want {
				t.Errorf("name is %q, want %q", got.Names[1], want)
			}
		}
		var got answer
		if err := xml.Unmarshal(answered(t, Call{Action: "DescribeSecurityGroups", Version: version, Input: inputs["DescribeSecurityGroups"]}.SecurityGroups, groups), &got); err != nil {
			t.Fatal(err)
		}
		four, six, icmp := "10.0.0.0/8 2001:db8::/32 ::/0", "", "icmp tcp tcp icmp"
		if version >= "2016" {
			four, six, icmp = "10.0.0.0/8", "2001:db8::/32 ::/0", "icmp tcp tcp icmpv6"
		}
		if strings.Join(got.CIDR, " ") != four || strings.Join(got.CIDR6, " ") != six || strings.Join(got.Protocols, " ") != icmp {
			t.Errorf("%s: %+v", version, got)
		}
	}
}
