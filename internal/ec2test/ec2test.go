// Package ec2test signs requests as EC2 clients do, for tests and for the bench. It goes by what AWS has written of Signature Version 4, and
// shares nothing with the package that verifies signatures.
package ec2test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Sign signs a request that has no query, with its body, and returns the signature, of which no log may have anything.
func Sign(r *http.Request, body, keyID, secret string, at time.Time) (signature string) {
	hash := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stamp := at.UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	const names = "content-type;host;x-amz-date"
	canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, "content-type:" + r.Header.Get("Content-Type"),
		"host:" + r.URL.Host, "x-amz-date:" + stamp, "", names, hash(body)}, "\n")
	scope := stamp[:8] + "/nova/ec2/aws4_request"
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	signature = fmt.Sprintf("%x", mac(key, strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hash(canonical)}, "\n")))
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", keyID, scope, names, signature))
	return signature
}
