package commands

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"nova-manage/internal/cli"
)

// firstHanded is the first descriptor that systemd hands over (sd_listen_fds(3)).
const firstHanded = 3

// listen opens what the server listens on: what systemd hands over, else --listen.
func (o *apiServeOptions) listen(s *session) ([]net.Listener, error) {
	n, err := handedOver(s.Sys)
	if err != nil {
		return nil, err
	}
	if n > 0 && o.listenFrom.OnCommandLine() {
		return nil, cli.UsageErrorf("--listen %s is given, and systemd has handed a socket over (LISTEN_FDS): give one of them", o.Listen)
	}
	var listeners []net.Listener
	for i := range n {
		l, err := o.handed(firstHanded + i)
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
	}
	if n > 0 {
		return listeners, nil
	}
	l, err := net.Listen("tcp", o.Listen.String())
	if err != nil {
		return nil, cli.WithHint(fmt.Errorf("cannot listen on %s: %w", o.Listen, reasonOfNet(err)), "--listen says where, and port 0 is any that is free")
	}
	return []net.Listener{l}, nil
}

// handedOver is how many sockets systemd has opened for this process. LISTEN_PID keeps them from being taken for a child's.
func handedOver(sys *cli.Sys) (int, error) {
	pid, _ := sys.LookupEnv("LISTEN_PID")
	count, _ := sys.LookupEnv("LISTEN_FDS")
	if pid != strconv.Itoa(os.Getpid()) || count == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > 64 {
		return 0, cli.UsageErrorf("LISTEN_FDS %s is not a number of sockets", cli.Quote(count))
	}
	return n, nil
}

func (o *apiServeOptions) handed(fd int) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "LISTEN_FD_"+strconv.Itoa(fd))
	defer f.Close()
	// FileListener takes one that is connected, too.
	if c, err := net.FileConn(f); err == nil {
		peer := c.RemoteAddr()
		_ = c.Close() // of a copy of the descriptor
		if peer != nil {
			return nil, cli.WithHint(fmt.Errorf("descriptor %d, of LISTEN_FDS, is not a socket that listens: it is a connection", fd), "have Accept=no in the socket's unit")
		}
	}
	l, err := net.FileListener(f) // of a copy of the descriptor
	if err != nil {
		return nil, fmt.Errorf("descriptor %d, of LISTEN_FDS, is not a socket that listens: %w", fd, reasonOfNet(err))
	}
	if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() && o.certificate == nil {
		_ = l.Close()
		return nil, cli.WithHint(cli.UsageErrorf("the socket that systemd has handed over, %s, is not on loopback, and there is no TLS", at),
			"give --tls_cert and --tls_key, or have ListenStream=127.0.0.1:8773")
	}
	return l, nil
}

// reasonOfNet is an error of package net without the address, which the message names already.
func reasonOfNet(err error) error {
	if op, ok := err.(*net.OpError); ok {
		return op.Err
	}
	return err
}

// gate bounds how many connections there are. Those beyond wait in the kernel's queue, and whoever only keeps one open for later
// loses it to them.
type gate struct {
	slots  chan struct{}
	server *http.Server
}

func newGate(n int, server *http.Server) *gate { return &gate{make(chan struct{}, n), server} }

func (g *gate) on(l net.Listener) net.Listener {
	return &gated{Listener: l, gate: g, closed: make(chan struct{})}
}

// gated is a listener behind a gate.
type gated struct {
	net.Listener
	gate   *gate
	once   sync.Once
	closed chan struct{}
}

func (l *gated) Accept() (net.Conn, error) {
	select {
	case l.gate.slots <- struct{}{}:
	default:
		l.gate.server.SetKeepAlivesEnabled(false) // which closes those that are idle
		select {
		case l.gate.slots <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.gate.slots
		return nil, err
	}
	return &passed{Conn: c, gate: l.gate}, nil
}

func (l *gated) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// passed is a connection that has a slot.
type passed struct {
	net.Conn
	gate *gate
	once sync.Once
}

func (c *passed) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		<-c.gate.slots
		if len(c.gate.slots) < cap(c.gate.slots)/2 {
			c.gate.server.SetKeepAlivesEnabled(true)
		}
	})
	return err
}

// certificate is what HTTPS is served with. Whoever renews it replaces the files, and no restart is needed.
type certificate struct {
	cert, key string
	log       func(format string, a ...any)

	mu    sync.Mutex
	pair  *tls.Certificate
	stamp string // of the files that pair, or the last complaint, came from
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := c.renew(); err != nil {
			c.log("warning: the certificate stays the one that it was: %v", err)
		}
		return c.pair, nil
	}}
}

// load reads the certificate for the first time.
func (c *certificate) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.renew()
}

// renew reads the files again if they have changed. It complains about a change once.
func (c *certificate) renew() error {
	stamp := ""
	for _, path := range []string{c.cert, c.key} {
		info, err := os.Stat(path)
		if err != nil {
			stamp += "gone;"
			continue
		}
		stamp += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), ";")
	}
	if stamp == c.stamp {
		return nil
	}
	c.stamp = stamp
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("cannot use %s with %s: %w", c.cert, c.key, err)
	}
	c.pair = &pair
	return nil
}
