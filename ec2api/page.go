package ec2api

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"iter"
	"slices"
)

// maxResults is EC2's own bound, and the page of a client that follows a NextToken without saying how much it wants.
const maxResults = 1000

// Page is the part of an answer that is asked for.
type Page struct {
	Max   int   // 0 is all
	after int64 // the id that the page before ended with
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
	if err != nil || len(raw) < 8 {
		return page, Errorf(InvalidParameterValue, "NextToken is none that was given out for this request")
	}
	page.after = int64(binary.BigEndian.Uint64(raw))
	if !hmac.Equal([]byte(page.token(page.after)), []byte(token)) {
		return page, Errorf(InvalidParameterValue, "NextToken is none that was given out for this request")
	}
	return page, nil
}

func (p Page) token(after int64) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(after))
	return base64.RawURLEncoding.EncodeToString(append(raw, digest(p.seal, string(raw))[:16]...))
}

// PageOf is a page of the rows that pass, in the order of their ids, and the token of the next one, "" where there is none. Rows may come in any
// order and go between two pages; no more than two pages of them are held. The error is one of rows.
func PageOf[T any](p Page, rows iter.Seq2[T, error], passes func(T) bool, id func(T) int64) (page []T, next string, err error) {
	byID := func(a, b T) int { return int(min(max(id(a)-id(b), -1), 1)) }
	more := false
	for row, err := range rows {
		if err != nil {
			return nil, "", err
		}
		if id(row) <= p.after || !passes(row) {
			continue
		}
		page = append(page, row)
		if p.Max > 0 && len(page) >= 2*p.Max {
			slices.SortFunc(page, byID)
			clear(page[p.Max:])
			page, more = page[:p.Max], true
		}
	}
	slices.SortFunc(page, byID)
	if p.Max > 0 && len(page) > p.Max {
		page, more = page[:p.Max], true
	}
	if more {
		next = p.token(id(page[len(page)-1]))
	}
	return page, next, nil
}
