package ec2api

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
)

func parsed(t testing.TB, query string, key Key) Call {
	t.Helper()
	call, err := Parse(get("Version=2014-10-01&"+query), key)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return call
}

func filterOf(pairs ...string) string {
	query := ""
	for i := 0; i < len(pairs); i += 2 {
		query += fmt.Sprintf("&Filter.%d.Name=%s", i/2+1, pairs[i])
		for j, value := range strings.Split(pairs[i+1], ",") {
			query += fmt.Sprintf("&Filter.%d.Value.%d=%s", i/2+1, j+1, url.QueryEscape(value))
		}
	}
	return query
}

func TestCall_filters(t *testing.T) {
	for _, test := range []struct {
		query string
		want  []int64
	}{
		{"", []int64{1, 0x1ffffffff, 3}},
		{"&InstanceId.1=i-00000003&InstanceId.2=i-00000001", []int64{1, 3}},
		{"&InstanceId.1=i-00000003" + filterOf("instance-id", "i-00000001"), nil},
		{filterOf("private-ip-address", "10.0.0.3,10.0.0.4"), []int64{1, 3}},
		{filterOf("private-ip-address", "10.0.0.*", "ip-address", "192.0.2.?"), []int64{1}},
		{filterOf("ipv6-address", "FD00:0::2"), []int64{0x1ffffffff}},
		{filterOf("network-interface.ipv6-addresses.ipv6-address", "fd00::16:3eff:fe00:1"), []int64{1}},
		{filterOf("group-name", "web"), []int64{1}},
		{filterOf("group-id", "sg-00000001"), []int64{1}},
		{filterOf("ip-address", "*"), []int64{1}},
		{filterOf("owner-id", "venus"), nil},
		{filterOf("network-interface.mac-address", "02:16:3E:*"), []int64{1}},
		{filterOf("ipv6-address", "FD00::*"), []int64{1, 0x1ffffffff}},
	} {
		call := parsed(t, "Action=DescribeInstances"+test.query, mars)
		var got []int64
		for _, row := range instances {
			if call.Instance(row) {
				got = append(got, row.ID)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.query, got, test.want)
		}
	}
	for query, want := range map[string]string{
		"": "default a<b none ", "&GroupName.1=none&GroupId.1=sg-00000001": "default none ", filterOf("group-name", `a<?,d*`): "default a<b ",
		filterOf("ip-permission.cidr", "2001:DB8::/32"): "a<b ", filterOf("ip-permission.ipv6-cidr", "10.0.0.0/8"): "",
		filterOf("ip-permission.protocol", "icmpv6"): "a<b ", filterOf("ip-permission.to-port", "22"): "a<b ",
		filterOf("ip-permission.group-name", "default"): "default ", filterOf("description", "-"): "none ",
	} {
		call := parsed(t, "Action=DescribeSecurityGroups"+query, mars)
		got := ""
		for _, row := range groups {
			if call.SecurityGroup(row) {
				got += row.Name + " "
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for query, want := range map[string]int{"": 2, "&PublicIp.1=192.0.2.9": 1, filterOf("instance-id", "i-00000001"): 2, filterOf("domain", "vpc"): 0,
		filterOf("private-ip-address", "10.0.0.3"): 1} {
		call := parsed(t, "Action=DescribeAddresses"+query, mars)
		got := 0
		for _, row := range addresses {
			if call.Address(row) {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	in := parsed(t, "Action=DescribeInstances&InstanceId.1=i-00000003", mars).Input.(*DescribeInstances)
	if err := in.Missing(func(int64) bool { return true }); err != nil {
		t.Error(err)
	}
	wantError(t, in.Missing(func(int64) bool { return false }), InstanceNotFound, 400)
	byName := parsed(t, "Action=DescribeSecurityGroups&GroupName.1=a&GroupId.1=sg-00000009", mars).Input.(*DescribeSecurityGroups)
	wantError(t, byName.Missing(func(g GroupRef) bool { return g.Name == "a" }), GroupNotFound, 400)
	if err := byName.Missing(func(GroupRef) bool { return true }); err != nil {
		t.Error(err)
	}
}

func TestSpelt(t *testing.T) {
	// A group may be called like an address, or like something in capitals.
	for _, name := range []string{"FD00::1", "10.0.0.0/8", "WEB"} {
		if got := parsed(t, "Action=DescribeSecurityGroups"+filterOf("group-name", name), mars).Filters[0].Values[0]; got != name {
			t.Errorf("%s became %s", name, got)
		}
	}
}

// TestMatches compares with path.Match, which has the same signs where there is neither a slash nor a bracket.
func TestMatches(t *testing.T) {
	letters := []rune(`ab*?\é`)
	word := func(n int) string {
		var w []rune
		for range rand.IntN(n) {
			w = append(w, letters[rand.IntN(len(letters))])
		}
		return string(w)
	}
	for range 100_000 {
		pattern, text := word(8), word(8)
		// path.Match takes any letter behind a backslash literally; here one that means nothing is itself.
		lone := strings.NewReplacer(`\*`, "", `\?`, "", `\\`, "").Replace(pattern)
		if strings.Contains(lone, `\`) {
			continue
		}
		want, err := path.Match(pattern, text)
		if err == nil && matches(pattern, text) != want {
			t.Fatalf("%q and %q: %v", pattern, text, !want)
		}
	}
	begun := time.Now()
	if matches(strings.Repeat("*a", 1000)+"b", strings.Repeat("a", 5000)) || time.Since(begun) > 5*time.Second {
		t.Errorf("a hostile pattern took %v", time.Since(begun))
	}
}

func rowsOf[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func TestListing_pages(t *testing.T) {
	var rows []Instance
	for id := range int64(100) {
		rows = append(rows, Instance{ID: id + 1, Name: fmt.Sprintf("web-%03d", id+1), ProjectID: mars.ProjectID, FixedIP: ip(fmt.Sprintf("10.0.0.%d", (id+1)%2))})
	}
	const even = "&Filter.1.Name=private-ip-address&Filter.1.Value.1=10.0.0.0"
	type answer struct {
		IDs  []string `xml:"reservationSet>item>instancesSet>item>instanceId"`
		Next string   `xml:"nextToken"`
	}
	for _, size := range []int{1, 2, 7, 25, 49, 50, 51, 1000} {
		query := fmt.Sprintf("Action=DescribeInstances&MaxResults=%d%s", size, even)
		var got []string
		token := ""
		for pages := 1; ; pages++ {
			call := parsed(t, query+token, mars)
			text := answered(t, call.Instances, rows)
			from := slices.IndexFunc(rows, func(i Instance) bool { return i.Name > call.Page.After() })
			if rest := answered(t, call.Instances, rows[from:]); !bytes.Equal(rest, text) {
				t.Errorf("without the pages before:\n%s\nwith them:\n%s", rest, text)
			}
			var page answer
			if err := xml.Unmarshal(text, &page); err != nil || len(page.IDs) > size {
				t.Fatalf("page of %d: %v", len(page.IDs), err)
			}
			got, token = append(got, page.IDs...), page.Next
			if token == "" {
				if want := (50 + size - 1) / size; pages != want {
					t.Errorf("%d pages of %d, want %d", pages, size, want)
				}
				break
			}
			token = "&NextToken=" + token
		}
		if len(got) != 50 || !slices.IsSorted(got) || got[0] != InstanceID(2) || got[49] != InstanceID(100) {
			t.Errorf("pages of %d: %v", size, got)
		}
	}
	broken := errors.New("broken")
	failing := func(yield func(Instance, error) bool) { yield(Instance{}, broken) }
	if err := parsed(t, "Action=DescribeInstances", mars).Instances(io.Discard, "", failing); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
}

// TestPage_token has a token continue what it was given for, and nothing else.
func TestPage_token(t *testing.T) {
	const query = "Action=DescribeInstances&MaxResults=5"
	token := parsed(t, query, mars).Page.token("web-7")
	if got := parsed(t, query+"&NextToken="+token, mars).Page; got.after != "web-7" || got.Max != 5 {
		t.Errorf("page is %+v", got)
	}
	if got := parsed(t, "Action=DescribeInstances&NextToken="+token, mars).Page; got.after != "web-7" || got.Max != maxResults {
		t.Errorf("page is %+v", got)
	}
	other := mars
	other.Secret = "x"
	for name, ask := range map[string]struct {
		query string
		key   Key
	}{
		"another key":    {query + "&NextToken=" + token, other},
		"another action": {"Action=DescribeInstancesV6&NextToken=" + token, mars},
		"another filter": {query + filterOf("instance-id", "i-*") + "&NextToken=" + token, mars},
		"cut":            {query + "&NextToken=" + token[1:], mars},
		"no base64":      {query + "&NextToken=%24", mars},
		"longer":         {query + "&NextToken=" + token + "AAAA", mars},
	} {
		_, err := Parse(get("Version=2014-10-01&"+ask.query), ask.key)
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != InvalidParameterValue {
			t.Errorf("%s: %v", name, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		flipped := slices.Clone(raw)
		flipped[i/8] ^= 1 << (i % 8)
		if _, err := Parse(get("Version=2014-10-01&"+query+"&NextToken="+base64.RawURLEncoding.EncodeToString(flipped)), mars); err == nil {
			t.Errorf("passes with bit %d changed", i)
		}
	}
}
