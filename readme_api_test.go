package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// apiAddress is where the manual has the server for EC2 clients listen.
const apiAddress = "127.0.0.1:8773"

// apiClients are what a page of the manual calls the server with, and what succeeds where it is installed. curl signs from 7.75 on.
var apiClients = map[string][]string{
	"aws":  {"test", "-x", awsProgram},
	"boto": {"test", "-d", botoPackage},
	"curl": {"/usr/bin/curl", "--aws-sigv4", "aws:amz", "--version"},
}

// serve starts a server that goes on while the page does. The socket is this test's, handed over as systemd does: nobody has to wait until
// the server listens, and its port is one that is free. The clock goes for it, since it goes for those who sign.
func (r *reader) serve(t *testing.T, s step) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	r.api = listener.Addr().String()

	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", "export LISTEN_PID=$$ && exec "+s.command)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.home, &out, &out
	cmd.Env = append(slices.Clone(r.env), "TEST_CLOCK=", "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{socket}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s:%d: %s: %v", r.page, s.line, s.command, err)
	}
	t.Cleanup(func() {
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err := cmd.Wait()
		if said := strings.ReplaceAll(out.String(), r.api, apiAddress); err != nil || s.output != "" && !s.matches(said) {
			t.Errorf("%s:%d: %s\nends with %v, and has printed\n%s\nnot\n%s", r.page, s.line, s.command, err, said, s.output)
		}
	})
}

// clientEnv has Debian's own clients found before others, and keeps them from asking anybody else for credentials.
func (r *reader) clientEnv() []string {
	first, rest, _ := strings.Cut(os.Getenv("PATH"), string(filepath.ListSeparator)) // what has nova-manage
	return append(slices.Clone(r.env), "PATH="+strings.Join([]string{first, "/usr/bin", rest}, string(filepath.ListSeparator)),
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "AWS_EC2_METADATA_DISABLED=true")
}

// hasClient tells whether a client is installed. With NOVA_MANAGE_REQUIRE_NODE=1 it must be, but for boto, which later releases of Debian
// do not have.
func (r *reader) hasClient(t *testing.T, kind string) bool {
	t.Helper()
	if there, known := r.clients[kind]; known {
		return there
	}
	shown := apiClients[kind]
	out, err := exec.Command(shown[0], shown[1:]...).CombinedOutput()
	if err != nil && kind != "boto" && os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
		t.Fatalf("NOVA_MANAGE_REQUIRE_NODE=1, but there is no %s: %s: %v: %s", kind, strings.Join(shown, " "), err, out)
	}
	if err != nil {
		t.Logf("the commands for %s are not run: %s: %v: %s", kind, strings.Join(shown, " "), err, out)
	}
	r.clients[kind] = err == nil
	return r.clients[kind]
}
