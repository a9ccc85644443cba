// Package ec2api is EC2's query protocol as values: it verifies who signed a request, reads what is asked, chooses rows and renders the
// answer. Listening, the ledger and the clock are left to whoever calls it.
package ec2api

import (
	"fmt"
	"net/http"
	"net/textproto"
)

const (
	// MaxBody is the most that a request's body may have; whoever reads one need not read further to refuse it.
	MaxBody = 64 << 10
	// maxParameters is more than a client needs to name the 1000 rows of the largest page.
	maxParameters = 2048
)

// Request is an HTTP request whose body has been read. net/http takes Host and Content-Length out of the header, and clients sign both.
type Request struct {
	Method        string
	Path          string // as sent, with its escapes: URL.EscapedPath
	RawQuery      string
	Host          string
	Header        map[string][]string // http.Header, with its spelling of the names
	ContentLength int64               // -1 where unknown
	Body          []byte
}

func (r Request) header(name string) []string {
	return r.Header[textproto.CanonicalMIMEHeaderKey(name)]
}

// Error is what EC2 answers instead of what was asked. Clients go by Code.
type Error struct {
	Code    string
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Codes of EC2. What is not in statuses is 400.
const (
	AuthFailure               = "AuthFailure"
	CannotDelete              = "CannotDelete"
	DryRunOperation           = "DryRunOperation"
	FilterLimitExceeded       = "FilterLimitExceeded"
	GroupDuplicate            = "InvalidGroup.Duplicate"
	GroupInUse                = "InvalidGroup.InUse"
	GroupLimitExceeded        = "SecurityGroupLimitExceeded"
	GroupNotFound             = "InvalidGroup.NotFound"
	InstanceIDMalformed       = "InvalidInstanceID.Malformed"
	InstanceNotFound          = "InvalidInstanceID.NotFound"
	AddressLimitExceeded      = "AddressLimitExceeded"
	AddressNotFound           = "InvalidAddress.NotFound"
	AssociationNotFound       = "InvalidAssociationID.NotFound"
	ResourceAlreadyAssociated = "Resource.AlreadyAssociated"
	InternalError             = "InternalError"
	InvalidAction             = "InvalidAction"
	InvalidCombination        = "InvalidParameterCombination"
	InvalidParameterValue     = "InvalidParameterValue"
	InvalidRequest            = "InvalidRequest"
	MissingParameter          = "MissingParameter"
	PermissionDuplicate       = "InvalidPermission.Duplicate"
	PermissionNotFound        = "InvalidPermission.NotFound"
	RequestExpired            = "RequestExpired"
	RuleLimitExceeded         = "RulesPerSecurityGroupLimitExceeded"
	Unavailable               = "Unavailable"
	UnauthorizedOperation     = "UnauthorizedOperation"
	UnknownParameter          = "UnknownParameter"
	UnsupportedOperation      = "UnsupportedOperation"
)

var statuses = map[string]int{
	AuthFailure:           http.StatusUnauthorized,
	DryRunOperation:       http.StatusPreconditionFailed,
	InternalError:         http.StatusInternalServerError,
	Unavailable:           http.StatusServiceUnavailable,
	UnauthorizedOperation: http.StatusForbidden,
}

// Errorf is the error of that code, with the status that goes with it.
func Errorf(code, format string, a ...any) *Error {
	status, ok := statuses[code]
	if !ok {
		status = http.StatusBadRequest
	}
	return &Error{Code: code, Status: status, Message: fmt.Sprintf(format, a...)}
}

// TooLarge refuses a body of more than MaxBody.
func TooLarge() *Error {
	return &Error{Code: InvalidRequest, Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the body has more than %d bytes", MaxBody)}
}

// WouldSucceed is what EC2 answers to a DryRun of what would have been done.
func WouldSucceed() *Error {
	return Errorf(DryRunOperation, "the request would have succeeded, but DryRun is set")
}

// quoted is a value of the client's as messages name it. A value may be as long as a body.
func quoted(s string) string {
	if len(s) > 100 {
		return fmt.Sprintf("%+q...", s[:100])
	}
	return fmt.Sprintf("%q", s)
}
