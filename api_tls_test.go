package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nova-manage/internal/configtest"
	"nova-manage/internal/race"
)

// certificate is one for 127.0.0.1 that has signed itself, in two files.
type certificate struct {
	cert, key string
	serial    int64
}

func newCertificate(t testing.TB, serial int64) *certificate {
	t.Helper()
	dir := t.TempDir()
	c := &certificate{cert: filepath.Join(dir, "api.crt"), key: filepath.Join(dir, "api.key")}
	c.renew(t, serial)
	return c
}

// renew replaces both files as who renews certificates does, one after the other.
func (c *certificate) renew(t testing.TB, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "api"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{c.cert: {Type: "CERTIFICATE", Bytes: signed}, c.key: {Type: "PRIVATE KEY", Bytes: private}} {
		replaceFile(t, path, string(pem.EncodeToMemory(block)))
	}
	c.serial = serial
}

func replaceFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (c *certificate) flags() []string { return []string{"--tls_cert", c.cert, "--tls_key", c.key} }

// trust has the endpoint's client trust what stands in the file now, and go by 127.0.0.1 where the endpoint is on all addresses.
func (c *certificate) trust(t testing.TB, e *endpoint) {
	t.Helper()
	text, err := os.ReadFile(c.cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("%s is no certificate", c.cert)
	}
	e.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
}

// serialOf is the serial number of the certificate that the endpoint shows.
func serialOf(t testing.TB, e *endpoint) int64 {
	t.Helper()
	u, err := url.Parse(e.url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true}) // only to look at it
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestAPI_tls serves HTTPS on all addresses. The files are replaced under it; what cannot be used leaves the certificate as it was.
func TestAPI_tls(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	c := newCertificate(t, 1)
	_, k, keys := newAPI(t, l)
	e := serveAPI(t, l, keys, append([]string{"--listen", "0.0.0.0:0"}, c.flags()...)...)
	u, err := url.Parse(e.url)
	if err != nil || u.Scheme != "https" {
		t.Fatalf("it listens on %s, %v", e.url, err)
	}
	e.url = "https://127.0.0.1:" + u.Port() + u.Path
	c.trust(t, e)
	e.seesWeb(t, k)

	t.Run("aws", func(t *testing.T) {
		a := newAWS(t, e.url, keys, "apollo", "--ca-bundle", c.cert)
		a.prints(t, "i-00000001\n", "describe-instances", "--query", "Reservations[].Instances[].InstanceId")
	})

	c.renew(t, 2)
	if got := serialOf(t, e); got != 2 {
		t.Errorf("the certificate is %d after it was renewed", got)
	}
	c.trust(t, e)
	e.seesWeb(t, k)

	for _, broken := range []func(){
		func() { replaceFile(t, c.cert, "nothing") },
		func() { replaceFile(t, c.key, "") },
		func() { c.renew(t, 3); replaceFile(t, c.key, "half") },
		func() { c.renew(t, 4); _ = os.Remove(c.key) },
		func() { _ = os.Remove(c.cert) },
	} {
		before := len(e.log.String())
		broken()
		for range 3 {
			if got := serialOf(t, e); got != 2 {
				t.Errorf("the certificate is %d", got)
			}
		}
		line := e.log.String()[before:]
		if strings.Count(line, "warning: the certificate stays the one that it was: cannot use "+c.cert) != 1 {
			t.Errorf("the log of a certificate that cannot be used, which it is to tell once, has\n%s", line)
		}
		if strings.Contains(line, "PRIVATE") {
			t.Errorf("the log quotes the key: %s", line)
		}
	}
	e.seesWeb(t, k)
	c.renew(t, 5)
	if got := serialOf(t, e); got != 5 {
		t.Errorf("the certificate is %d after it was mended", got)
	}

	// Plain HTTP, and protocols of last century, are refused and do not stay.
	plain := &endpoint{url: "http" + strings.TrimPrefix(e.url, "https"), client: &http.Client{Timeout: hung}}
	if got, err := plain.client.Get(plain.url); err == nil {
		if got.Body.Close(); got.StatusCode != 400 {
			t.Errorf("plain HTTP is answered by %s", got.Status)
		}
	}
	if c, err := tls.Dial("tcp", "127.0.0.1:"+u.Port(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		c.Close()
		t.Error("TLS 1.1 is taken")
	}
}

func listenLoopback(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestAPI_activated has systemd's own program listen, and start the server when the first client comes.
func TestAPI_activated(t *testing.T) {
	race.SkipProcesses(t)
	t.Parallel()
	systemd := configtest.Tool(t, "systemd-socket-activate")
	l := newLedger(t, "sqlite")
	_, k, keys := newAPI(t, l)
	free := listenLoopback(t)
	address := free.Addr().String()
	socket := filepath.Join(t.TempDir(), "api.socket")
	free.Close()

	cmd := l.command("api", "serve", "--credentials", keys, "--exit_idle_time", "3s")
	cmd.Args = slices.Concat([]string{systemd, "--listen", address, "--listen", socket, "--setenv", "NOVA_SQL_CONNECTION", "--setenv", "GORACE", "--"}, cmd.Args)
	cmd.Path = systemd
	e := launchAPI(t, cmd)
	e.awaits(t, "Listening on "+socket)
	if strings.Contains(e.log.String(), "nova-manage:") {
		t.Errorf("it runs before anybody has come:\n%s", e.log)
	}
	e.url = "http://" + address + "/services/Cloud"
	t.Run("aws", func(t *testing.T) {
		a := newAWS(t, e.url, keys, "apollo")
		a.prints(t, "i-00000001\n", "describe-instances", "--query", "Reservations[].Instances[].InstanceId")
	})
	e.seesWeb(t, k)
	unix := http.Transport{DisableKeepAlives: true}
	unix.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	e.client.Transport = &unix
	e.seesWeb(t, k)
	e.wait(t) // by itself
	e.awaits(t, "nova-manage: ending: there was no request for 3s\n")
	if _, err := os.Stat(socket); err != nil {
		t.Errorf("systemd's socket is gone: %v", err)
	}
	if !strings.Contains(e.log.String(), "listening on http://"+address+"/services/Cloud\n") || !strings.Contains(e.log.String(), "at the socket "+socket) {
		t.Errorf("the log does not say where it listens:\n%s", e.log)
	}
}

// handOver is a command that is handed sockets over as systemd does it.
func handOver(t testing.TB, l *ledger, listeners []net.Listener, args ...string) *exec.Cmd {
	t.Helper()
	handed := *l
	handed.program = slices.Concat([]string{"sh", "-c", fmt.Sprintf(`LISTEN_FDS=%d LISTEN_PID=$$ exec "$@"`, len(listeners)), "sh"}, l.program)
	cmd := handed.command(append([]string{"api", "serve"}, args...)...)
	cmd.Env = append(cmd.Env, "NOVA_STATE_PATH="+t.TempDir())
	for _, listener := range listeners {
		f, err := listener.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	return cmd
}

// TestAPI_handedOver goes by what systemd hands over, and refuses what must not be served.
func TestAPI_handedOver(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	_, k, keys := newAPI(t, l)
	fails := func(code int, message string, cmd *exec.Cmd) {
		t.Helper()
		e := runAPI(t, cmd)
		e.wait(t)
		answer{code: e.cmd.ProcessState.ExitCode(), stderr: e.log.String()}.wantError(t, code, message, cmd.String())
	}
	anywhere, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer anywhere.Close()
	loopback := listenLoopback(t)
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()

	fails(2, `the socket that systemd has handed over, .*, is not on loopback, and there is no TLS`, handOver(t, l, []net.Listener{anywhere}))
	fails(2, `the socket that systemd has handed over, .*, is not on loopback, and there is no TLS`, handOver(t, l, []net.Listener{loopback, anywhere}))
	fails(2, `--listen 127\.0\.0\.1:8773 is given, and systemd has handed a socket over \(LISTEN_FDS\): give one of them`,
		handOver(t, l, []net.Listener{loopback}, "--listen", "127.0.0.1:8773"))
	udp := handOver(t, l, []net.Listener{loopback})
	f, err := packets.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	udp.ExtraFiles[0] = f
	fails(1, `descriptor 3, of LISTEN_FDS, is not a socket that listens: .*`, udp)
	connected := handOver(t, l, []net.Listener{loopback})
	c, err := net.Dial("tcp", listenLoopback(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if f, err = c.(*net.TCPConn).File(); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	connected.ExtraFiles[0] = f
	fails(1, `descriptor 3, of LISTEN_FDS, is not a socket that listens: it is a connection`, connected) // as with Accept=yes
	for _, count := range []string{"0", "-1", "x", "65", "99999999999999999999"} {
		cmd := handOver(t, l, []net.Listener{loopback})
		cmd.Args[2] = strings.Replace(cmd.Args[2], "LISTEN_FDS=1", "LISTEN_FDS="+count, 1)
		fails(2, `LISTEN_FDS "?.*"? is not a number of sockets`, cmd)
	}

	// A file that says --listen is no contradiction: the unit's socket is the nearer word.
	flagfile := configtest.WriteTemp(t, "--listen=192.0.2.1:8773\n")
	t.Run("with a certificate", func(t *testing.T) {
		c := newCertificate(t, 1)
		e := startAPI(t, handOver(t, l, []net.Listener{anywhere, loopback}, append([]string{"--credentials", keys, "--flagfile", flagfile}, c.flags()...)...))
		c.trust(t, e)
		for _, listener := range []net.Listener{anywhere, loopback} {
			_, port, err := net.SplitHostPort(listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			e.url = "https://127.0.0.1:" + port + "/services/Cloud"
			e.seesWeb(t, k)
		}
	})
	t.Run("for another process", func(t *testing.T) { // such as one that systemd's service has started
		cmd := handOver(t, l, []net.Listener{loopback}, "--listen", "127.0.0.1:0", "--credentials", keys)
		cmd.Args[2] = strings.Replace(cmd.Args[2], "$$", "1", 1)
		e := startAPI(t, cmd)
		if strings.Contains(e.url, loopback.Addr().String()) {
			t.Errorf("it has taken a socket that is not for it: %s", e.url)
		}
		e.seesWeb(t, k)
	})
	// The socket outlives the server, as it must for the next one.
	for range 2 {
		e := startAPI(t, handOver(t, l, []net.Listener{loopback}, "--credentials", keys))
		e.seesWeb(t, k)
		e.stop(t, syscall.SIGTERM)
	}
}

// TestAPI_idle ends by itself when nothing is asked, and not while something is.
func TestAPI_idle(t *testing.T) {
	race.SkipProcesses(t)
	t.Parallel()
	l := newLedger(t, "sqlite")
	e, k, _ := newAPI(t, l, "--exit_idle_time", "2s")
	holder := connect(t, l.path, "BEGIN IMMEDIATE")
	answered := make(chan reply, 1)
	r := e.request(t, k, form("CreateSecurityGroup", "GroupName", "www", "GroupDescription", "waits"), time.Now())
	go func() { answered <- e.send(t, r) }()
	time.Sleep(2500 * time.Millisecond)
	if _, err := holder.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; got.status != 200 {
		t.Errorf("the answer is %v", got)
	}
	e.wait(t)
	e.awaits(t, "ending: there was no request for 2s\n")
	if a := l.run(t, "api", "serve", "--exit_idle_time", "-1s"); a.code != 2 {
		t.Errorf("exit %d\n%s", a.code, a.stderr)
	}
}
