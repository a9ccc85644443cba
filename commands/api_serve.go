package commands

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"nova-manage/internal/cli"
)

type apiServeOptions struct {
	Listen          netip.AddrPort
	TLSCert, TLSKey string
	ExitIdleTime    time.Duration
	credentials     credentialsFile

	listenFrom  cli.Origin
	certificate *certificate // nil without TLS
}

// apiPath is where the endpoint is, Nova's ec2_path. Clients put a slash behind it or not.
const apiPath = "/services/Cloud"

// How long a client may take, and how much it may hold. A request is answered within the time to wait for other writers and these.
const (
	headerTime   = 5 * time.Second  // to send a request's header
	requestTime  = 10 * time.Second // to send all of it
	answerTime   = 10 * time.Second // to take a part of the answer
	longestTime  = 5 * time.Minute  // to take all of it
	idleTime     = time.Minute      // between two requests on a connection
	mostHeaders  = 16 << 10         // bytes
	mostAtOnce   = 16               // requests on the ledger
	mostOfOne    = mostAtOnce / 2   // of one project
	mostConnects = 200
)

func apiServe() *command {
	o := &apiServeOptions{Listen: netip.MustParseAddrPort("127.0.0.1:8773")}
	return &command{
		name:  "serve",
		short: "answer EC2 clients over HTTP until stopped",
		long: "EC2's query protocol at the path " + apiPath + ", Nova's own, by GET and POST: instances with their addresses of both families " +
			"(DescribeInstances, DescribeInstancesV6), security groups and their rules, and which instance has which floating address. What a compute " +
			"service would do is refused. Every request is signed (AWS Signature Version 4) by a key of the credentials file, sees and changes the key's own " +
			"project alone, and history names the key as the actor of a change. `nova-manage api key create` makes one.\n\n" +
			"The ledger is opened for each request, and the credentials file is read for each, so that neither a restored ledger nor a key that is deleted needs " +
			"a restart. Without TLS it listens on loopback only. A socket that systemd hands over (LISTEN_FDS) is listened on in place of --listen.\n\n" +
			"Requests that are refused are logged to standard error, with key, action and code. SIGTERM and SIGINT end it, exit code 0, once the requests at " +
			"work have their answers.",
		examples: []string{
			"nova-manage api serve",
			"nova-manage api serve --listen 192.0.2.1:8773 --tls_cert /etc/nova/api.crt --tls_key /etc/nova/api.key",
			"nova-manage api serve --listen 127.0.0.1:0 --credentials keys.ini",
		},
		flags: []*cli.Flag{
			cli.Typed(&o.Listen, "listen", parseListen, "where to listen; port 0 is any that is free, and the first line of the log names it").
				As("ADDRESS:PORT").From(&o.listenFrom),
			o.credentials.flag(),
			cli.Typed(&o.TLSCert, "tls_cert", orEmpty(filePath), "serve HTTPS with this certificate, and those between it and its root").As("FILE").
				Completes(cli.Files).ByDefault("HTTP"),
			cli.Typed(&o.TLSKey, "tls_key", orEmpty(filePath), "the key of --tls_cert; both are read again when they change").As("FILE").Completes(cli.Files),
			cli.Typed(&o.ExitIdleTime, "exit_idle_time", parseIdle, "end after so long without a request, for a socket that systemd keeps").
				As("TIME").ByDefault("never"),
		},
		alone: "it serves until it is stopped",
		check: o.check,
		run:   o.run,
	}
}

// parseListen reads an address and a port. A host name could have several, and be on loopback or not.
func parseListen(s string) (netip.AddrPort, error) {
	if port, ok := strings.CutPrefix(s, "localhost:"); ok {
		s = "127.0.0.1:" + port
	}
	at, err := netip.ParseAddrPort(s)
	if err != nil {
		return at, errors.New("is not ADDRESS:PORT, such as 127.0.0.1:8773 or [::1]:8773")
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// parseIdle is parseWait for a time after which a server has nothing to do: 0, which is never, or a second at least.
func parseIdle(s string) (time.Duration, error) {
	idle, err := parseWait(s)
	switch {
	case err != nil || idle >= time.Second:
		return idle, err
	case idle > time.Nanosecond: // which parseWait has for 0
		return 0, errors.New("is less than a second, and not 0, which is never")
	}
	return 0, nil
}

func (o *apiServeOptions) check(*cli.Env) error {
	switch {
	case (o.TLSCert == "") != (o.TLSKey == ""):
		return cli.UsageErrorf("--tls_cert and --tls_key are given together or not at all")
	case o.TLSCert != "":
		o.certificate = &certificate{cert: o.TLSCert, key: o.TLSKey}
	case !o.Listen.Addr().IsLoopback():
		return cli.WithHint(cli.UsageErrorf("--listen %s is not on loopback, and without TLS whoever is on the way could repeat what they read", o.Listen),
			"give --tls_cert and --tls_key, or listen on 127.0.0.1")
	}
	return nil
}

func (o *apiServeOptions) run(ctx context.Context, s *session) error {
	if o.certificate != nil {
		if err := o.certificate.load(); err != nil {
			return err
		}
		o.certificate.log = s.Logf
	}
	listeners, err := o.listen(s)
	if err != nil {
		return err
	}
	defer func() {
		for _, l := range listeners {
			_ = l.Close() // the server has, unless it never began
		}
	}()
	return o.serve(ctx, s, newAPI(s, &o.credentials), listeners)
}

// serve answers until the command is stopped, or has had nothing to do for long enough.
func (o *apiServeOptions) serve(ctx context.Context, s *session, api *api, listeners []net.Listener) error {
	// Requests go on behind the signal that ends the command, until working is cancelled.
	working, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	server := &http.Server{
		Handler:                      api,
		ReadHeaderTimeout:            headerTime,
		ReadTimeout:                  requestTime,
		WriteTimeout:                 s.ledger.LockTimeout + requestTime + answerTime, // for what is not api's own; see reply
		IdleTimeout:                  idleTime,
		MaxHeaderBytes:               mostHeaders,
		DisableGeneralOptionsHandler: true,
		BaseContext:                  func(net.Listener) context.Context { return working },
		ErrorLog:                     log.New(logLines(s.Logf), "", 0),
		Protocols:                    new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true) // HTTP/2 would have 250 requests on each connection
	gate := newGate(mostConnects, server)
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		s.Logf("listening on %s", o.urlOf(l))
		l = gate.on(l)
		if o.certificate != nil {
			l = tls.NewListener(l, o.certificate.config())
		}
		go func() { failed <- server.Serve(l) }()
	}
	api.tell(ctx) // behind the line that scripts look for
	idle, endIdle := api.idle(o.ExitIdleTime)
	defer endIdle()
	select {
	case err := <-failed:
		return fmt.Errorf("cannot accept connections: %w", err)
	case <-ctx.Done():
		s.Logf("%v: ending once the requests at work have their answers", context.Cause(ctx))
	case <-idle:
		s.Logf("ending: there was no request for %s", o.ExitIdleTime)
	}
	// Those that wait for another writer wait no longer than they would have; what is left then gets an error.
	ending, cancel := context.WithTimeout(working, s.ledger.LockTimeout+answerTime)
	defer cancel()
	if server.Shutdown(ending) != nil {
		stop(errEnding)
		last, cancel := context.WithTimeout(context.Background(), answerTime)
		defer cancel()
		_ = server.Shutdown(last)
		_ = server.Close()
	}
	return nil
}

// errEnding is why a request is given up at the end.
var errEnding = errors.New("the server ends")

func (o *apiServeOptions) urlOf(l net.Listener) string {
	scheme := "http"
	if o.certificate != nil {
		scheme = "https"
	}
	if _, ok := l.Addr().(*net.UnixAddr); ok {
		return scheme + " " + apiPath + " at the socket " + l.Addr().String()
	}
	return scheme + "://" + l.Addr().String() + apiPath
}

// logLines has what package net/http has to say be lines of ours.
type logLines func(format string, a ...any)

func (to logLines) Write(p []byte) (int, error) {
	to("api: %s", strings.TrimSpace(string(p)))
	return len(p), nil
}

// activity is how long requests have been at work, or none has.
type activity struct {
	began   time.Time
	working atomic.Int64
	last    atomic.Int64 // when a request ended, as time since began, which no change of the clock is seen in
}

func (a *activity) begin() { a.working.Add(1) }

func (a *activity) end() {
	a.last.Store(int64(time.Since(a.began)))
	a.working.Add(-1)
}

// idle tells when no request has been at work for so long; 0 is never. The function ends the waiting for it.
func (a *activity) idle(after time.Duration) (<-chan struct{}, func()) {
	told, ended := make(chan struct{}), make(chan struct{})
	if after == 0 {
		return told, func() {}
	}
	go func() {
		for {
			idle := time.Since(a.began) - time.Duration(a.last.Load())
			if a.working.Load() > 0 {
				idle = 0
			}
			if idle >= after {
				close(told)
				return
			}
			select {
			case <-ended:
				return
			case <-time.After(after - idle):
			}
		}
	}()
	return told, func() { close(ended) }
}
