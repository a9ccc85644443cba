package main

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nova-manage/internal/pgtest"
)

// marker is the password of every command below. Nothing of it may be read anywhere.
const marker = "s3MARKERcret"

// urls name a ledger that does not exist, each with the marker in it, or are what somebody takes for such a name.
var urls = map[string]string{
	"URL":                 "postgresql://nova:" + marker + "@127.0.0.1:1/nova",
	"URL of a driver":     "postgresql+psycopg2://nova:" + marker + "@127.0.0.1:1/nova",
	"mistyped scheme":     "postgresqle://nova:" + marker + "@h/nova",
	"scheme in capitals":  "POSTGRESQL://nova:" + marker + "@h/nova",
	"no slashes":          "postgres:nova:" + marker + "@h",
	"one slash":           "postgresql:/nova:" + marker + "@h/nova",
	"no slashes, capital": "Postgres:nova:" + marker + "@h",
	"no scheme":           "nova:" + marker + "@h/nova",
	"no at":               "postgresql://nova:" + marker,
	"no at, a path":       "postgresql://nova:" + marker + "/nova",
	"colon encoded":       "postgresql://nova%3A" + marker + "@127.0.0.1:1/nova",
	"at encoded":          "postgresql://nova:" + marker + "%40h/nova",
	"port":                "postgresql://nova:" + marker + "@h:notaport/nova",
	"slash":               "postgresql://nova:12/" + marker + "@h/nova",
	"another at":          "postgresql://nova:x@" + marker + "@h/nova",
	"question mark":       "postgresql://nova:x?" + marker + "@h/nova",
	"blank":               "postgresql://nova:x " + marker + " y@h/nova",
	"bad escape":          "postgresql://nova:" + marker + "%zz@h/nova",
	"query":               "postgresql://nova@127.0.0.1:1/nova?password=" + marker,
	"query encoded":       "postgresql://nova@127.0.0.1:1/nova?%70assword=" + marker + "&sslmode=bogus",
	"query, bad escape":   "postgresql://nova@127.0.0.1:1/nova?pass%zzword=" + marker,
	"query, mistyped":     "postgresql://nova@127.0.0.1:1/nova?sslmode=bogus&pasword=" + marker,
	"sslpassword":         "postgresql://nova@127.0.0.1:1/nova?sslpassword=" + marker + "&sslmode=bogus",
	"MySQL":               "mysql://nova:" + marker + "@h/nova",
	"MySQL of a driver":   "mysql+pymysql://nova:" + marker + "@h/nova",
	"SQLite":              "sqlite://nova:" + marker + "@h/nova",
	"SQLite's path":       "sqlite:///postgresql://nova:" + marker + "@h/nova",
	"DSN":                 "host=127.0.0.1 port=1 password=" + marker + " user=nova",
	"DSN with quotes":     "host=127.0.0.1 password='a " + marker + "' user=nova",
	"DSN with an escape":  `host=127.0.0.1 password=a\ ` + marker + " user=nova",
	"DSN with blanks":     "host = 127.0.0.1 password = " + marker,
	"DSN, unquoted":       "host=127.0.0.1 password=a " + marker,
	"DSN, mistyped":       "host=127.0.0.1 pasword=" + marker,
	"variable":            "PGPASSWORD=" + marker,
}

// Each kind of URL is given in these places, and these kinds in every place.
var (
	secretPlaces = map[string]bool{"sql_connection": true, "environment": true, "flagfile, mixed": true, "surplus argument": true,
		"unknown flag": true, "to, from a ledger": true, "output": true, "absolute path, no folder": true}
	secretKinds = map[string]bool{"URL": true, "no slashes": true, "query": true, "DSN with quotes": true}
)

// secretCommand is a command that is refused, in a folder of its own.
type secretCommand struct {
	args  []string
	env   []string
	files map[string]string
}

// No password of a URL or DSN is in any message, wherever it was given and whatever is wrong, and none becomes the name of a
// file.
func TestSecrets_ownInput(t *testing.T) {
	for kind, url := range urls {
		long, control := url+strings.Repeat("x", 5000), url+"\n"
		for name, c := range map[string]secretCommand{
			"sql_connection":           {args: []string{"network", "list", "--sql_connection", url}},
			"sql_connection, write":    {args: []string{"db", "sync", "--sql_connection=" + url}},
			"sql_connection, dry run":  {args: []string{"network", "create", "10.0.1.0/24", "1", "32", "--dry_run", "--sql_connection", url, "surplus"}},
			"environment":              {args: []string{"db", "sync"}, env: []string{"NOVA_SQL_CONNECTION=" + url}},
			"flagfile":                 {args: []string{"db", "sync", "--flagfile", "f"}, files: map[string]string{"f": "--sql_connection=" + url}},
			"flagfile, INI":            {args: []string{"db", "sync", "--flagfile", "f"}, files: map[string]string{"f": "sql_connection = " + url}},
			"flagfile, mixed":          {args: []string{"db", "sync", "--flagfile", "f"}, files: map[string]string{"f": "--use_ipv6\nsql_connection = " + url}},
			"flagfile, mixed, INI":     {args: []string{"db", "sync", "--flagfile", "f"}, files: map[string]string{"f": "use_ipv6 = no\n--sql_connection=" + url}},
			"flagfile, a URL alone":    {args: []string{"db", "sync", "--flagfile", "f"}, files: map[string]string{"f": "--use_ipv6\n" + url}},
			"flagfile, section":        {args: []string{"db", "sync", "--flagfile", "f"}, files: map[string]string{"f": "[" + url}},
			"flagfile, control":        {args: []string{"db", "sync", "--flagfile", "f"}, files: map[string]string{"f": "sql_connection=" + url + "\x01"}},
			"flagfile, unknown":        {args: []string{"network", "list", "--state_path", "s", "--flagfile", "f"}, files: map[string]string{"f": "--rabbit=" + url}},
			"flagfile, itself":         {args: []string{"db", "sync", "--flagfile", "f"}, files: map[string]string{"f": "sql_connection = " + url + "$sql_connection"}},
			"flagfile, referred":       {args: []string{"network", "create", "--flagfile", "f"}, files: map[string]string{"f": "other = " + url + "\nnum_networks = $other"}},
			"flagfile's name":          {args: []string{"network", "list", "--flagfile", url}},
			"flagfile's name, nested":  {args: []string{"network", "list", "--flagfile", "f"}, files: map[string]string{"f": "--flagfile=" + url}},
			"control character":        {args: []string{"network", "list", "--sql_connection", control}},
			"control in environment":   {args: []string{"network", "list"}, env: []string{"NOVA_SQL_CONNECTION=" + control}},
			"too long":                 {args: []string{"network", "list", "--sql_connection", long}},
			"too long, environment":    {args: []string{"network", "list"}, env: []string{"NOVA_SQL_CONNECTION=" + long}},
			"two values":               {args: []string{"network", "list", "--project_id", url, "--project", "apollo"}},
			"surplus argument":         {args: []string{"network", "list", url}},
			"argument":                 {args: []string{"network", "create", url}},
			"reference":                {args: []string{"network", "show", url, "--state_path", "s"}},
			"category":                 {args: []string{url}},
			"action":                   {args: []string{"network", url}},
			"help":                     {args: []string{"help", url}},
			"unknown flag":             {args: []string{"network", "list", "--sql_conection=" + url}},
			"unknown flag, two words":  {args: []string{"network", "list", "--sql_conection", url}},
			"URL for a flag":           {args: []string{"network", "list", "--" + url}},
			"URL for letters":          {args: []string{"network", "list", "-" + url}},
			"value like a flag":        {args: []string{"network", "list", "--sql_connection", "--" + url}},
			"letters":                  {args: []string{"network", "list", "-f" + url}},
			"format":                   {args: []string{"network", "list", "-f", url}},
			"column":                   {args: []string{"network", "list", "-c", url}},
			"number":                   {args: []string{"network", "create", "10.0.1.0/24", url}},
			"boolean":                  {args: []string{"network", "create", "--use_ipv6=" + url}},
			"boolean, negated":         {args: []string{"network", "create", "--nouse_ipv6=" + url}},
			"label":                    {args: []string{"network", "create", "--label", url + " "}},
			"bridge":                   {args: []string{"network", "create", "--bridge", url}},
			"wait":                     {args: []string{"network", "list", "--lock_timeout", url}},
			"to":                       {args: []string{"db", "copy", "--state_path", "s", "--to", url}},
			"to, from a ledger":        {args: []string{"db", "copy", "--sql_connection", "s/nova.sqlite", "--to", url}},
			"state_path":               {args: []string{"db", "sync", "--state_path", url}},
			"state_path, environment":  {args: []string{"db", "sync"}, env: []string{"NOVA_STATE_PATH=" + url}},
			"XDG_STATE_HOME":           {args: []string{"network", "list"}, env: []string{"XDG_STATE_HOME=" + url, "NOVA_STATE_PATH=nowhere"}},
			"output":                   {args: []string{"emit", "radvd", "--state_path", "s", "-o", url}},
			"output, sysctl":           {args: []string{"emit", "sysctl", "--state_path", "s", "--output", url}},
			"per_bridge":               {args: []string{"emit", "radvd", "--state_path", "s", "--per_bridge", url}},
			"uplink":                   {args: []string{"emit", "sysctl", "--uplink", url}},
			"absolute path, no folder": {args: []string{"network", "list", "--sql_connection", "/nowhere/" + url}},
		} {
			if !secretKinds[kind] && !secretPlaces[name] {
				continue
			}
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				c.run(t)
			})
		}
	}
}

// run wants the command refused, and the marker nowhere.
func (c secretCommand) run(t *testing.T) {
	dir := t.TempDir()
	for name, content := range c.files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(strings.Join(c.args, " "), "s/nova.sqlite") {
		(secretCommand{args: []string{"db", "sync", "--state_path", "s"}}).start(t, dir)
	}
	code, said := c.start(t, dir)
	if flag := strings.Join(c.args, " "); code == 0 && !strings.Contains(flag, " --host=") && !strings.Contains(flag, " -host=") &&
		!strings.Contains(flag, " --host =") && !strings.Contains(flag, " -host =") { // those are flags
		t.Errorf("exit 0\n%s", said)
	}
	// Pieces of it count: what is cut in its middle is no better.
	for _, piece := range []string{marker, marker[:6], marker[6:]} {
		if strings.Contains(said, piece) {
			t.Errorf("the password is in\n%s", said)
			break
		}
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, marker) {
			t.Errorf("there is %s now", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func (c secretCommand) start(t *testing.T, dir string) (code int, said string) {
	t.Helper()
	cmd := exec.Command("nova-manage", c.args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "NOVA_STATE_PATH=" + filepath.Join(dir, "state"), raceOptions}, c.env...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// What is shown in the place of a URL still says which host, user and database are meant; and what is no path is said to be
// none, with the way out.
func TestSecrets_useful(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"network", "list", "postgresql://nova:" + marker + "@db:5433/nova"}, 2,
			`surplus argument "postgresql://nova:xxxxx@db:5433/nova"`},
		{[]string{"network", "list", "host=db password=" + marker + " user=nova"}, 2,
			`surplus argument "host=db password=xxxxx user=nova"`},
		{[]string{"db", "sync", "--sql_connection", "host=db password='" + marker + "'"}, 2,
			`sql_connection: "host=db password=xxxxx" looks like a database's URL or DSN, not like a path; .*\n.*hint: a file of such a name is written ./NAME`},
		{[]string{"db", "sync", "--state_path", "postgresql://nova:" + marker + "@db/nova"}, 2,
			`--state_path "postgresql://nova:xxxxx@db/nova" looks like the URL or DSN of a database, not like a path\n.*hint: .* ./NAME`},
		{[]string{"emit", "radvd", "-o", "mysql://nova:" + marker + "@db/nova"}, 2, `--output "mysql://nova:xxxxx@db/nova" looks like`},
		{[]string{"emit", "radvd", "--per_bridge", "password=" + marker}, 2, `--per_bridge "password=xxxxx" looks like`},
		{[]string{"network", "list", "--sql_connection", "postgresql://nova:" + marker + "@127.0.0.1:1/led"}, 1,
			`ledger postgresql://nova@127.0.0.1:1/led: it cannot be reached`},
	} {
		code, said := secretCommand{args: c.args}.start(t, t.TempDir())
		if code != c.code || !regexp.MustCompile(c.want).MatchString(said) || strings.Contains(said, marker) {
			t.Errorf("%q: exit %d\n%s", c.args, code, said)
		}
	}
	// The way out is one.
	dir := t.TempDir()
	if code, said := (secretCommand{args: []string{"db", "sync", "--sql_connection", "./host=db"}}).start(t, dir); code != 0 {
		t.Errorf("exit %d\n%s", code, said)
	}
	if _, err := os.Stat(filepath.Join(dir, "host=db")); err != nil {
		t.Error(err)
	}
}

// Who holds the ledger is named by its command line, without what is secret in it.
func TestSecrets_lockHolder(t *testing.T) {
	l := newLedger(t, "sqlite")
	l.must(t, "db", "sync")
	for _, words := range [][]string{
		{"postgresql://nova:" + marker + "@h/d"},
		{"--dsn=host=h password='" + marker + "'"},
		{"--password", marker},
		{"PGPASSWORD=" + marker, "x"},
		{"-x", "mysql:u:" + marker + "@h"},
	} {
		holder := exec.Command(os.Args[0], append([]string{"-test.run=^TestSecrets_hold$", "--"}, words...)...)
		holder.Env = append(os.Environ(), holdVariable+"="+l.path)
		in, err := holder.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		held, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		holder.ExtraFiles = []*os.File{w}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if _, err := held.Read(make([]byte, 1)); err != nil {
			t.Errorf("%q does not hold it: %v", words, err)
		}
		a := l.run(t, "project", "create", "p", "--lock_timeout", "50ms")
		if want := fmt.Sprintf("process %d (", holder.Process.Pid); a.code != 1 || !strings.Contains(a.stderr, want) || strings.Contains(a.stderr, marker) {
			t.Errorf("%q: exit %d, want process %d without its password\n%s", words, a.code, holder.Process.Pid, a.stderr)
		}
		in.Close()
		_ = holder.Wait()
		held.Close()
	}
}

// holdVariable names the ledger that a child process of TestSecrets_lockHolder holds until its input ends.
const holdVariable = "NOVA_MANAGE_TEST_HOLD"

func TestSecrets_hold(t *testing.T) {
	path := os.Getenv(holdVariable)
	if path == "" {
		t.Skip("for a child process")
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.NewFile(3, "held").Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// On PostgreSQL the holder is known by the name that it gave itself.
func TestSecrets_lockHolderPostgres(t *testing.T) {
	l := newLedger(t, "postgresql")
	l.must(t, "db", "sync")
	for _, name := range []string{"x postgresql://nova:" + marker + "@h/d", "x password=''a " + marker + "''", "x postgresql://a-long-user-name.example.org:" + marker + "-and-more@h"} {
		db, err := sql.Open("pgx", l.url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("SET application_name = '" + name + "'; BEGIN; LOCK TABLE schema_version IN EXCLUSIVE MODE"); err != nil {
			t.Fatal(err)
		}
		a := l.run(t, "project", "create", "p", "--lock_timeout", "50ms")
		if a.code != 1 || !strings.Contains(a.stderr, "server process") || strings.Contains(a.stderr, "MARKER") {
			t.Errorf("%q: exit %d\n%s", name, a.code, a.stderr)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A password file that others may read is named in a warning, and the login fails without it.
func TestSecrets_passfile(t *testing.T) {
	url := pgtest.WithPassword(t, pgtest.URL(t), "keeper", marker)
	url = strings.Replace(url, ":"+marker+"@", "@", 1)
	dir := t.TempDir()
	path := filepath.Join(dir, "passwords")
	if err := os.WriteFile(path, []byte("*:*:*:keeper:"+marker+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := secretCommand{args: []string{"db", "sync", "--sql_connection", url}, env: []string{"PGPASSFILE=" + path}}
	if code, said := c.start(t, dir); code != 0 || said != "" {
		t.Errorf("exit %d\n%s", code, said)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`\Anova-manage: warning: password file ` + regexp.QuoteMeta(path) + ` is not used, since others may read or write it \(mode 0640\); it should be 0600\n` +
		`nova-manage: error: ledger postgresql://keeper@/.*: the server refused the login: .*\nnova-manage: hint: .*\n\z`)
	if code, said := c.start(t, dir); code != 1 || !want.MatchString(said) || strings.Contains(said, marker) {
		t.Errorf("exit %d\n%s", code, said)
	}
}
