package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// TestAPI_signal ends the server while a request waits for another writer: it gets its answer, and whoever comes later is refused.
func TestAPI_signal(t *testing.T) {
	race.SkipProcesses(t)
	for name, s := range stopSignals {
		waiting := func(t *testing.T, args ...string) (*ledger, *endpoint, func(), chan reply) {
			t.Helper()
			l := newLedger(t, "sqlite")
			e, k, _ := newAPI(t, l, args...)
			holder := connect(t, l.path, "BEGIN IMMEDIATE")
			answered := make(chan reply, 1)
			r := e.request(t, k, form("CreateSecurityGroup", "GroupName", "www", "GroupDescription", "waits"), time.Now())
			go func() { answered <- e.send(t, r) }()
			eventually(t, "the request opens the ledger", func() bool { return has(t, e.cmd.Process.Pid, l.path) })
			time.Sleep(100 * time.Millisecond) // long enough to be waiting; before that it must do as well
			if err := e.cmd.Process.Signal(s.signal); err != nil {
				t.Fatal(err)
			}
			e.awaits(t, "ending once the requests at work have their answers")
			u, err := url.Parse(e.url)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "nobody listens", func() bool { return !dialable(u.Host) })
			return l, e, func() {
				if _, err := holder.ExecContext(t.Context(), "ROLLBACK"); err != nil {
					t.Fatal(err)
				}
			}, answered
		}
		t.Run(name+"/the lock is given up", func(t *testing.T) {
			l, e, giveUp, answered := waiting(t)
			_ = e.cmd.Process.Signal(s.signal) // once more changes nothing
			giveUp()
			if got := <-answered; got.status != 200 {
				t.Errorf("the answer is %v", got)
			}
			e.stop(t, s.signal)
			if groups := l.must(t, "secgroup", "list", "-f", "value", "-c", "name"); !strings.Contains(groups, "www") {
				t.Errorf("the groups are %s", groups)
			}
			l.clean(t)
		})
		t.Run(name+"/the lock is kept", func(t *testing.T) {
			l, e, giveUp, answered := waiting(t, "--lock_timeout", "1s")
			if got := <-answered; got.status != 503 || got.code != "Unavailable" {
				t.Errorf("the answer is %v", got)
			}
			e.stop(t, s.signal)
			giveUp()
			if groups := l.must(t, "secgroup", "list", "-f", "value", "-c", "name"); strings.Contains(groups, "www") {
				t.Errorf("the groups are %s", groups)
			}
			l.clean(t)
		})
	}
}

// TestAPI_signalIdle ends at once where connections are open that nobody asks anything on.
func TestAPI_signalIdle(t *testing.T) {
	race.SkipProcesses(t)
	e, k, _ := newAPI(t, newLedger(t, "sqlite"))
	e.client.Transport = &http.Transport{}
	for range 3 {
		e.seesWeb(t, k)
	}
	began := time.Now()
	e.stop(t, syscall.SIGTERM)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestAPI_ledgerGone takes the ledger away under the server, and puts there what is none. The next request after it is back is answered.
func TestAPI_ledgerGone(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	e, k, _ := newAPI(t, l)
	create := []string{"GroupName", "www", "GroupDescription", "x"}
	away := l.path + ".away"
	for name, c := range map[string]struct {
		put    func() error
		status int
		code   string
		logged string
	}{
		"nothing":  {func() error { return nil }, 503, "Unavailable", "there is no ledger"},
		"a folder": {func() error { return os.Mkdir(l.path, 0o700) }, 500, "InternalError", "folder"},
		"a text":   {func() error { return os.WriteFile(l.path, []byte(strings.Repeat("text\n", 1000)), 0o600) }, 500, "InternalError", "is not an SQLite database"},
		"a pipe":   {func() error { return syscall.Mkfifo(l.path, 0o600) }, 500, "InternalError", l.path},
	} {
		if err := os.Rename(l.path, away); err != nil {
			t.Fatal(err)
		}
		if err := c.put(); err != nil {
			t.Fatal(err)
		}
		before := len(e.log.String())
		e.wants(t, k, c.status, c.code, "DescribeInstances")
		if got := e.wants(t, k, c.status, c.code, "CreateSecurityGroup", create...); strings.Contains(got.body, l.path) {
			t.Errorf("%s: the client is told where the ledger is: %v", name, got)
		}
		if said := e.log.String()[before:]; strings.Count(said, c.logged) < 2 {
			t.Errorf("%s: the log does not say %q: %s", name, c.logged, said)
		}
		if err := os.RemoveAll(l.path); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(away, l.path); err != nil {
			t.Fatal(err)
		}
		e.seesWeb(t, k)
	}
	e.wants(t, k, 200, "", "CreateSecurityGroup", create...)
	l.clean(t)
}

// TestAPI_refusesToStart has the command end at once where it cannot serve, or must not.
func TestAPI_refusesToStart(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	taken := listenLoopback(t)
	missing := filepath.Join(t.TempDir(), "missing")
	l.fails(t, 1, `cannot listen on `+regexp.QuoteMeta(taken.Addr().String())+`: bind: address already in use`, "api", "serve", "--listen", taken.Addr().String())
	l.fails(t, 2, `--listen 0\.0\.0\.0:0 is not on loopback, and without TLS .*`, "api", "serve", "--listen", "0.0.0.0:0")
	l.fails(t, 2, `--listen \[::\]:0 is not on loopback, and without TLS .*`, "api", "serve", "--listen", "[::]:0")
	l.fails(t, 2, `--tls_cert and --tls_key are given together or not at all`, "api", "serve", "--tls_cert", missing)
	l.fails(t, 1, `cannot use .*: no such file or directory`, "api", "serve", "--tls_cert", missing, "--tls_key", missing)
	l.fails(t, 1, `cannot listen on 192\.0\.2\.1:8773: .*`, append([]string{"api", "serve", "--listen", "192.0.2.1:8773"}, newCertificate(t, 1).flags()...)...)
	l.fails(t, 2, `.*listen.* is not ADDRESS:PORT.*`, "api", "serve", "--listen", "api.example.org:8773")
	if _, err := os.Stat(l.path); !os.IsNotExist(err) {
		t.Errorf("a ledger was made: %v", err)
	}
}

// TestAPI_appears begins with neither a ledger nor keys. The server says so, and answers once they are there.
func TestAPI_appears(t *testing.T) {
	race.SkipProcesses(t)
	eachEngine(t, func(t *testing.T, l *ledger) {
		k := keyOf("apollo")
		keys := filepath.Join(t.TempDir(), "keys")
		e := serveAPI(t, l, keys)
		e.awaits(t, "warning: no request can be answered yet: there is no credentials file "+keys)
		e.awaits(t, "warning: no request can be answered yet: there is no ledger ")
		e.wants(t, k, 401, "AuthFailure", "DescribeInstances")
		writeKeys(t, keys, k)
		e.wants(t, k, 503, "Unavailable", "DescribeInstances")
		e.wants(t, k, 503, "Unavailable", "CreateSecurityGroup", "GroupName", "www", "GroupDescription", "early", "DryRun", "true")
		e.wants(t, k, 503, "Unavailable", "CreateSecurityGroup", "GroupName", "www", "GroupDescription", "early")
		if _, err := os.Stat(l.path); l.path != "" && !os.IsNotExist(err) {
			t.Errorf("a request has made a ledger: %v", err)
		}
		l.must(t, "db", "sync")
		e.wants(t, k, 403, "UnauthorizedOperation", "DescribeInstances")
		l.must(t, "project", "create", "apollo")
		e.wants(t, k, 200, "", "DescribeInstances")
		e.wants(t, k, 200, "", "CreateSecurityGroup", "GroupName", "www", "GroupDescription", "in time")
		l.clean(t)
	})
}

// TestAPI_restore puts another ledger in the place of the one that is served.
func TestAPI_restore(t *testing.T) {
	race.SkipProcesses(t)
	eachEngine(t, func(t *testing.T, l *ledger) {
		e, k, _ := newAPI(t, l)
		kept := filepath.Join(t.TempDir(), "kept")
		l.must(t, "db", "backup", kept)
		e.wants(t, k, 200, "", "CreateSecurityGroup", "GroupName", "www", "GroupDescription", "is lost")
		e.wants(t, k, 200, "", "DescribeSecurityGroups", "GroupName.1", "www")
		l.must(t, "db", "restore", kept)
		e.wants(t, k, 400, "InvalidGroup.NotFound", "DescribeSecurityGroups", "GroupName.1", "www")
		e.wants(t, k, 200, "", "CreateSecurityGroup", "GroupName", "ftp", "GroupDescription", "is kept")
		if groups := l.must(t, "secgroup", "list", "-f", "value", "-c", "name"); groups != "default\nftp\n" {
			t.Errorf("the groups are %s", groups)
		}
		e.seesWeb(t, k)
		l.clean(t)
	})
}

// TestAPI_keys changes the credentials file under the server: the next request goes by what it says then.
func TestAPI_keys(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	e, k, keys := newAPI(t, l)
	other := keyOf("gemini")
	e.seesWeb(t, k)
	e.wants(t, other, 401, "AuthFailure", "DescribeInstances")

	writeKeys(t, keys, other)
	e.wants(t, k, 401, "AuthFailure", "DescribeInstances")
	e.wants(t, other, 403, "UnauthorizedOperation", "DescribeInstances") // the ledger has no such project
	changed := k
	changed.secret = "another" + k.secret
	writeKeys(t, keys, other, changed)
	e.wants(t, k, 401, "AuthFailure", "DescribeInstances")
	e.seesWeb(t, changed)
	reading := k
	reading.readOnly = true
	writeKeys(t, keys, reading)
	e.seesWeb(t, reading)
	e.wants(t, reading, 403, "UnauthorizedOperation", "CreateSecurityGroup", "GroupName", "www", "GroupDescription", "none")

	for _, broken := range []func() error{
		func() error { return os.Chmod(keys, 0o644) },
		func() error { return os.Chmod(keys, 0o620) },
		func() error { return os.WriteFile(keys, []byte(k.String()+k.secret+"\n"), 0o600) },
		func() error { return os.WriteFile(keys, make([]byte, 2<<20), 0o600) },
		func() error { return os.Remove(keys) },
		func() error { return os.Mkdir(keys, 0o700) },
		func() error { return os.Remove(keys) },
		func() error { return syscall.Mkfifo(keys, 0o600) },
	} {
		if err := broken(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(keys); os.IsNotExist(err) {
			e.wants(t, k, 401, "AuthFailure", "DescribeInstances")
			continue
		}
		before := len(e.log.String())
		if got := e.wants(t, k, 500, "InternalError", "DescribeInstances"); strings.Contains(got.body, keys) {
			t.Errorf("the client is told where the keys are: %v", got)
		}
		if line := e.log.String()[before:]; !strings.Contains(line, keys) || !strings.Contains(line, "code=InternalError status=500") {
			t.Errorf("the log does not say what is wrong: %s", line)
		}
	}
	if err := os.Remove(keys); err != nil {
		t.Fatal(err)
	}
	writeKeys(t, keys, k)
	if err := os.Chmod(keys, 0o644); err != nil {
		t.Fatal(err)
	}
	e.wants(t, k, 500, "InternalError", "DescribeInstances")
	if !strings.Contains(e.log.String(), "others may read or change it (mode 0644), and it holds secrets") {
		t.Errorf("the log does not say that others may read the keys:\n%s", e.log)
	}
	if err := os.Chmod(keys, 0o600); err != nil {
		t.Fatal(err)
	}
	e.seesWeb(t, k)
}

// TestAPI_default serves without flags: the keys are beside where the ledger is by default, also for one that is elsewhere.
func TestAPI_default(t *testing.T) {
	race.SkipProcesses(t)
	state := t.TempDir()
	l := ledgerAt(filepath.Join(state, "nova.sqlite"))
	_, k, keys := newAPI(t, l)
	if err := os.Rename(keys, filepath.Join(state, "ec2_credentials")); err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"NOVA_SQL_CONNECTION=", "NOVA_SQL_CONNECTION=" + l.url} {
		cmd := l.command("api", "serve", "--listen", "[::1]:0")
		cmd.Env = append(cmd.Env, "NOVA_STATE_PATH="+state)
		if variable == "NOVA_SQL_CONNECTION=" {
			cmd.Env = append(cmd.Env, variable)
		}
		e := startAPI(t, cmd)
		if !strings.HasPrefix(e.url, "http://[::1]:") {
			t.Errorf("it listens on %s", e.url)
		}
		e.seesWeb(t, k)
	}
}

// TestAPI_pages reads instances in pages of each size, and has every one once, whatever an engine takes for the order of names.
func TestAPI_pages(t *testing.T) {
	race.SkipProcesses(t)
	names := []string{"B", "Z", "_", "a", "a-b", "a.b", "aB", "ab", "z10", "z2", "zz", "Ä", "é"}
	eachEngine(t, func(t *testing.T, l *ledger) {
		e, k, _ := newAPI(t, l)
		var lines strings.Builder
		for _, name := range names {
			lines.WriteString("instance create " + name + " --project_id apollo\n")
		}
		if a := l.runWith(t, lines.String(), "batch", "-q"); a.code != 0 {
			t.Fatalf("batch: exit %d\n%s", a.code, a.stderr)
		}
		shown := regexp.MustCompile(`<displayName>([^<]*)<`)
		further := regexp.MustCompile(`<nextToken>([^<]*)<`)
		for _, size := range []string{"1", "2", "5", "13", "14", "1000"} {
			var seen []string
			for params := []string{"MaxResults", size}; params != nil; {
				got := e.wants(t, k, 200, "", "DescribeInstances", params...)
				for _, name := range shown.FindAllStringSubmatch(got.body, -1) {
					seen = append(seen, name[1])
				}
				params = nil
				if token := further.FindStringSubmatch(got.body); token != nil {
					params = []string{"MaxResults", size, "NextToken", token[1]}
				}
				if len(seen) > len(names)+1 {
					break
				}
			}
			if want := append(slices.Clone(names), "web"); !slices.Equal(slices.Sorted(slices.Values(seen)), slices.Sorted(slices.Values(want))) {
				t.Errorf("in pages of %s the instances are %v", size, seen)
			}
		}
	})
}

// TestAPI_keyCreate goes the way of who has no key yet. What one is good for ends with it, and history tells who has used it.
func TestAPI_keyCreate(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	_, _, keys := newAPI(t, l)
	keys += ".made"
	e := serveAPI(t, l, keys)
	create := func(args ...string) apiKey {
		t.Helper()
		var made struct {
			Name   string
			ID     string `json:"aws_access_key_id"`
			Secret string `json:"aws_secret_access_key"`
		}
		parseJSON(t, l.must(t, append([]string{"api", "key", "create", "--project_id", "apollo", "--credentials", keys, "-f", "json"}, args...)...), &made)
		if !regexp.MustCompile(`^NOVA[A-Z2-7]{16}$`).MatchString(made.ID) || !regexp.MustCompile(`^[A-Z2-7]{40}$`).MatchString(made.Secret) {
			t.Fatalf("the key is %+v", made)
		}
		e.neverLogs(made.Secret)
		return apiKey{name: made.Name, id: made.ID, secret: made.Secret}
	}
	writer, reader := create(), create("monitor", "--read_only")
	e.seesWeb(t, writer)
	e.seesWeb(t, reader)
	group := []string{"GroupName", "www", "GroupDescription", "x"}
	e.wants(t, reader, 403, "UnauthorizedOperation", "CreateSecurityGroup", group...)
	e.wants(t, writer, 200, "", "CreateSecurityGroup", group...)
	if actor := l.must(t, "history", "--limit", "1", "-f", "value", "-c", "actor"); actor != "apollo\n" {
		t.Errorf("the actor is %s", actor)
	}
	swapped := apiKey{id: writer.secret, secret: "the id stands here"}
	e.wants(t, swapped, 401, "AuthFailure", "DescribeInstances")
	l.must(t, "api", "key", "delete", "apollo", "--credentials", keys)
	e.wants(t, writer, 401, "AuthFailure", "DescribeInstances")
	e.wants(t, swapped, 401, "AuthFailure", "DescribeInstances")
	e.seesWeb(t, reader)
	t.Run("aws", func(t *testing.T) {
		newAWS(t, e.url, keys, "monitor").prints(t, "i-00000001\n", "describe-instances", "--query", "Reservations[].Instances[].InstanceId")
	})
}
