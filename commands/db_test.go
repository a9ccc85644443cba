package commands

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"nova-manage/db"
)

// The latest schema version is the only one that can be asked for: there is no way back, and nothing between.
func TestDBSync_version(t *testing.T) {
	latest := db.LatestSchema()
	for text, want := range map[string]string{
		strconv.Itoa(latest):     "",
		strconv.Itoa(latest + 1): fmt.Sprintf("is no schema version of a ledger: the latest is %d", latest),
		"x":                      "is not a whole decimal number",
	} {
		checkSchemaVersion(t, text, want)
	}
	if err := schemaVersionError(1, 2); err == nil || !strings.Contains(err.Error(), "there is no way back") {
		t.Errorf("1 of 2: %v", err)
	}
}

func checkSchemaVersion(t *testing.T, text, want string) {
	t.Helper()
	_, err := parseSchemaVersion(text)
	if (err == nil) != (want == "") || err != nil && err.Error() != want {
		t.Errorf("%s: %v, want %q", text, err, want)
	}
}
