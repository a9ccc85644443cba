package redact

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

func TestValue(t *testing.T) {
	for given, want := range map[string]string{
		// What holds no password stays.
		"":                                       "",
		"10.0.1.0/24":                            "10.0.1.0/24",
		"fd00:1:0:2::/64":                        "fd00:1:0:2::/64",
		"02:16:3e:33:44:55":                      "02:16:3e:33:44:55",
		"user@host":                              "user@host",
		"--label=a b":                            "--label=a b",
		"fixed_range = 10.0.0.0/8":               "fixed_range = 10.0.0.0/8",
		"sqlite:////srv/a:b.sqlite":              "sqlite:////srv/a:b.sqlite",
		"postgresql://nova@db:5433/nova":         "postgresql://nova@db:5433/nova",
		"postgresql://db1:5432,db2:5433/nova":    "postgresql://db1:5432,db2:5433/nova",
		"postgresql://[2001:db8::1]:5433/nova":   "postgresql://[2001:db8::1]:5433/nova",
		"postgresql:///nova?host=/run/pg&port=1": "postgresql:///nova?host=/run/pg&port=1",
		"host=h port=5 user=u dbname=d":          "host=h port=5 user=u dbname=d",
		"passfile=/etc/nova/pgpass user=u":       "passfile=/etc/nova/pgpass user=u",
		"postgresql://u:xxxxx@h/d":               "postgresql://u:xxxxx@h/d",
		// URLs, and what was meant to be one.
		"postgresql://u:MARK@h/d":                    "postgresql://u:xxxxx@h/d",
		"--sql_conection=postgresql://u:MARK@h/d":    "--sql_conection=postgresql://u:xxxxx@h/d",
		"postgresqle://u:MARK@h:5433/d?sslmode=x":    "postgresqle://u:xxxxx@h:5433/d?sslmode=x",
		"mysql+pymysql://u:MARK@h/d":                 "mysql+pymysql://u:xxxxx@h/d",
		"postgres:u:MARK@h":                          "postgres:u:xxxxx@h",
		"postgresql:/u:MARK/d":                       "postgresql:/u:xxxxx",
		"/srv/postgresql+x:/u:MARK@h/d":              "/srv/postgresql+x:/u:xxxxx@h/d",
		"u:MARK@h/d":                                 "u:xxxxx@h/d",
		"//u:MARK@h/d":                               "//u:xxxxx@h/d",
		"postgresql://u%3aMARK@h/d":                  "postgresql://u%3axxxxx@h/d",
		"postgresql://u:MA@RK/MARK?MA#RK@h/d":        "postgresql://u:xxxxx@h/d",
		"postgresql://u:MARK MARK\n\"MARK'@h/d":      "postgresql://u:xxxxx@h/d",
		"postgresql://u:MARK":                        "postgresql://u:xxxxx",
		"postgresql://u:MARK/h/d":                    "postgresql://u:xxxxx",
		"postgresql://u:12MARK%40h/d":                "postgresql://u:xxxxx",
		"postgresql://h/d?user=u&password=MARK":      "postgresql://h/d?user=u&password=xxxxx",
		"postgresql://h/d?%70assword=MARK&sslmode=x": "postgresql://h/d?%70assword=xxxxx&sslmode=x",
		"postgresql://h/d?p%zzassword=MARK&port=5":   "postgresql://h/d?p%zzassword=xxxxx&port=5",
		"postgresql://h/d?sslpassword=MA&RK":         "postgresql://h/d?sslpassword=xxxxx",
		"postgresql://h/d?pasword=MARK":              "postgresql://h/d?pasword=xxxxx",
		// DSNs.
		"host=h password=MARK user=u":           "host=h password=xxxxx user=u",
		"host=h password = MARK user = u":       "host=h password = xxxxx user = u",
		"host=h password='MA MARK' user=u":      "host=h password=xxxxx user=u",
		`host=h password='MA\' MARK' user=u`:    "host=h password=xxxxx user=u",
		`host=h password="MA MARK" user=u`:      "host=h password=xxxxx user=u",
		`password=MA\ MARK user=u`:              "password=xxxxx user=u",
		"password='MA x=MARK":                   "password=xxxxx",
		"password=MA MARK x=MARK":               "password=xxxxx",
		"host=h pasword=MARK":                   "host=h pasword=xxxxx",
		"PGPASSWORD=MARK":                       "PGPASSWORD=xxxxx",
		"PGPASSWORD=MARK psql":                  "PGPASSWORD=xxxxx",
		"--sql_connection=host=h password=MARK": "--sql_connection=host=h password=xxxxx",
		"rabbit_password: MARK":                 "rabbit_password: xxxxx",
		"admin_token=MARK":                      "admin_token=xxxxx",
	} {
		if got := Value(given); got != want {
			t.Errorf("%q\n got %q\nwant %q", given, got, want)
		}
		if got := Value(want); got != want {
			t.Errorf("%q is redacted again, to %q", want, got)
		}
		if got := Text(want); got != want {
			t.Errorf("%q as a text is %q", want, got)
		}
	}
}

func TestText(t *testing.T) {
	for given, want := range map[string]string{
		"ledger postgresql://nova@/test: it cannot be reached by root@node1": "ledger postgresql://nova@/test: it cannot be reached by root@node1",
		"server process 5 (nova-manage by a@b, user nova) has held ledger x": "server process 5 (nova-manage by a@b, user nova) has held ledger x",
		"see http://[fd00::1]:80/, http://h:80, or http://h: it is a@b":      "see http://[fd00::1]:80/, http://h:80, or http://h: it is a@b",
		"the password is the one in --sql_connection, else PGPASSWORD":       "the password is the one in --sql_connection, else PGPASSWORD",
		"write @ as %40, / as %2F, % as %25: a@b":                            "write @ as %40, / as %2F, % as %25: a@b",
		`"postgresql://nova@h:5432"`:                                         `"postgresql://nova@h:5432"`,
		`cannot parse "postgresql://u:MARK@h" of a@b`:                        `cannot parse "postgresql://u:xxxxx@h" of a@b`,
		"postgresql://u:MA MARK@h is wrong":                                  "postgresql://u:xxxxx@h is wrong",
		`surplus argument "password=MARK", and more`:                         `surplus argument "password=xxxxx", and more`,
		`surplus argument "password=\"MA MARK\" user=u"`:                     `surplus argument "password=xxxxx user=u"`,
		`surplus argument "password='MA MARK' user=u"`:                       `surplus argument "password=xxxxx user=u"`,
		"process 7 (psql --dbname=postgresql://u:MARK@h/d -c x)":             "process 7 (psql --dbname=postgresql://u:xxxxx@h/d -c x)",
	} {
		if got := Text(given); got != want {
			t.Errorf("%q\n got %q\nwant %q", given, got, want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for want, words := range map[string][]string{
		"network create 10.0.1.0/24 3 32 --label 'a b'": {"network", "create", "10.0.1.0/24", "3", "32", "--label", "a b"},
		`secgroup create 'a$b' '' 'it'\''s' 'Gäste'`:    {"secgroup", "create", "a$b", "", "it's", "Gäste"},
		"db copy --to postgresql://u:xxxxx@h/d":         {"db", "copy", "--to", "postgresql://u:MARK@h/d"},
		"db sync '--to=host=h password=xxxxx'":          {"db", "sync", "--to=host=h password=a MARK"},
		"app --password xxxxx -x":                       {"app", "--password", "MARK", "-x"},
		"app --password= xxxxx -x":                      {"app", "--password=", "MARK", "-x"},
		"app --password=xxxxx xxxxx -x":                 {"app", "--password=a", "MARK", "-x"},
		"app '--to=h?password=' xxxxx -x":               {"app", "--to=h?password=", "MARK", "-x"},
		// A flag with a word of a secret for its value has had its value.
		"network modify --label=token-ring --mtu 1500": {"network", "modify", "--label=token-ring", "--mtu", "1500"},
		"network modify '--label=90% full' -q":         {"network", "modify", "--label=90% full", "-q"},
	} {
		got := CommandLine(words)
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if strings.Contains(got, Mask) {
			continue
		}
		// What a shell makes of it is what was typed.
		out, err := exec.Command("/bin/sh", "-c", `printf '%s\n' `+got).Output()
		if err != nil || string(out) != strings.Join(words, "\n")+"\n" {
			t.Errorf("a shell makes %q (%v) of %s", out, err, got)
		}
	}
}

func TestLooksLikeDSN(t *testing.T) {
	for s, want := range map[string]bool{
		"postgresql://u:p@h/d":     true,
		"postgresqle://h/d":        true,
		"postgres:u":               true,
		"MySQL+pymysql:u":          true,
		"u:p@h/d":                  true,
		"host=h password=p":        true,
		"dbname = nova":            true,
		"password=p":               true,
		"nova.sqlite":              false,
		"a path with #, ?x=1, %41": false,
		"a:b":                      false,
		"root@node1":               false,
		"/srv/host=h":              false,
		"./host=h":                 false,
		"../postgresql://u:p@h/d":  false,
	} {
		if got := LooksLikeDSN(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

// Whatever stands around a URL with a password, in it, or where its user and its password begin, the password does not come
// through; and what was redacted once stays as it is.
func FuzzRedact(f *testing.F) {
	for _, seed := range [][3]string{
		{"", "", ""}, {"error: ", "", ": no such file"}, {"x://y:z@", "a b", "\" and @"}, {"password='", "", "'"}, {"host=h user=", "&port=", "%40"},
		{"a=b ", "password=x&host=", "?password=y"}, {"@", "://", ":@"}, {"u:xxxxx@h ", "xxxxx@", ":xxxxx@"}, {"[", "]:5", "\n"},
		{"", "h/d?user", ""}, {"\"", "\\", "\""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, before, in, after string) {
		const mark = "s3MARKcr"
		if strings.Contains(before+in+after, mark) {
			return
		}
		for _, text := range []string{
			before + "scheme://user:" + mark + "@host" + after,
			before + "postgresql://" + strings.Join(strings.Fields(in), "") + ":" + mark + "@host" + after,
			before + " password=" + mark + " " + after,
			fmt.Sprintf("%q", before+"scheme://user:"+mark+"@host"+after),
		} {
			if shown := Text(text); strings.Contains(shown, mark) {
				t.Errorf("Text: %q gives %q", text, shown)
			}
		}
		for _, value := range []string{
			before + "scheme://user:" + in + mark + "@host" + after,
			before + "scheme://" + in + ":" + mark + in + "@host" + after,
			"host=h password='" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(in) + mark + "'" + after,
		} {
			if shown := Value(value); strings.Contains(shown, mark) {
				t.Errorf("Value: %q gives %q", value, shown)
			}
			if shown := fmt.Sprintf("%q", Value(value)); strings.Contains(Text(shown), mark) {
				t.Errorf("quoted, %q gives %q", value, shown)
			}
			if shown := CommandLine([]string{before, value, after}); strings.Contains(shown, mark) {
				t.Errorf("CommandLine: %q gives %q", value, shown)
			}
		}
	})
}
