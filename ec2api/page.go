package ec2api

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
)

// maxResults is EC2's own bound, and the page of a client that follows a NextToken without saying how much it wants.
const maxResults = 1000

// Page is the part of an answer that is asked for, in the order of names, byte by byte.
type Page struct {
	Max   int    // 0 is all of it, in any order
	after string // see After
	seal  []byte
}

func (p parameters) page(call Call, key Key) (page Page, err error) {
	n, given, err := p.number("MaxResults")
	if err != nil {
		return page, err
	}
	if given && (n < 1 || n > maxResults) {
		return page, Errorf(InvalidParameterValue, "MaxResults %d is not between 1 and %d", n, maxResults)
	}
	if in, ok := call.Input.(*DescribeInstances); given && ok && len(in.IDs) > 0 {
		return page, Errorf(InvalidCombination, "MaxResults and InstanceId are not to be had together")
	}
	page.Max = n
	// What was asked for is sealed in, so that a token continues what it came from, for the key that it was given to.
	asked, err := json.Marshal([]any{"NextToken", call.Action, key.ProjectID, call.Filters, call.Input})
	if err != nil {
		return page, Errorf(InternalError, "a page cannot be described")
	}
	page.seal = digest([]byte(key.Secret), string(asked))
	token, err := p.take("NextToken")
	if err != nil || token == "" {
		return page, err
	}
	if !given {
		page.Max = maxResults
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= sealLength {
		return page, Errorf(InvalidParameterValue, "NextToken is none that was given out for this request")
	}
	page.after = string(raw[:len(raw)-sealLength])
	if !hmac.Equal([]byte(page.token(page.after)), []byte(token)) {
		return page, Errorf(InvalidParameterValue, "NextToken is none that was given out for this request")
	}
	return page, nil
}

// sealLength is how many bytes of a seal are in a token.
const sealLength = 16

func (p Page) token(after string) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte(after), digest(p.seal, after)[:sealLength]...))
}

// After is the name that the page before ended with, "" on the first one: rows up to it need not be looked for.
func (p Page) After() string { return p.after }
