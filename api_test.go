package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/ec2test"
)

// The tests in api*_test.go have EC2 clients ask `api serve`, which runs as a process of its own.

// apiKey is a section of the credentials file.
type apiKey struct {
	name, id, secret, project string
	readOnly                  bool
}

// keyOf is the key of a project, of the same name. Its secret has what AWS's own have; boto 2 could read no % there.
func keyOf(project string) apiKey {
	return apiKey{name: project, id: "AKID" + strings.ToUpper(project), secret: "s3cr3t/+=" + project + "0123456789", project: project}
}

func (k apiKey) String() string {
	text := fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\nproject_id = %s\n", k.name, k.id, k.secret, k.project)
	if k.readOnly {
		text += "read_only = true\n"
	}
	return text
}

// writeKeys puts a credentials file in the place of another, and returns its path.
func writeKeys(t testing.TB, path string, keys ...apiKey) string {
	t.Helper()
	var text strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&text, "%s\n", k)
	}
	if err := os.WriteFile(path+".new", []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// spoken is the file that a process writes its log into. Unlike what comes through a pipe, a line is there as soon as it is written.
type spoken struct{ *os.File }

func (s spoken) String() string {
	text, err := os.ReadFile(s.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// endpoint is `api serve` at work.
type endpoint struct {
	url    string
	client *http.Client
	cmd    *exec.Cmd
	log    spoken
	ended  chan struct{} // closed when the process has ended
	err    error         // of its Wait, by then

	mu    sync.Mutex
	never []string // what its log must not have: secrets and signatures
}

// serveAPI starts it on a free port, with that credentials file, and ends it with the test.
func serveAPI(t testing.TB, l *ledger, keys string, args ...string) *endpoint {
	t.Helper()
	return startAPI(t, l.command(append([]string{"api", "serve", "--listen", "127.0.0.1:0", "--credentials", keys}, args...)...))
}

// startAPI starts a command that serves, and waits until it listens.
func startAPI(t testing.TB, cmd *exec.Cmd) *endpoint {
	t.Helper()
	e := launchAPI(t, cmd)
	e.awaits(t, "listening on ")
	line := regexp.MustCompile(`(?m)^nova-manage: listening on (\S+)$`).FindStringSubmatch(e.log.String())
	if line == nil || !strings.HasPrefix(e.log.String(), line[0]) {
		t.Fatalf("the first line does not say where it listens:\n%s", e.log)
	}
	e.url = line[1]
	return e
}

func launchAPI(t testing.TB, cmd *exec.Cmd) *endpoint {
	t.Helper()
	e := runAPI(t, cmd)
	t.Cleanup(func() {
		e.stop(t, syscall.SIGTERM)
		e.mu.Lock()
		defer e.mu.Unlock()
		said := map[string]bool{}
		for _, text := range e.never {
			if strings.Contains(e.log.String(), text) {
				said[text] = true
			}
		}
		if len(said) > 0 {
			t.Errorf("the log has %v:\n%s", said, e.log)
		}
	})
	return e
}

// runAPI starts a command that may serve or not.
func runAPI(t testing.TB, cmd *exec.Cmd) *endpoint {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	e := &endpoint{cmd: cmd, log: spoken{log}, ended: make(chan struct{}), client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: hung}}
	cmd.Stdout, cmd.Stderr = log, log // it has nothing to say to standard output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		e.err = cmd.Wait()
		close(e.ended)
	}()
	return e
}

// stop ends it, unless it has ended by itself, and wants exit code 0.
func (e *endpoint) stop(t testing.TB, signal syscall.Signal) {
	t.Helper()
	_ = e.cmd.Process.Signal(signal) // it may have ended
	e.wait(t)
	said := e.log.String()
	said = said[max(strings.Index(said, "nova-manage: "), 0):] // before that is what systemd's program says
	a := answerOf(t, e.cmd, e.err, &bytes.Buffer{}, bytes.NewBufferString(said))
	if a.code != 0 || a.signal != 0 {
		t.Errorf("api serve: exit %d %v\n%s", a.code, a.signal, a.stderr)
	}
}

func (e *endpoint) wait(t testing.TB) {
	t.Helper()
	select {
	case <-e.ended:
	case <-time.After(hung):
		_ = e.cmd.Process.Kill()
		<-e.ended
		t.Errorf("api serve did not end within %s:\n%s", hung, e.log)
	}
}

// awaits waits until the log has a text, which it must before the process ends.
func (e *endpoint) awaits(t testing.TB, text string) {
	t.Helper()
	eventually(t, fmt.Sprintf("the log has %q", text), func() bool {
		gone := false
		select {
		case <-e.ended:
			gone = true
		default:
		}
		if strings.Contains(e.log.String(), text) {
			return true
		}
		if gone {
			t.Fatalf("api serve has ended, %v, without %q:\n%s", e.err, text, e.log)
		}
		return false
	})
}

func (e *endpoint) neverLogs(texts ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.never = append(e.never, texts...)
}

// reply is an answer over HTTP.
type reply struct {
	status int
	code   string // of an error
	body   string
}

func (r reply) String() string { return fmt.Sprintf("%d %s\n%s", r.status, r.code, r.body) }

// form is NAME, VALUE, NAME, VALUE and so on as a body.
func form(action string, params ...string) string {
	values := url.Values{"Action": {action}, "Version": {"2016-11-15"}}
	for i := 0; i < len(params); i += 2 {
		values.Set(params[i], params[i+1])
	}
	return values.Encode()
}

// request is what a client sends, signed at that time.
func (e *endpoint) request(t testing.TB, k apiKey, body string, at time.Time) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, e.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	signature := ec2test.Sign(r, body, k.id, k.secret, at)
	e.neverLogs(k.secret, signature)
	return r
}

// ask has a client of our own ask for an action.
func (e *endpoint) ask(t testing.TB, k apiKey, action string, params ...string) reply {
	t.Helper()
	return e.send(t, e.request(t, k, form(action, params...), time.Now()))
}

func (e *endpoint) send(t testing.TB, r *http.Request) reply {
	t.Helper()
	answered, err := e.try(r)
	if err != nil {
		t.Errorf("%s %s: %v\n%s", r.Method, r.URL, err, e.log)
	}
	return answered
}

func (e *endpoint) try(r *http.Request) (answered reply, err error) {
	got, err := e.client.Do(r)
	if err != nil {
		return answered, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		return answered, err
	}
	var refused struct {
		Code string `xml:"Errors>Error>Code"`
	}
	if err := xml.Unmarshal(body, &refused); err != nil {
		return answered, fmt.Errorf("the answer is no XML: %w: %s", err, body)
	}
	return reply{got.StatusCode, refused.Code, string(body)}, nil
}

// wants asks, and wants an answer: that status and code, and these texts in it.
func (e *endpoint) wants(t testing.TB, k apiKey, status int, code string, action string, params ...string) reply {
	t.Helper()
	got := e.ask(t, k, action, params...)
	if got.status != status || got.code != code {
		t.Errorf("%s %s: want %d %s, got %v\n%s", action, strings.Join(params, " "), status, code, got, e.log)
	}
	return got
}

// newAPI is a ledger with the project apollo, which has an instance, and the key of it, served.
func newAPI(t testing.TB, l *ledger, args ...string) (e *endpoint, k apiKey, keys string) {
	t.Helper()
	l.must(t, "network", "create", "10.0.1.0/24", "1", "32", "--fixed_range_v6", "fd00:1::/48")
	l.must(t, "instance", "create", "web", "--project_id", "apollo", "--mac", "02:16:3e:33:44:01")
	k = keyOf("apollo")
	keys = writeKeys(t, filepath.Join(t.TempDir(), "keys"), k)
	return serveAPI(t, l, keys, args...), k, keys
}

// seesWeb wants the instance of newAPI in the answer.
func (e *endpoint) seesWeb(t testing.TB, k apiKey) {
	t.Helper()
	if got := e.wants(t, k, 200, "", "DescribeInstances"); !strings.Contains(got.body, "<ipv6Address>fd00:1::16:3eff:fe33:4401<") {
		t.Errorf("the instance is not in %v", got)
	}
}

// has tells whether a process has a file open.
func has(t testing.TB, pid int, path string) bool {
	t.Helper()
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if target, err := os.Readlink(fd); err == nil && target == path {
			return true
		}
	}
	return false
}

// dialable tells whether anybody listens at an address.
func dialable(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
