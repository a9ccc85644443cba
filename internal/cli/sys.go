package cli

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Sys is the outside world as the commands see it. Everything is asked for only when a command needs it, so that tests
// replace what they are about and the help command touches nothing.
type Sys struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// LookupEnv reads one environment variable.
	LookupEnv func(name string) (string, bool)
	// Environ lists all variables of the environment, each as name=value.
	Environ func() []string
	// Now tells the time; commands see it in UTC.
	Now func() time.Time
	// Getuid tells whose default state path applies; 0 is root.
	Getuid func() int
	// User is the user's name, or number where it has none.
	User func() string
	// Home is the user's home directory.
	Home func() (string, error)
	// Hostname is this machine's name.
	Hostname func() (string, error)
	// IPv6Routes opens the kernel's table of IPv6 routes, in the form of /proc/net/ipv6_route.
	IPv6Routes func() (io.ReadCloser, error)
	// MyIP is this host's address: the one that it reaches the world from.
	MyIP func() netip.Addr
	// TerminalWidth is the width in columns of the terminal that standard output is, 0 where it is none.
	TerminalWidth func() int
	// TerminalHeight is the height in lines of the terminal that standard output is, 0 where it is none.
	TerminalHeight func() int
	// RunPager has a command of a shell show a text on the terminal, and tells whether it did; an error is a signal's.
	RunPager func(ctx context.Context, command string, environment []string, text []byte) (shown bool, err error)
	// StdinIsTerminal tells whether somebody has to type what is read.
	StdinIsTerminal func() bool
	// StderrIsTerminal tells whether somebody may be watching.
	StderrIsTerminal func() bool
	// Context is cancelled, with a Signal as its cause, when the user or the system asks the command to stop.
	Context func() (context.Context, context.CancelFunc)
	// BuildInfo is what the Go tool recorded in the binary.
	BuildInfo func() (*debug.BuildInfo, bool)
	// DefaultFlagfile is read where it exists and no --flagfile is given.
	DefaultFlagfile string
}

// System is the real world. It reads no flagfile that is not named.
func System() *Sys {
	return &Sys{
		Stdin:      os.Stdin,
		Stdout:     standardOutput(),
		Stderr:     os.Stderr,
		LookupEnv:  os.LookupEnv,
		Environ:    os.Environ,
		Now:        time.Now,
		Getuid:     os.Getuid,
		User:       userName,
		Home:       os.UserHomeDir,
		Hostname:   os.Hostname,
		IPv6Routes: func() (io.ReadCloser, error) { return os.Open("/proc/net/ipv6_route") },
		MyIP:       myIP,
		TerminalWidth: func() int {
			width, _ := terminalSize()
			return width
		},
		TerminalHeight: func() int {
			_, height := terminalSize()
			return height
		},
		RunPager:         runPager,
		StdinIsTerminal:  func() bool { return term.IsTerminal(int(os.Stdin.Fd())) },
		StderrIsTerminal: func() bool { return term.IsTerminal(stderrDescriptor) },
		Context:          signalContext,
		BuildInfo:        debug.ReadBuildInfo,
	}
}

// terminalSize is how many columns and lines the terminal has that standard output is, 0 and 0 where it is none.
func terminalSize() (width, height int) {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// Signal is the cause of a context that a signal cancelled.
type Signal struct{ syscall.Signal }

// SignalCode and the signal's number are the exit code of a command that a signal has stopped, as a shell has it.
const SignalCode = 128

func (e Signal) Error() string {
	if e.Signal == syscall.SIGINT {
		return "interrupted"
	}
	return e.Signal.String()
}

// signalContext is cancelled by the first SIGINT or SIGTERM, so that the running transaction is rolled back. Those after it
// do nothing, and neither signal is ever left to the kernel again: whoever sees a process that one of them killed takes it
// for one that changed nothing. SIGQUIT ends the process at once; left to the runtime it would print its stacks and exit
// with the code of a usage error. SIGPIPE is turned into the error of the write, because a reader who leaves early must
// not kill a command in the middle of its work.
func signalContext() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals, quit := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	signal.Notify(quit, syscall.SIGQUIT)
	// Listening, unlike ignoring, is not inherited by the programs that a command starts.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		s := <-signals
		cancel(Signal{s.(syscall.Signal)})
	}()
	go func() {
		<-quit
		os.Exit(SignalCode + int(syscall.SIGQUIT))
	}()
	return ctx, func() { cancel(nil) }
}

// myIP asks the kernel which address it would send from to the Internet. No packet is sent, and the address asked about
// is one that nobody has (RFC 5737). Without a route it is 127.0.0.1, as in Nova.
func myIP() netip.Addr {
	conn, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}
