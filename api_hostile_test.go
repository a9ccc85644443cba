package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// TestAPI_secrets sends what a client may get wrong that has a secret or a signature in it. The log has neither, wherever it was sent.
func TestAPI_secrets(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	e, k, keys := newAPI(t, l)
	other := keyOf("gemini")
	plain := keyOf("gemini")
	plain.name, plain.id, plain.secret = "plain", "AKIDPLAIN", "PLAINSECRETOFLETTERSALONE234567ABCDEFGHI"
	writeKeys(t, keys, k, other, plain)
	removed := "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" // of a key that the file has no more
	e.neverLogs(k.secret, other.secret, plain.secret, removed)
	u, err := url.Parse(e.url)
	if err != nil {
		t.Fatal(err)
	}
	signature := strings.Repeat("0123456789abcdef", 4)
	e.neverLogs(signature)
	list := form("DescribeInstances")
	signed := func(k apiKey, body string) *http.Request { return e.request(t, k, body, time.Now()) }
	with := func(r *http.Request, header, value string) *http.Request {
		r.Header.Set(header, value)
		return r
	}
	get := func(query string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, e.url+"?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	wrong := k
	wrong.secret = other.secret
	for name, r := range map[string]*http.Request{
		"another's secret":         signed(wrong, list),
		"a body that was changed":  with(signed(k, list), "X-Amz-Date", "20110203T040506Z"),
		"16 minutes old":           e.request(t, k, list, time.Now().Add(-16*time.Minute)),
		"16 minutes ahead":         e.request(t, k, list, time.Now().Add(16*time.Minute)),
		"the secret for the id":    signed(apiKey{id: plain.secret, secret: plain.id + "x"}, list),
		"a removed one for the id": signed(apiKey{id: strings.ReplaceAll(removed, "/", "-"), secret: "xxxx"}, list),
		"the signature for the id": with(signed(k, list), "Authorization", "AWS4-HMAC-SHA256 Credential="+signature+"/20110203/nova/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature="+signature),
		"Basic":                    with(signed(k, list), "Authorization", "Basic "+k.id+":"+k.secret),
		"Bearer":                   with(signed(k, list), "Authorization", "Bearer "+k.secret),
		"no scheme":                with(signed(k, list), "Authorization", signature),
		"not taken apart":          with(signed(k, list), "Authorization", "AWS4-HMAC-SHA256 Credential="+k.id+" Signature="+signature),
		"among the headers":        with(signed(k, list), "Authorization", "AWS4-HMAC-SHA256 Credential="+k.id+"/20110203/nova/ec2/aws4_request, SignedHeaders="+signature+";host;x-amz-date, Signature="+signature),
		"version 2":                get("Action=DescribeInstances&AWSAccessKeyId=" + k.id + "&SignatureVersion=2&SignatureMethod=HmacSHA256&Signature=" + url.QueryEscape(k.secret)),
		"presigned":                get("Action=DescribeInstances&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + signature),
		"presigned and signed":     signed(k, list+"&X-Amz-Signature="+signature),
		"a parameter":              signed(k, form("CreateSecurityGroup", "GroupName", k.secret, "GroupDescription", "x\u0001")),
		"a group":                  signed(k, form("DescribeSecurityGroups", "GroupName.1", k.secret)),
		"a parameter's name":       signed(k, form("DescribeInstances", k.secret, "x")),
		"an action":                signed(k, form(plain.secret)),
		"another's, as a value":    signed(k, form("DescribeInstances", "InstanceId.1", "i-"+other.secret)),
		"a signature as a value":   signed(k, form("DescribeInstances", "InstanceId.1", signature)),
		"a Content-Type":           with(signed(k, list), "Content-Type", plain.secret),
		"a token":                  signed(k, form("DescribeInstances", "NextToken", k.secret)),
		"a version":                signed(k, strings.Replace(list, "2016-11-15", url.QueryEscape(k.secret), 1)),
	} {
		if got := e.send(t, r); got.status < 400 || got.status > 499 {
			t.Errorf("%s is answered by %v\n%s", name, got, e.log)
		}
	}
	for _, text := range []string{
		plain.secret + " /services/Cloud HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /" + signature + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /services/Cloud?" + signature + " HTTP/9.9\r\nHost: x\r\n\r\n",
		"GET /services/Cloud HTTP/1.1\r\nHost: " + plain.secret + "\r\n" + plain.secret + "\r\n\r\n",
		"GET /services/Cloud HTTP/1.1\r\nHost: x\r\nAuthorization: " + strings.Repeat(signature, 1000) + "\r\n\r\n",
		"POST /services/Cloud HTTP/1.1\r\nHost: x\r\nContent-Length: " + signature + "\r\n\r\n",
		"POST /services/Cloud HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + signature + "\r\n",
		"\x16\x03\x01" + signature + plain.secret + "\r\n\r\n",
	} {
		c, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(hung))
		if _, err := io.WriteString(c, text); err != nil {
			t.Error(err)
		}
		if got, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || got.StatusCode < 400 || got.StatusCode > 599 {
			t.Errorf("%.40q is answered by %v, %v", text, got, err)
		}
		c.Close()
	}
	if signature := regexp.MustCompile(`[0-9a-fA-F]{64}`).FindString(e.log.String()); signature != "" {
		t.Errorf("the log has the signature %s:\n%s", signature, e.log)
	}
	// What an operator goes by is there.
	for _, want := range []string{`unverified_key="AKIDAPOLLO" action=DescribeInstances code=AuthFailure`, `unverified_key="AKIDAPOLLO" action=DescribeInstances code=RequestExpired`,
		`unverified_key="(40 characters)" action=DescribeInstances code=AuthFailure`, `key=apollo action=DescribeSecurityGroups code=InvalidGroup.NotFound`} {
		if !strings.Contains(e.log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, e.log)
		}
	}
	e.seesWeb(t, k)
}

// TestAPI_tampered changes what was signed, and sends more than anybody needs. Nothing is done.
func TestAPI_tampered(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	e, k, _ := newAPI(t, l)
	last := l.lastChange(t)
	create := form("CreateSecurityGroup", "GroupName", "www", "GroupDescription", "x")
	for name, c := range map[string]struct {
		body   string
		tamper func(r *http.Request)
		status int
		code   string
	}{
		"body": {create, func(r *http.Request) {
			other := strings.Replace(create, "www", "ftp", 1)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(other)), int64(len(other))
		}, 401, "AuthFailure"},
		"path":          {create, func(r *http.Request) { r.URL.Path += "/" }, 401, "AuthFailure"},
		"path, encoded": {create, func(r *http.Request) { r.URL.RawPath = "/services/%43loud" }, 404, "InvalidRequest"},
		"query":         {create, func(r *http.Request) { r.URL.RawQuery = "DryRun=false" }, 401, "AuthFailure"},
		"method":        {create, func(r *http.Request) { r.Method = http.MethodPut }, 401, "AuthFailure"},
		"Host":          {create, func(r *http.Request) { r.Host = "ec2.example.org" }, 401, "AuthFailure"},
		"Content-Type":  {create, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 401, "AuthFailure"},
		"date": {create, func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(time.Minute).UTC().Format("20060102T150405Z"))
		}, 401, "AuthFailure"},
		"no signature":          {create, func(r *http.Request) { r.Header.Del("Authorization") }, 401, "AuthFailure"},
		"chunks":                {create, func(r *http.Request) { r.ContentLength = -1 }, 200, ""}, // nothing of it is changed, and another group is made
		"a body that is long":   {create + "&" + strings.Repeat("x", 64<<10), func(*http.Request) {}, 413, "InvalidRequest"},
		"one without a length":  {create + "&" + strings.Repeat("x", 64<<10), func(r *http.Request) { r.ContentLength = -1 }, 413, "InvalidRequest"},
		"10,000 parameters":     {create + strings.Repeat("&a", 10000), func(*http.Request) {}, 400, "InvalidRequest"},
		"a parameter twice":     {create + "&GroupName=www", func(*http.Request) {}, 400, "InvalidParameterValue"},
		"one nobody knows":      {create + "&VpcId=vpc-1", func(*http.Request) {}, 400, "UnknownParameter"},
		"an escape that is not": {create + "&x=%zz", func(*http.Request) {}, 400, "InvalidRequest"},
	} {
		r := e.request(t, k, c.body, time.Now())
		c.tamper(r)
		if got := e.send(t, r); got.status != c.status || got.code != c.code {
			t.Errorf("%s: want %d %s, got %v", name, c.status, c.code, got)
		}
	}
	if made := l.lastChange(t) - last; made != 1 {
		t.Errorf("%d changes were made", made)
	}
	l.clean(t)
}

// TestAPI_crowd has more clients than there is room for, most of whom say nothing more. Everybody who asks is answered, in little memory.
func TestAPI_crowd(t *testing.T) {
	race.SkipProcesses(t)
	t.Parallel()
	l := newLedger(t, "sqlite")
	e, k, _ := newAPI(t, l)
	u, err := url.Parse(e.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("at once", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 200 {
			action, params := "DescribeInstances", []string(nil)
			if i%20 == 0 {
				action, params = "CreateSecurityGroup", []string{"GroupName", fmt.Sprintf("g%d", i), "GroupDescription", "one of many"}
			}
			r := e.request(t, k, form(action, params...), time.Now())
			all.Go(func() {
				if got := e.send(t, r); got.status != 200 {
					t.Errorf("%s: %v", action, got)
				}
			})
		}
		all.Wait()
		if groups := l.must(t, "secgroup", "list", "-f", "value", "-c", "name"); strings.Count(groups, "\n") != 11 {
			t.Errorf("the groups are\n%s", groups)
		}
	})
	t.Run("slow", func(t *testing.T) {
		began := time.Now()
		var slow []net.Conn
		for i := range 250 {
			c, err := net.Dial("tcp", u.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			slow = append(slow, c)
			// Nothing at all, a header without end, and a body that does not come.
			text := []string{"", "POST /services/Cloud HTTP/1.1\r\nHost: x\r\n", "POST /services/Cloud HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\nAction="}[i%3]
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
		}
		e.seesWeb(t, k)
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("a client among those that are slow waited %s", took)
		}
		for i, c := range slow {
			_ = c.SetReadDeadline(began.Add(40 * time.Second))
			if _, err := io.Copy(io.Discard, c); os.IsTimeout(err) {
				t.Fatalf("slow client %d is still there: %v", i, err)
			}
		}
	})
	e.seesWeb(t, k)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	peak, err := strconv.Atoi(regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindStringSubmatch(string(status))[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("at most %d MB of memory", peak>>10)
	if peak > 256<<10 {
		t.Errorf("it has taken %d MB of memory", peak>>10)
	}
	l.clean(t)
}

// TestAPI_full has no room on the disk: what is asked to be written is refused whole, and made when there is room again.
func TestAPI_full(t *testing.T) {
	race.SkipProcesses(t)
	d := newDisk(t, "size=4m")
	l := d.ledger()
	e, k, _ := newAPI(t, l)
	create := []string{"GroupName", "www", "GroupDescription", "x"}
	d.fill(t)
	got := e.ask(t, k, "CreateSecurityGroup", create...)
	if got.status != 500 || got.code != "InternalError" {
		t.Errorf("on a full disk the answer is %v", got)
	}
	if !regexp.MustCompile(`action=CreateSecurityGroup code=InternalError status=500 .*(full|no space)`).MatchString(e.log.String()) {
		t.Errorf("the log does not say that the disk is full:\n%s", e.log)
	}
	d.clear(t)
	e.wants(t, k, 400, "InvalidGroup.NotFound", "DescribeSecurityGroups", "GroupName.1", "www")
	e.wants(t, k, 200, "", "CreateSecurityGroup", create...)
	l.clean(t)
}

// TestAPI_fullLog cannot log anything, and answers all the same.
func TestAPI_fullLog(t *testing.T) {
	race.SkipProcesses(t)
	l := newLedger(t, "sqlite")
	_, k, keys := newAPI(t, l)
	loopback := listenLoopback(t)
	cmd := handOver(t, l, []net.Listener{loopback}, "--credentials", keys)
	cmd.Args[2] = `exec 2>/dev/full; ` + cmd.Args[2]
	e := launchAPI(t, cmd)
	e.url = "http://" + loopback.Addr().String() + "/services/Cloud"
	e.wants(t, k, 400, "InvalidAction", "Nothing")
	e.seesWeb(t, k)
}

// TestAPI_goneClient goes away without its answer: a change that it has asked for is made or not, and the server stays.
func TestAPI_goneClient(t *testing.T) {
	race.SkipProcesses(t)
	t.Parallel()
	l := newLedger(t, "sqlite")
	e, k, _ := newAPI(t, l, "--lock_timeout", "20s")
	holder := connect(t, l.path, "BEGIN IMMEDIATE")
	e.seesWeb(t, k) // who reads does not wait
	for i := range 5 {
		r := e.request(t, k, form("CreateSecurityGroup", "GroupName", fmt.Sprintf("g%d", i), "GroupDescription", "x"), time.Now())
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if got, err := e.try(r.WithContext(ctx)); err == nil {
			t.Errorf("the answer is %v", got)
		}
		cancel()
	}
	// Who has gone away waits for the lock no longer, and has nothing done.
	e.awaits(t, "code=Unavailable")
	eventually(t, "all are given up", func() bool { return strings.Count(e.log.String(), "code=Unavailable") == 5 })
	if _, err := holder.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if groups := l.must(t, "secgroup", "list", "-f", "value", "-c", "name"); groups != "default\n" {
		t.Errorf("the groups are\n%s", groups)
	}
	e.seesWeb(t, k)
	l.clean(t)
}
