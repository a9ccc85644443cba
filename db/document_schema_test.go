package db

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"nova-manage/internal/race"
)

// validator is what another program knows of a document: the schema that ships, read by a library of its own.
func validator(t testing.TB) func(text string) error {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(DocumentSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("ledger.schema.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("ledger.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		return compiled.Validate(v)
	}
}

// Real documents are as the schema says.
func TestDocumentSchema(t *testing.T) {
	race.SkipAlone(t)
	valid := validator(t)
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, url(t), Create)
			for _, history := range []bool{false, true} {
				if err := valid(exportWith(t, s, history)); err != nil {
					t.Errorf("an empty ledger: %v", err)
				}
			}
			fill(t, s)
			if _, err := s.PruneHistory(t.Context(), testTime.AddDate(0, 0, 1)); err != nil {
				t.Fatal(err)
			}
			wear(t, s)
			undoLast(t, s)
			for _, history := range []bool{false, true} {
				if err := valid(exportWith(t, s, history)); err != nil {
					t.Errorf("a full one, history %v: %v", history, err)
				}
			}
		})
	}
}

// The schema speaks of each column as the code does: a field that is added in one place is missed here.
func TestDocumentSchema_fields(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Items struct {
				Properties map[string]any
				Required   []string
			}
		}
	}
	if err := json.Unmarshal(DocumentSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	text := exportWith(t, openTest(t, engines["sqlite"](t), Create), true)
	at := 0
	for _, name := range append([]string{historyPart}, partNames()...) {
		next := strings.Index(text, `"`+name+`"`)
		if next <= at {
			t.Errorf("%s is not in its place", name)
		}
		at = next
		if schema.Properties[name].Items.Properties == nil && name != historyPart {
			t.Errorf("the schema has no %s", name)
		}
	}
	for name, fields := range partFields() {
		items := schema.Properties[name].Items
		if strings.Join(items.Required, " ") != strings.Join(fields, " ") || len(items.Properties) != len(fields) {
			t.Errorf("%s has %v, and the schema %v", name, fields, items.Required)
		}
	}
}

func partNames() (names []string) {
	for _, p := range parts {
		names = append(names, p.name())
	}
	return names
}

func partFields() map[string][]string {
	fields := map[string][]string{}
	for _, p := range parts {
		fields[p.name()] = p.(interface{ fieldNames() []string }).fieldNames()
	}
	return fields
}

// What is told of the document where its readers look is what the program prints.
func TestDocumentSchema_docs(t *testing.T) {
	text, err := os.ReadFile("../docs/ledger.schema.json")
	if err != nil || !bytes.Equal(text, DocumentSchema()) {
		t.Errorf("docs/ledger.schema.json is another one (%v)", err)
	}
}
