package db

import _ "embed"

//go:embed ledger.schema.json
var documentSchema []byte

// DocumentSchema is the JSON Schema (draft 2020-12) of what Export writes.
func DocumentSchema() []byte { return documentSchema }
