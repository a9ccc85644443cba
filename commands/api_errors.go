package commands

import (
	"context"
	"errors"

	"nova-manage/db"
	"nova-manage/ec2api"
)

// errorCodes are what EC2 calls the ledger's kinds of errors in answer to one action.
type errorCodes map[error]string

// coded is an error of the ledger as EC2 has it, or itself where it is of none of these kinds.
func coded(err error, codes errorCodes) error {
	for kind, code := range codes {
		if said := (*db.Error)(nil); errors.Is(err, kind) && errors.As(err, &said) {
			return ec2api.Errorf(code, "%s", said.Message)
		}
	}
	return err
}

// errorOf is what a client is told of an error. What is wrong with the ledger or with this server is for the log alone.
func (req *request) errorOf(err error) *ec2api.Error {
	if refused := (*ec2api.Error)(nil); errors.As(err, &refused) {
		return refused
	}
	locked := (*db.LockedError)(nil)
	invalid := (*db.Error)(nil)
	switch {
	case errors.Is(err, db.ErrUnknown):
		return ec2api.Errorf(ec2api.InternalError, "the change may have been made or not: look before it is tried again")
	case errors.As(err, &locked):
		return ec2api.Errorf(ec2api.Unavailable, "another writer has the ledger, and nothing was changed: try again")
	case errors.Is(err, errUntaken):
		return ec2api.Errorf(ec2api.Unavailable, "%v", errUntaken)
	case errors.Is(err, errEnding), errors.Is(err, context.Canceled), errors.Is(err, db.ErrNoLedger):
		return ec2api.Errorf(ec2api.Unavailable, "the ledger is not to be had at the moment, and nothing was changed: try again")
	case errors.Is(err, db.ErrInvalid) && errors.As(err, &invalid):
		return ec2api.Errorf(ec2api.InvalidParameterValue, "%s", invalid.Message)
	}
	return ec2api.Errorf(ec2api.InternalError, "this server could not answer; its log says why, at request %s", req.id)
}
