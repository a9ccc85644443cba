package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATEs (postgresql.org/docs/current/errcodes-appendix.html).
const (
	featureNotSupported   = "0A000"
	notUTF8               = "22021"
	untranslatable        = "22P05"
	integrityViolation    = "23" // a class
	uniqueViolation       = "23505"
	readOnlyTransaction   = "25006"
	authorization         = "28" // a class
	noSuchDatabase        = "3D000"
	serializationFailure  = "40001"
	deadlock              = "40P01"
	insufficientPrivilege = "42501"
	syntaxError           = "42601"
	duplicateObject       = "42710"
	duplicateTable        = "42P07"
	duplicateFunction     = "42723"
	undefinedTable        = "42P01"
	diskFull              = "53100"
	tooManyConnections    = "53300"
	noSchema              = "3F000"
	lockNotAvailable      = "55P03"
	queryCanceled         = "57014"
	adminShutdown         = "57P01"
	crashShutdown         = "57P02"
	cannotConnectNow      = "57P03"
	databaseDropped       = "57P04"
	raised                = "P0001"
	dataCorrupted         = "XX001"
	indexCorrupted        = "XX002"
)

// retryable is true where another writer was in the way: outside the queue, or while the schema was made by two on a
// server without advisory locks.
func (e *postgres) retryable(err error) bool {
	if isState(err, uniqueViolation) {
		return serverError(err).SchemaName == "pg_catalog"
	}
	return isState(err, serializationFailure, deadlock, duplicateTable, duplicateObject, duplicateFunction)
}

func (e *postgres) translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var ours *Error
	var locked *LockedError
	if errors.As(err, &ours) || errors.As(err, &locked) {
		return err
	}
	if server := serverError(err); server != nil {
		if server.Code == queryCanceled && ctx.Err() != nil {
			// We asked for it: the driver sends a request to cancel where the context ends.
			return fmt.Errorf("%s: interrupted: %w", e.place(), context.Canceled)
		}
		return e.translateServer(server, err)
	}
	say := func(message string, way Way) error {
		return &Error{Message: e.place() + ": " + message, Way: way, Cause: err}
	}
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted: %w", context.Canceled)
	case errors.As(err, &connect):
		return say("it cannot be reached: "+strings.Join(reasons(err), "; "), WayCheckHost)
	case errors.As(err, &network), errors.Is(err, driver.ErrBadConn), errors.Is(err, pgconn.ErrConnClosed),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return say("the connection to the server was lost; nothing was changed", WayAgain)
	}
	return err
}

// translateServer puts the server's answer into a sentence. Its message is shown, its detail and hint are not: they are
// about SQL.
func (e *postgres) translateServer(server *pgconn.PgError, err error) error {
	say := func(kind error, way Way, format string, args ...any) *Error {
		return &Error{Message: e.place() + ": " + fmt.Sprintf(format, args...), Way: way, Kind: kind, Cause: err}
	}
	said := oneLineOf(server.Message)
	switch code := server.Code; {
	case code == queryCanceled:
		return say(nil, WayTimeouts, "the server stopped the command: %s; nothing was changed", said)
	case code == lockNotAvailable:
		// How long the writers' queue was waited for, begin says; this is the lock_timeout of the role or the database.
		return say(nil, WayTimeouts, "the server stopped waiting for a lock: %s; nothing was changed", said)
	case (code == serializationFailure || code == deadlock) && e.reading:
		// A transaction that reads has nothing to do with any writer, but on a standby, which cannot keep the rows that it sees
		// when the primary has cleaned them up (postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT).
		return say(nil, WayAgainOrPrimary, "the server, a standby, had to go on with what its primary has changed: %s", said)
	case code == serializationFailure, code == deadlock:
		return say(nil, WayAgain, "another writer was in the way (%s); nothing was changed", said)
	case strings.HasPrefix(code, integrityViolation), code == raised:
		// The commands look before they write and say it better; this is the schema's own last word.
		return &Error{Message: e.place() + " refused a row that its schema does not allow: " + said, Kind: ErrConflict, Cause: err}
	case code == noSuchDatabase:
		return say(nil, "", "the server has no database %q", e.config.Database).Try(WayCreateDatabase, e.config.Database)
	case strings.HasPrefix(code, authorization):
		return say(nil, WayCheckPassword, "the server refused the login: %s", said)
	case code == tooManyConnections:
		return say(nil, WayAgainOrMoreConnections, "the server has no connection left")
	case code == cannotConnectNow:
		return say(nil, WayAgainWhenUp, "the server is starting or stopping: %s", said)
	case code == adminShutdown, code == crashShutdown, code == databaseDropped:
		return say(nil, WayAgainWhenUp, "the server closed the connection: %s; nothing was changed", said)
	case code == noSchema:
		return say(nil, WaySearchPath, "its search_path names no schema to make the ledger in")
	case code == diskFull:
		return say(nil, "", "no space left on the server's disk; nothing was changed")
	case code == readOnlyTransaction:
		return e.readOnly(err)
	case code == insufficientPrivilege:
		return say(nil, "", "permission denied: %s", said)
	case code == notUTF8, code == untranslatable:
		return say(ErrInvalid, WayUTF8, "a text that the encoding of its database cannot hold: %s", said)
	case code == dataCorrupted, code == indexCorrupted:
		return &Error{Message: e.place() + " is damaged: " + said, Kind: ErrCorrupt, Cause: err,
			Way: WayRestoreDatabase}
	}
	return say(nil, "", "%s (SQLSTATE %s)", said, server.Code)
}

// readOnly is the error for a change that the server does not take, whoever makes it.
func (e *postgres) readOnly(err error) error {
	return &Error{Message: e.place() + ": it cannot be written: the server is a standby, or read-only for this user", Way: WayPrimary, Cause: err}
}

// reasons lists why connecting failed, one for each way that was tried, each once.
func reasons(err error) (all []string) {
	var dial *net.OpError
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			all = append(all, reasons(e)...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	if e, ok := err.(*net.OpError); ok {
		dial = e
		return []string{oneLineOf(dial.Error())}
	}
	if inner := errors.Unwrap(err); inner != nil {
		return reasons(inner)
	}
	return []string{oneLineOf(err.Error())}
}
