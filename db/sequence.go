package db

import (
	"context"

	"nova-manage/db/internal/sqlstore"
)

// nextNumbers hands out the next n numbers of a sequence and returns the first of them.
func (t *tx) nextNumbers(ctx context.Context, sequence string, n int) (first int64, err error) {
	last, ok, err := sqlstore.Value[int64](ctx, t.ReadTx, "value FROM sequences WHERE name = $1", sequence)
	if err == nil && !ok {
		err = corruptf("the numbers of %s are not there", sequence)
	}
	if err != nil {
		return 0, err
	}
	return last + 1, t.door.Update(ctx, "sequences", sqlstore.Named{Column: "name", Value: sequence},
		sqlstore.Named{Column: "value", Value: last + int64(n)})
}
