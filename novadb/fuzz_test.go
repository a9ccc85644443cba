package novadb

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"nova-manage/internal/novatest"
)

// FuzzDump feeds a dump with anything: it is read or refused, never a crash, and what is read can be right.
func FuzzDump(f *testing.F) {
	// Small ones, since most of a change in a long one says nothing new.
	small := novatest.New("2011.1")
	small.Add("networks", vlanRow(row{"id": 1}))
	small.Add("instances", row{"id": 42, "project_id": "apollo", "mac_address": "02:16:3e:33:44:55"})
	small.Add("fixed_ips", row{"address": "10.9.0.3", "network_id": 1, "instance_id": 42, "allocated": true}, row{"address": "10.9.0.4", "network_id": 1, "reserved": true})
	small.Add("floating_ips", row{"address": "203.0.113.1", "fixed_ip_id": 1})
	for _, style := range styles {
		f.Add(small.Dump(style))
	}
	f.Add("DELIMITER ;;\nx ;;\nDELIMITER ;\n/*! x */ USE `a`; INSERT IGNORE INTO a.b (c) VALUES (1e5),(x'00'),(b'1'),(_binary '\\0')")
	f.Add("\xef\xbb\xbf-- MySQL dump\n#\n--\n/*")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := readDump(context.Background(), "dump", strings.NewReader(text), int64(len(text)), func(string, int64, int64) {})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("%v is no refusal", err)
			}
			return
		}
		site := judge(d, Names{})
		consistent(t, site)
	})
}

// FuzzDump_text writes any text as mysqldump does, in each of its ways, and reads it back.
func FuzzDump_text(f *testing.F) {
	f.Add("it's \"a\" \\ back\nslash\x00\x1a; -- /* ` é", "b")
	f.Fuzz(func(t *testing.T, description, name string) {
		for way, style := range styles {
			d := novatest.New("2012.2")
			d.Add("security_groups", novatest.Row{"name": name, "description": description, "project_id": "p"}, novatest.Row{"name": "last"})
			text := d.Dump(style)
			if style.Complete && style.NoCreate {
				continue // tables without rows are not in it
			}
			got, err := readDump(t.Context(), "dump", strings.NewReader(text), 0, func(string, int64, int64) {})
			if err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			if want := []groupRow{{1, name, description, "p"}, {2, "last", "", ""}}; !reflect.DeepEqual(got.groups, want) {
				t.Errorf("%s: %+v, want %+v", way, got.groups, want)
			}
		}
	})
}
