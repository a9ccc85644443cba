package sqlstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"nova-manage/internal/pgtest"
)

func TestEngineFor_postgres(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSERVICE", "PGSSLMODE"} {
		t.Setenv(name, "")
	}
	for url, want := range map[string]string{
		"postgresql://nova:s3cret@db.example.org/nova":                    "ledger postgresql://nova@db.example.org/nova",
		"postgres://nova:s3cret@db.example.org:5433/nova?sslmode=require": "ledger postgresql://nova@db.example.org:5433/nova",
		"postgresql+psycopg2://nova:s3cret@db.example.org/nova":           "ledger postgresql://nova@db.example.org/nova",
		"postgresql://nova:s3cret@[2001:db8::1]/nova":                     "ledger postgresql://nova@[2001:db8::1]/nova",
		"postgresql://nova:s3cret@[2001:db8::1]:5433/nova":                "ledger postgresql://nova@[2001:db8::1]:5433/nova",
		"postgresql://nova@/nova?host=/run/postgresql&password=s3cret":    "ledger postgresql://nova@/nova?host=/run/postgresql",
		"postgresql://nova@%2Frun%2Fpostgresql:5433/nova":                 "ledger postgresql://nova@/nova?host=/run/postgresql&port=5433",
		"postgresql://no%40va:s%2F3%40cret@db1,db2:5433/nova":             "ledger postgresql://no%40va@db1/nova",
	} {
		e, err := engineFor(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		} else if e.place() != want {
			t.Errorf("%s is called %s, want %s", url, e.place(), want)
		}
	}
}

// No error shows a password, also not where it is hard to tell what is one.
func TestEngineFor_hidesPassword(t *testing.T) {
	const password = "s3cret"
	for _, url := range []string{
		"postgresql://nova:s3cret@host:notaport/nova",
		"postgresql://nova:s3cret%zz@host/nova",
		"postgresql://nova:s3cret@host/nova%zz",
		"postgresql://nova:s3cret@ho st/no\x00va",
		"postgresql://nova:s3cret@host/nova?sslmode=bogus",
		"postgresql://nova:s3cret@host/nova?sslmode=verify-full&sslrootcert=/nowhere",
		"postgresql://nova:s3cret@host/nova?connect_timeout=soon",
		"postgresql://nova@host/nova?password=s3cret&sslmode=bogus",
		"postgresql://nova@host/nova?pass%77ord=s3cret&sslmode=bogus",
		"postgresql://nova@host/nova?PASSWORD=s3cret&sslmode=bogus",
		"postgresql://nova@host/nova?sslpassword=s3cret&sslkey=/nowhere&sslcert=/nowhere&sslmode=require",
		"postgresql://nova@host/nova?pass%zzword=s3cret",
		"postgresql://nova:x/s3cret@host/nova",
		"postgresql://nova:12/s3cret@host/nova",
		"postgresql://nova:x@s3cret@host/nova",
		"postgresql://nova:x?s3cret/@host/nova",
		"postgresql://nova:x#s3cret/@host/nova",
		"postgresql://nova:s3cret@[::1/nova",
		"postgres:nova:s3cret@host/nova",
		"postgresql:/nova:s3cret@host/nova",
		"mysql://nova:s3cret@host/nova",
		"postgresqle://nova:s3cret@host/nova",
	} {
		_, err := engineFor(url)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v, want that it is invalid", url, err)
			continue
		}
		wantHidden(t, err, password)
	}
}

// Nor do errors of the server.
func TestPostgres_hidesPassword(t *testing.T) {
	const password = "s3cr%t@/"
	base := pgtest.URL(t)
	url := pgtest.WithPassword(t, base, "tenant", password)
	s := openTest(t, url, Create)
	addNetwork(t, s)
	if p := s.engine.place(); strings.Contains(p, "s3cr") {
		t.Errorf("the ledger is called %s", p)
	}
	for name, url := range map[string]string{
		"wrong":       strings.Replace(url, "s3cr", "s3cr-wrong", 1),
		"no database": strings.Replace(url, "/test", "/nowhere", 1),
		"no server":   strings.Replace(url, "host=", "host=/nowhere", 1),
	} {
		_, err := Open(t.Context(), Options{URL: url, Mode: Create})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantSentence(t, err, nil, "ledger postgresql://tenant@/")
		wantHidden(t, err, "s3cr")
	}
}

// wantHidden wants a secret nowhere in an error, its hint and what it wraps.
func wantHidden(t *testing.T, err error, secret string) {
	t.Helper()
	if err == nil {
		return
	}
	if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
		t.Errorf("the password is in %q", err)
	}
	if e, ok := err.(*Error); ok && strings.Contains(fmt.Sprint(e.Values), secret) {
		t.Errorf("the password is in %q, which the hint speaks of", e.Values)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		wantHidden(t, e.Unwrap(), secret)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			wantHidden(t, inner, secret)
		}
	}
}
