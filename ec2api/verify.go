package ec2api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	// window is how far a request's time may be from ours, either way.
	window = 15 * time.Minute
)

// authorization is the header of that name, taken apart.
type authorization struct {
	keyID, date, region, service string
	signed                       []string
	signature                    []byte
}

// Verify tells whose key signed a request by AWS Signature Version 4. Every error is an *Error; it does not tell an unknown key from a wrong
// secret, and quotes neither signature nor secret.
//
// Region and service are taken as the client has them, since they follow from a host name that is not AWS's: boto signs 0/127 for 127.0.0.1.
func Verify(r Request, keys Keys, now time.Time) (Key, error) {
	if len(r.Body) > MaxBody {
		return Key{}, TooLarge()
	}
	auth, err := authorizationOf(r)
	if err != nil {
		return Key{}, err
	}
	at, stamp, err := signedAt(r, auth)
	if err != nil {
		return Key{}, err
	}
	canonical, err := canonicalRequest(r, auth.signed)
	if err != nil {
		return Key{}, err
	}
	scope := strings.Join([]string{auth.date, auth.region, auth.service, "aws4_request"}, "/")
	sum := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, stamp, scope, hex.EncodeToString(sum[:])}, "\n")

	// An unknown key takes as long as a known one.
	key, known := keys.find(auth.keyID)
	signing := []byte("AWS4" + string(key.Secret))
	for _, part := range []string{auth.date, auth.region, auth.service, "aws4_request", text} {
		signing = digest(signing, part)
	}
	if right := hmac.Equal(signing, auth.signature); !right || !known || key.Secret == "" {
		return Key{}, Errorf(AuthFailure, "there is no such access key, or its secret did not make this signature")
	}
	if d := now.Sub(at); d > window || d < -window {
		return Key{}, Errorf(RequestExpired, "the request's time %s is more than %d minutes from this server's, %s",
			stamp, int(window.Minutes()), now.UTC().Format(timeFormat))
	}
	return key, nil
}

// ClaimedKey is the id of the key that a request says it was signed by, for a log. It is whatever the client sent.
func ClaimedKey(r Request) string {
	auth, err := authorizationOf(r)
	if err != nil {
		return ""
	}
	return auth.keyID
}

func digest(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func authorizationOf(r Request) (a authorization, err error) {
	headers := r.header("Authorization")
	if len(headers) == 0 {
		return a, unsigned(r)
	}
	malformed := func(what string) error { return Errorf(AuthFailure, "the Authorization header %s", what) }
	if len(headers) > 1 {
		return a, malformed("is given more than once")
	}
	scheme, rest, _ := strings.Cut(headers[0], " ")
	if scheme != algorithm {
		return a, malformed("must be of AWS Signature Version 4, " + algorithm)
	}
	parts := map[string]string{}
	for _, part := range strings.Split(rest, ",") { // with a blank behind the comma or without: clients do both
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := parts[name]; !ok || twice || value == "" {
			return a, malformed("is malformed")
		}
		parts[name] = value
	}
	if len(parts) != 3 || parts["Credential"] == "" || parts["SignedHeaders"] == "" || parts["Signature"] == "" {
		return a, malformed("must have Credential, SignedHeaders and Signature, and nothing else")
	}
	scope := strings.Split(parts["Credential"], "/")
	if len(scope) != 5 || slices.Contains(scope, "") || scope[4] != "aws4_request" {
		return a, malformed("must have a Credential KEY/DATE/REGION/SERVICE/aws4_request")
	}
	a.keyID, a.date, a.region, a.service = scope[0], scope[1], scope[2], scope[3]
	a.signed = strings.Split(parts["SignedHeaders"], ";")
	for i, name := range a.signed {
		if name == "" || name != strings.ToLower(name) || i > 0 && a.signed[i-1] >= name {
			return a, malformed("must have SignedHeaders in lower case and in order, each once")
		}
	}
	for _, name := range []string{"host", "x-amz-date"} {
		if !slices.Contains(a.signed, name) {
			return a, malformed("must have " + name + " among its SignedHeaders")
		}
	}
	a.signature, err = hex.DecodeString(parts["Signature"])
	if err != nil || len(a.signature) != sha256.Size {
		return a, malformed("must have a Signature of 64 hexadecimal digits")
	}
	return a, nil
}

// unsigned says what is wrong with a request that has no Authorization header.
func unsigned(r Request) error {
	for _, text := range []string{r.RawQuery, string(r.Body)} {
		for pair := range strings.SplitSeq(text, "&") {
			switch name, _, _ := strings.Cut(pair, "="); name {
			case "X-Amz-Algorithm", "X-Amz-Signature":
				return Errorf(AuthFailure, "a signature in the query is not taken: sign by AWS Signature Version 4 in the Authorization header")
			case "Signature", "SignatureVersion":
				return Errorf(AuthFailure, "signature versions 1 and 2 are not taken: sign by AWS Signature Version 4")
			}
		}
	}
	return Errorf(AuthFailure, "the request is not signed: sign it by AWS Signature Version 4")
}

func signedAt(r Request, a authorization) (at time.Time, stamp string, err error) {
	dates := r.header("X-Amz-Date")
	if len(dates) != 1 {
		return at, "", Errorf(AuthFailure, "the request must have one X-Amz-Date header")
	}
	at, err = time.Parse(timeFormat, dates[0])
	// time.Parse takes fractions of a second where the format has none.
	if err != nil || len(dates[0]) != len(timeFormat) {
		return at, "", Errorf(AuthFailure, "the X-Amz-Date header must be like %s", timeFormat)
	}
	if a.date != dates[0][:len("20060102")] {
		return at, "", Errorf(AuthFailure, "the date of the Credential is not the one of X-Amz-Date")
	}
	return at, dates[0], nil
}

// canonicalRequest is what a client signs. The path is the one that was sent: only /services/Cloud is served, of which no normal form differs.
func canonicalRequest(r Request, signed []string) (string, error) {
	query, err := canonicalQuery(r.RawQuery)
	if err != nil {
		return "", err
	}
	path := r.Path
	if path == "" {
		path = "/"
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + path + "\n" + query + "\n")
	for _, name := range signed {
		values := r.header(name)
		switch {
		case name == "host":
			values = []string{r.Host}
		case name == "content-length" && r.ContentLength >= 0:
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		if len(values) == 0 {
			return "", Errorf(AuthFailure, "a header among the SignedHeaders is not there: %s", quoted(name))
		}
		b.WriteString(name)
		for i, value := range values {
			b.WriteByte(":,"[min(i, 1)])
			b.WriteString(strings.Join(strings.Fields(value), " "))
		}
		b.WriteByte('\n')
	}
	sum := sha256.Sum256(r.Body)
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hex.EncodeToString(sum[:]))
	return b.String(), nil
}

// canonicalQuery is a query in order, escaped in the one way that signatures go by.
func canonicalQuery(raw string) (string, error) {
	pairs, err := pairsOf(raw)
	if err != nil {
		return "", err
	}
	for i, p := range pairs {
		pairs[i] = pair{escape(p.name), escape(p.value)}
	}
	// By name and then by value: a=1 is before a-=0, which the order of the joined texts would reverse.
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = p.name + "=" + p.value
	}
	return strings.Join(texts, "&"), nil
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
