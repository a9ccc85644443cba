package main

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
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
