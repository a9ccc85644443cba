package commands

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"nova-manage/db"
	"nova-manage/ec2api"
	"nova-manage/internal/cli"
)

// api answers the requests of EC2 clients. It is safe for use by several goroutines.
type api struct {
	activity
	s           *session
	credentials *credentialsFile
	turns       chan struct{} // one for each request that may be at work on the ledger

	mu     sync.Mutex
	warned map[string]bool
	shares map[string]chan struct{} // what of turns a project may have
}

func newAPI(s *session, credentials *credentialsFile) *api {
	return &api{activity: activity{began: time.Now()}, s: s, credentials: credentials, turns: make(chan struct{}, mostAtOnce), warned: map[string]bool{},
		shares: map[string]chan struct{}{}}
}

// tell warns at the start of what every request would fail at. It may be mended while the server runs, and a socket that systemd keeps would be
// given up by it if the server kept failing.
func (a *api) tell(ctx context.Context) {
	_, err := a.credentials.keys(a.s.ledger)
	store, unopened := a.open(ctx, db.Read, "", "", a.s.ledger.LockTimeout)
	if unopened == nil {
		_ = store.Close() // nothing was read
	}
	for _, err := range []error{err, unopened} {
		if err == nil {
			continue
		}
		text := err.Error()
		if way := interface{ Hint() string }(nil); errors.As(hinted(err), &way) {
			text += "; " + way.Hint()
		}
		a.s.Logf("warning: no request can be answered yet: %s", text)
	}
}

// request is one, from its first byte to the line of the log that it may have.
type request struct {
	id     string
	http   *http.Request
	signed ec2api.Request
	keys   ec2api.Keys // that there are
	key    ec2api.Key  // whose it is, once that is verified
	call   ec2api.Call
	until  time.Time // when it waits for others no longer
	reply  *reply
}

// wait is how long the request may still wait for others.
func (req *request) wait() time.Duration { return max(time.Until(req.until), time.Nanosecond) }

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.begin()
	defer a.end()
	req := &request{id: rand.Text(), http: r, reply: &reply{w: w, control: http.NewResponseController(w)}}
	err := a.attempt(req)
	if err == nil {
		err = req.reply.finish(http.StatusOK)
	}
	if err == nil {
		return
	}
	refused := req.errorOf(err)
	a.record(req, refused, err)
	if req.reply.begun {
		// The client has a part of an answer, and nothing but the end of the connection can tell that there is no more.
		panic(http.ErrAbortHandler)
	}
	req.reply.buffer = refused.XML(req.id)
	_ = req.reply.finish(refused.Status) // a client that has gone away has no use for it
}

// attempt is answer; what is a mistake of this program's is an error like any other to whoever sent the request.
func (a *api) attempt(req *request) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = cli.Internal(r)
		}
	}()
	return a.answer(req)
}

// answer reads a request, finds out whose it is, and does what it asks for.
func (a *api) answer(req *request) (err error) {
	if path := req.http.URL.EscapedPath(); strings.TrimSuffix(path, "/") != apiPath {
		return &ec2api.Error{Code: ec2api.InvalidRequest, Status: http.StatusNotFound, Message: "there is nothing at this path: EC2's is " + apiPath}
	}
	if err := req.read(); err != nil {
		return err
	}
	req.keys, err = a.credentials.keys(a.s.ledger)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // where there is none, there is no key
		return err
	}
	if req.key, err = ec2api.Verify(req.signed, req.keys, a.s.Sys.Now()); err != nil {
		return err
	}
	if req.call, err = ec2api.Parse(req.signed, req.key); err != nil {
		return err
	}
	ctx := req.http.Context()
	req.until = time.Now().Add(a.s.ledger.LockTimeout)
	done, err := a.turn(ctx, req.key.ProjectID)
	if err != nil {
		return err
	}
	defer done()
	return a.perform(ctx, req)
}

// turn waits until another request may be at work on the ledger, as long as for another writer. It waits for others of its project first: one
// whose clients take no answer would otherwise have all turns, and every other project wait for it.
func (a *api) turn(ctx context.Context, project string) (done func(), err error) {
	timeout := time.NewTimer(a.s.ledger.LockTimeout)
	defer timeout.Stop()
	var taken []chan struct{}
	done = func() {
		for _, slots := range taken {
			<-slots
		}
	}
	for _, slots := range []chan struct{}{a.share(project), a.turns} {
		select {
		case slots <- struct{}{}:
			taken = append(taken, slots)
		case <-ctx.Done():
			done()
			return nil, context.Cause(ctx)
		case <-timeout.C:
			done()
			return nil, ec2api.Errorf(ec2api.Unavailable, "too many requests are at work: try again")
		}
	}
	return done, nil
}

func (a *api) share(project string) chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	slots := a.shares[project]
	if slots == nil {
		slots = make(chan struct{}, mostOfOne)
		a.shares[project] = slots
	}
	return slots
}

// read takes the request's body, which may have so many bytes and no more.
func (req *request) read() error {
	r := req.http
	// What is signed is the request as it was sent: net/http has taken these out of the header.
	req.signed = ec2api.Request{Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Host: r.Host, Header: r.Header, ContentLength: r.ContentLength}
	if r.ContentLength > ec2api.MaxBody {
		req.reply.last()
		return ec2api.TooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, ec2api.MaxBody+1))
	if err != nil {
		req.reply.last()
		return ec2api.Errorf(ec2api.InvalidRequest, "the body did not arrive as its length or its chunks announce it, or not in %s", requestTime)
	}
	if len(body) > ec2api.MaxBody {
		req.reply.last()
		return ec2api.TooLarge()
	}
	req.signed.Body = body
	return nil
}

// open opens the ledger for one request.
func (a *api) open(ctx context.Context, mode db.Mode, actor, command string, wait time.Duration) (*db.Store, error) {
	url, err := a.s.ledger.url()
	if err != nil {
		return nil, err
	}
	return db.Open(ctx, db.Options{URL: url, Mode: mode, Clock: a.s.Sys.Now, LockTimeout: wait, Warn: a.warnOnce, Actor: actor, Command: command})
}

// warnOnce logs a warning about the ledger, which every request has.
func (a *api) warnOnce(message string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.warned[message] && len(a.warned) < 100 {
		a.warned[message] = true
		a.s.Logf("warning: %s", message)
	}
}

// record logs what was refused. What a client sent stands in it quoted, and no signature nor secret does.
func (a *api) record(req *request, refused *ec2api.Error, err error) {
	if refused.Code == ec2api.DryRunOperation {
		return
	}
	key := "key=" + req.key.Name
	if req.key.Name == "" {
		key = "unverified_key=" + strconv.QuoteToASCII(req.claimed())
	}
	message := refused.Message
	if !errors.As(err, new(*ec2api.Error)) {
		message = err.Error() // what the client is not told
	}
	action := ec2api.Action(req.signed)
	if action == "" {
		action = "-"
	}
	a.s.Logf("%s", req.hide(fmt.Sprintf("%s %s action=%s code=%s status=%d client=%s request=%s: %s", a.s.Sys.Now().UTC().Format(time.RFC3339), key, action,
		refused.Code, refused.Status, req.http.RemoteAddr, req.id, message)))
}

// longestID is more than an access key's id has where AWS or `api key create` made it, and less than a secret has.
const longestID = 32

// claimed is the id of the key that a request says it was signed by. One that is unknown and too long for an id may be a secret in its place.
func (req *request) claimed() string {
	id := ec2api.ClaimedKey(req.signed)
	if len(id) <= longestID || slices.ContainsFunc(req.keys, func(k ec2api.Key) bool { return k.AccessKeyID == id }) {
		return id
	}
	return fmt.Sprintf("(%d characters)", len(id))
}

// likeSignature is what every signature looks like, and nothing else that is logged.
var likeSignature = regexp.MustCompile(`[0-9A-Fa-f]{64}`)

// hide takes secrets and signatures out of a line for the log: a client may have sent them anywhere.
func (req *request) hide(line string) string {
	const hidden = "***"
	for _, k := range req.keys {
		secret := string(k.Secret)
		quoted := strconv.QuoteToASCII(secret)
		line = strings.ReplaceAll(line, secret, hidden)
		line = strings.ReplaceAll(line, quoted[1:len(quoted)-1], hidden)
	}
	return likeSignature.ReplaceAllLiteralString(line, hidden)
}

// reply is an answer on its way. It is kept until it is known to be right or has grown large; what a client takes its time for
// is a bounded part of it.
type reply struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  []byte
	begun   bool
	began   time.Time // to be sent
}

// replyPart is how much of an answer is kept.
const replyPart = 64 << 10

func (r *reply) Write(p []byte) (int, error) {
	r.buffer = append(r.buffer, p...)
	if len(r.buffer) < replyPart {
		return len(p), nil
	}
	if !r.begun {
		r.begin(http.StatusOK)
	}
	return len(p), r.send()
}

func (r *reply) begin(status int) {
	r.begun = true
	h := r.w.Header()
	h.Set("Content-Type", ec2api.ContentType)
	h.Set("Cache-Control", "no-store")
	r.w.WriteHeader(status)
}

func (r *reply) send() error {
	if r.began.IsZero() {
		r.began = time.Now() // and not when the request came: it may have waited for other writers
	}
	deadline := time.Now().Add(answerTime)
	if end := r.began.Add(longestTime); end.Before(deadline) {
		deadline = end
	}
	_ = r.control.SetWriteDeadline(deadline) // the server's own holds where a connection has none
	_, err := r.w.Write(r.buffer)
	r.buffer = r.buffer[:0]
	if err != nil {
		err = fmt.Errorf("%w: %w", errUntaken, err)
	}
	return err
}

// errUntaken is why an answer is given up whose client takes no more of it.
var errUntaken = errors.New("the client has not taken the answer")

// finish sends what is left. What has not begun to be sent goes with its length and that status.
func (r *reply) finish(status int) error {
	if !r.begun {
		r.w.Header().Set("Content-Length", strconv.Itoa(len(r.buffer)))
		r.begin(status)
	}
	return r.send()
}

// last ends the connection behind the answer: what is left of the request is not read.
func (r *reply) last() { r.w.Header().Set("Connection", "close") }
