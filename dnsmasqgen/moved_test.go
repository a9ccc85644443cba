package dnsmasqgen_test

import (
	"testing"

	"nova-manage/dnsmasqgen"
)

func TestMoved(t *testing.T) {
	const a, b = "02:00:00:00:00:01", "02:00:00:00:00:02"
	for _, tt := range []struct {
		what, before, after string
		want                bool
	}{
		{"the same", a + ",web.x,10.0.0.3\n", a + ",web.x,10.0.0.3\n", false},
		{"another name", a + ",web.x,10.0.0.3\n", a + ",app.x,10.0.0.3\n", false},
		{"another guest", a + ",web.x,10.0.0.3\n", a + ",web.x,10.0.0.3\n" + b + ",app.x,10.0.0.4\n", false},
		{"another address", a + ",web.x,10.0.0.3\n", a + ",web.x,10.0.0.4\n", false},
		{"another owner", a + ",web.x,10.0.0.3\n", b + ",app.x,10.0.0.3\n", true},
		{"another owner of an IPv6 address", a + ",[fd00::7]\n", b + ",[fd00::7]\n", true},
		{"nothing before", "", a + ",web.x,10.0.0.3\n", false},
		{"a comment", "# a, b,10.0.0.3\n", a + ",web.x,10.0.0.3\n", false},
	} {
		if got := dnsmasqgen.Moved([]byte(tt.before), []byte(tt.after)); got != tt.want {
			t.Errorf("%s: moved is %t", tt.what, got)
		}
	}
}
