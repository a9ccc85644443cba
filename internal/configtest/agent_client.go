package configtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// agentVariable has the test binary be an agent.
const agentVariable = "NOVA_MANAGE_TEST_AGENT"

// Main runs the tests of a package that uses [Guest]s: its TestMain is `configtest.Main(m)`. A process of the test binary
// that a Guest has started in a network namespace does what it is told there, and is no test.
func Main(m *testing.M) {
	if os.Getenv(agentVariable) != "" {
		agent(os.Stdin, os.Stdout)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Guest is a network namespace with a process in it that listens, dials, and sends and receives frames. It may be a guest,
// the node, or the world outside.
type Guest struct {
	Namespace
	mutex sync.Mutex
	in    *json.Encoder
	out   *bufio.Scanner
}

// request is what an agent is told, and reply what it answers.
type request struct {
	Do      string // listen, dial, open, again, send, flood, capture, captured
	Network string // tcp or udp
	Address string
	Device  string
	Frame   []byte
	Millis  int
	Count   int
}

type reply struct {
	Text   string
	Frames [][]byte
	Nanos  int64
	Error  string
}

// NewGuest makes a namespace, called name in messages, with its agent.
func NewGuest(t testing.TB, name string) *Guest {
	t.Helper()
	g := &Guest{Namespace: newNamespace(t, name)}
	g.Run(t, "ip", "link", "set", "lo", "up")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := g.Command(exe)
	cmd.Env = append(os.Environ(), agentVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // ends it
		_ = cmd.Wait()
	})
	g.in, g.out = json.NewEncoder(stdin), bufio.NewScanner(stdout)
	g.out.Buffer(nil, 1<<24)
	return g
}

func (g *Guest) ask(t testing.TB, r request) (reply, error) {
	t.Helper()
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if err := g.in.Encode(r); err != nil {
		t.Fatalf("agent of %s: %v", g.Namespace, err)
	}
	if !g.out.Scan() {
		t.Fatalf("agent of %s ended: %v", g.Namespace, g.out.Err())
	}
	var answer reply
	if err := json.Unmarshal(g.out.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error != "" {
		return answer, fmt.Errorf("%s", answer.Error)
	}
	return answer, nil
}

// Listen has the guest answer at an address, whatever it is asked, with the address that it was asked from.
func (g *Guest) Listen(t testing.TB, network, address string) {
	t.Helper()
	if _, err := g.ask(t, request{Do: "listen", Network: network, Address: address}); err != nil {
		t.Fatal(err)
	}
}

// Dial asks at an address and returns who the other side says had asked, without port; or "" if nobody answers within a
// fraction of a second.
func (g *Guest) Dial(t testing.TB, network, address string) string {
	t.Helper()
	answer, err := g.ask(t, request{Do: "dial", Network: network, Address: address, Millis: 400})
	if err != nil {
		return ""
	}
	return answer.Text
}

// Open begins a connection, and returns what asks over it again and again: each time the answer's source, or "" for none.
func (g *Guest) Open(t testing.TB, network, address string) func() string {
	t.Helper()
	answer, err := g.ask(t, request{Do: "open", Network: network, Address: address, Millis: 1000})
	if err != nil {
		t.Fatalf("%s %s: %v", network, address, err)
	}
	id := answer.Text
	return func() string {
		t.Helper()
		answer, err := g.ask(t, request{Do: "again", Address: id, Millis: 600})
		if err != nil {
			return ""
		}
		return answer.Text
	}
}

// Send sends a frame as it is.
func (g *Guest) Send(t testing.TB, device string, frame []byte) {
	t.Helper()
	if _, err := g.ask(t, request{Do: "send", Device: device, Frame: frame}); err != nil {
		t.Fatal(err)
	}
}

// Flood sends a frame count times, each time with another number in the two bytes at offset 34, which is where UDP over IPv4
// has its source port, and returns how long that took. Between devices of one machine that includes all that happens to
// the frame.
func (g *Guest) Flood(t testing.TB, device string, frame []byte, count int) time.Duration {
	t.Helper()
	answer, err := g.ask(t, request{Do: "flood", Device: device, Frame: frame, Count: count})
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(answer.Nanos)
}

// Capture begins to take down every frame that comes in at a device, without its VLAN tag.
func (g *Guest) Capture(t testing.TB, device string) {
	t.Helper()
	if _, err := g.ask(t, request{Do: "capture", Device: device}); err != nil {
		t.Fatal(err)
	}
}

// Captured returns what has come in at the device, and forgets it.
func (g *Guest) Captured(t testing.TB, device string) [][]byte {
	t.Helper()
	answer, err := g.ask(t, request{Do: "captured", Device: device})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Frames
}

// Pings tells whether an address answers a ping; options are ping's.
func (g *Guest) Pings(t testing.TB, address string, options ...string) bool {
	t.Helper()
	Tool(t, "ping")
	args := append([]string{"ping", "-n", "-q", "-c", "1", "-W", "1"}, options...)
	return g.Command(append(args, address)...).Run() == nil
}

// Connect joins two namespaces by a pair of devices, both up.
func Connect(t testing.TB, a *Guest, aDevice string, b *Guest, bDevice string) {
	t.Helper()
	out, err := exec.Command("ip", "link", "add", "name", aDevice, "netns", string(a.Namespace), "type", "veth",
		"peer", "name", bDevice, "netns", string(b.Namespace)).CombinedOutput()
	if err != nil {
		t.Fatalf("ip link add: %v: %s", err, out)
	}
	a.Run(t, "ip", "link", "set", aDevice, "up")
	b.Run(t, "ip", "link", "set", bDevice, "up")
}

// IP runs ip with each of the lines.
func (g *Guest) IP(t testing.TB, lines ...string) {
	t.Helper()
	for _, line := range lines {
		g.Run(t, append([]string{"ip"}, strings.Fields(line)...)...)
	}
}

// Sysctl sets keys, each as key=value.
func (g *Guest) Sysctl(t testing.TB, settings ...string) {
	t.Helper()
	g.Run(t, append([]string{"sysctl", "-q", "-w"}, settings...)...)
}
