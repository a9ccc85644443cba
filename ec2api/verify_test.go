package ec2api

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

var (
	clock  = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	mars   = Key{Name: "mars", AccessKeyID: "AKIDEXAMPLE", Secret: secret, ProjectID: "mercury"}
	reader = Key{Name: "reader", AccessKeyID: "READER", Secret: "another", ProjectID: "mercury", ReadOnly: true}
)

// sign signs a request as a client does, by its own account of what that takes. It overwrites its headers Authorization and X-Amz-Date.
func sign(r Request, key Key, at time.Time) Request {
	stamp := at.UTC().Format("20060102T150405Z")
	return signAs(r, key, stamp, stamp[:8], "host", "x-amz-date")
}

// signAs signs as no client should: right, but with that date in the scope and those headers alone.
func signAs(r Request, key Key, stamp, date string, names ...string) Request {
	r.Header = maps.Clone(r.Header)
	if r.Header == nil {
		r.Header = map[string][]string{}
	}
	r.Header["X-Amz-Date"] = []string{stamp}
	query, err := url.ParseQuery(r.RawQuery)
	if err != nil {
		panic(err)
	}
	var pairs []string
	for name, values := range query {
		for _, value := range values {
			escaped := url.QueryEscape(name) + "\x00" + url.QueryEscape(value)
			pairs = append(pairs, strings.ReplaceAll(escaped, "+", "%20"))
		}
	}
	slices.Sort(pairs)
	ordered := strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")
	hashed := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	canonical := r.Method + "\n" + r.Path + "\n" + ordered + "\n"
	for _, name := range names {
		canonical += name + ":" + map[string]string{"host": r.Host, "x-amz-date": stamp}[name] + "\n"
	}
	signed := strings.Join(names, ";")
	canonical += "\n" + signed + "\n" + hashed(string(r.Body))
	scope := date + "/0/127/aws4_request"
	k := digest(digest(digest(digest([]byte("AWS4"+string(key.Secret)), date), "0"), "127"), "aws4_request")
	r.Header["Authorization"] = []string{fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%x",
		key.AccessKeyID, scope, signed, digest(k, "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+hashed(canonical)))}
	return r
}

func get(query string) Request {
	return Request{Method: "GET", Path: "/services/Cloud/", RawQuery: query, Host: "127.0.0.1:8773"}
}

func post(body string) Request {
	return Request{Method: "POST", Path: "/services/Cloud", Host: "127.0.0.1:8773", Body: []byte(body), ContentLength: int64(len(body))}
}

func wantError(t testing.TB, err error, code string, status int) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want %s", err, code)
	}
	if e.Code != code || e.Status != status {
		t.Errorf("error is %d %v, want %d %s", e.Status, e, status, code)
	}
	if strings.Contains(e.Message, secret) || strings.Contains(e.Message, "Signature=") {
		t.Errorf("message quotes what is secret: %s", e.Message)
	}
	return e
}

// TestVerify_vectors goes by what AWS published; the file says where.
func TestVerify_vectors(t *testing.T) {
	text, err := os.ReadFile("testdata/sigv4.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Key, Secret, Date string
		Vectors           []struct {
			Name, Method, Host, Service, Query, Body, Signed, Signature string
			Header                                                      map[string][]string
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(timeFormat, file.Date)
	if err != nil {
		t.Fatal(err)
	}
	keys := Keys{reader, {AccessKeyID: file.Key, Secret: Secret(file.Secret), Name: "published"}}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			r := Request{Method: v.Method, Path: "/", RawQuery: v.Query, Host: cmp.Or(v.Host, "example.amazonaws.com"), Body: []byte(v.Body),
				ContentLength: int64(len(v.Body)), Header: map[string][]string{"X-Amz-Date": {file.Date}}}
			maps.Copy(r.Header, v.Header)
			r.Header["Authorization"] = []string{fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s/us-east-1/%s/aws4_request, SignedHeaders=%s, Signature=%s",
				file.Key, file.Date[:8], cmp.Or(v.Service, "service"), v.Signed, v.Signature)}
			got, err := Verify(r, keys, at)
			if err != nil || got.Name != "published" {
				t.Fatalf("key is %v, %v", got, err)
			}
			for what, change := range map[string]func(*Request){
				"method": func(r *Request) { r.Method = "PUT" },
				"path":   func(r *Request) { r.Path = "//" },
				"query":  func(r *Request) { r.RawQuery += "&x=1" },
				"host":   func(r *Request) { r.Host += "." },
				"body":   func(r *Request) { r.Body = append(bytes.Clone(r.Body), ' ') },
			} {
				tampered := r
				change(&tampered)
				if _, err := Verify(tampered, keys, at); err == nil {
					t.Errorf("another %s passes", what)
				}
			}
		})
	}
}

func TestVerify(t *testing.T) {
	keys := Keys{reader, mars}
	right := sign(get("Action=DescribeInstances&Filter.1.Name=a+b&Version=2014-10-01"), mars, clock)
	if got, err := Verify(right, keys, clock); err != nil || got != mars {
		t.Fatalf("key is %v, %v", got, err)
	}
	if got := ClaimedKey(right); got != mars.AccessKeyID {
		t.Errorf("claimed key is %q", got)
	}
	authorization := right.Header["Authorization"][0]
	change := func(from, to string) Request {
		r := right
		r.Header = maps.Clone(r.Header)
		if !strings.Contains(authorization, from) {
			t.Fatalf("no %q in the header", from)
		}
		r.Header["Authorization"] = []string{strings.Replace(authorization, from, to, 1)}
		return r
	}
	with := func(name string, values ...string) Request {
		r := right
		r.Header = maps.Clone(r.Header)
		r.Header[name] = values
		return r
	}
	query := func(raw string) Request { r := right; r.RawQuery = raw; return r }
	spare := mars
	spare.Secret += "x"
	nobody := mars
	nobody.AccessKeyID, nobody.Secret = "NOBODY", ""
	for name, r := range map[string]Request{
		"not signed":                   get("Action=DescribeInstances"),
		"version 2":                    get("Action=DescribeInstances&SignatureVersion=2&Signature=abc"),
		"version 2 in a form":          post("Action=DescribeInstances&SignatureVersion=2&Signature=abc"),
		"signed in the query":          get("Action=DescribeInstances&X-Amz-Algorithm=AWS4-HMAC-SHA256"),
		"wrong secret":                 sign(get("a=1"), spare, clock),
		"unknown key":                  change("AKIDEXAMPLE", "NOBODY"),
		"unknown, empty secret":        sign(get("a=1"), nobody, clock),
		"another's key":                change("AKIDEXAMPLE", "READER"),
		"twice":                        with("Authorization", authorization, authorization),
		"empty":                        with("Authorization", ""),
		"basic":                        with("Authorization", "Basic YTpi"),
		"no signature":                 change(",Signature=", ",Signatur="),
		"short signature":              change(",Signature=", ",Signature=00"),
		"no hex":                       change(",Signature=", ",Signature=zz"),
		"parameter twice":              change(",SignedHeaders=", ",Signature=00,SignedHeaders="),
		"more":                         change(",SignedHeaders=", ",X=1,SignedHeaders="),
		"host not signed":              change("host;x-amz-date", "x-amz-date"),
		"date not signed":              change("host;x-amz-date", "host"),
		"out of order":                 change("host;x-amz-date", "x-amz-date;host"),
		"header twice":                 change("host;x-amz-date", "host;host;x-amz-date"),
		"upper case":                   change("host;x-amz-date", "Host;x-amz-date"),
		"header not there":             change("host;x-amz-date", "a;host;x-amz-date"),
		"scope of another day":         change("20261126", "20261125"),
		"scope too long":               change("/0/127", "/0/127/1"),
		"scope too short":              change("/0/127", "/0"),
		"another region":               change("/0/", "/1/"),
		"no date":                      with("X-Amz-Date"),
		"two dates":                    with("X-Amz-Date", "20261126T120000Z", "20261126T120000Z"),
		"another date":                 with("X-Amz-Date", "20261126T120001Z"),
		"a fraction":                   with("X-Amz-Date", "20261126T120000.5Z"),
		"no date at all":               with("X-Amz-Date", "yesterday"),
		"query":                        query("Action=DescribeInstances&Filter.1.Name=a+c&Version=2014-10-01"),
		"right but for the host":       signAs(get("a=1"), mars, "20261126T120000Z", "20261126", "x-amz-date"),
		"right but for a header twice": signAs(get("a=1"), mars, "20261126T120000Z", "20261126", "host", "host", "x-amz-date"),
		"right but for the scope":      signAs(get("a=1"), mars, "20261126T120000Z", "20261125", "host", "x-amz-date"),
		"right but for a fraction":     signAs(get("a=1"), mars, "20261126T120000.5Z", "20261126", "host", "x-amz-date"),
		"query, value moved":           query("Action=DescribeInstances&Filter.1.Name=a%20b%26Version=2014-10-01"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Verify(r, keys, clock)
			wantError(t, err, AuthFailure, 401)
		})
	}
	t.Run("query in another spelling", func(t *testing.T) {
		if _, err := Verify(query("Version=2014-10-01&Filter.1.Name=a%20b&&Action=Describe%49nstances"), keys, clock); err != nil {
			t.Error(err)
		}
	})
	t.Run("time", func(t *testing.T) {
		for off, passes := range map[time.Duration]bool{15 * time.Minute: true, -15 * time.Minute: true, 15*time.Minute + time.Second: false,
			-15*time.Minute - time.Second: false, 16 * time.Minute: false, 250 * 365 * 24 * time.Hour: false} {
			_, err := Verify(right, keys, clock.Add(off))
			if passes != (err == nil) {
				t.Errorf("%v off: %v", off, err)
			}
			if !passes {
				wantError(t, err, RequestExpired, 400)
			}
		}
	})
	t.Run("body", func(t *testing.T) {
		r := sign(post(strings.Repeat("a", MaxBody+1)), mars, clock)
		_, err := Verify(r, keys, clock)
		wantError(t, err, InvalidRequest, 413)
	})
	t.Run("escapes", func(t *testing.T) {
		_, err := Verify(query("a=%zz"), keys, clock)
		wantError(t, err, InvalidRequest, 400)
		_, err = Verify(query(strings.Repeat("a=1&", 10000)), keys, clock)
		wantError(t, err, InvalidRequest, 400)
	})
}

// FuzzVerify lets nothing pass that differs from what was signed in a way that matters, and has every request that was signed pass.
func FuzzVerify(f *testing.F) {
	right := sign(get("Action=DescribeInstances&Version=2014-10-01"), mars, clock)
	f.Add("GET", right.Path, right.RawQuery, right.Host, "", right.Header["Authorization"][0], right.Header["X-Amz-Date"][0])
	f.Add("POST", "/", "a=%zz&&;", "", "Signature=1", "AWS4-HMAC-SHA256 Credential=////,SignedHeaders=;,Signature=", "20261126T120000.1Z")
	f.Add("GET", "/", "a-=0&a=1&%61=+", "h", "", "AWS4-HMAC-SHA256 ,,,", "")
	f.Fuzz(func(t *testing.T, method, path, query, host, body, authorization, date string) {
		r := Request{Method: method, Path: path, RawQuery: query, Host: host, Body: []byte(body), ContentLength: int64(len(body)),
			Header: map[string][]string{"Authorization": {authorization}, "X-Amz-Date": {date}}}
		_, err := Verify(r, Keys{mars}, clock)
		same, _ := canonicalQuery(query)
		was, _ := canonicalQuery(right.RawQuery)
		if err == nil && (method != "GET" || path != right.Path || host != right.Host || body != "" || same != was) {
			t.Errorf("passes: %+v", r)
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || strings.Contains(err.Error(), secret)) {
			t.Errorf("error is %v", err)
		}
		ClaimedKey(r)
		if _, err := url.ParseQuery(query); err != nil || path == "" || strings.Count(query, "&") > 1000 || strings.TrimSpace(host) != host ||
			strings.Join(strings.Fields(host), " ") != host || len(query)+len(body) > MaxBody {
			return
		}
		if got, err := Verify(sign(r, mars, clock), Keys{mars}, clock); err != nil || got != mars {
			t.Errorf("does not pass: %+v: %v", sign(r, mars, clock), err)
		}
	})
}
