package commands

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"nova-manage/db"
)

// On a terminal of 80 columns each kind is a table with bars, also where IPv6 has the longest names.
func TestUsage_terminal(t *testing.T) {
	f := newFake(t)
	f.environment["NOVA_STATE_PATH"] = t.TempDir()
	for _, line := range [][]string{
		{"network", "create", "10.0.1.0/24", "1", "8", "100", "1000", "fd00:1234:5678:ffff::/64", "--label", "web"},
		{"instance", "create", "a", "--project_id", "apollo", "--create_project"},
		{"project", "quota", "apollo", "instances", "1"},
		{"project", "quota", "apollo", "security_group_rules", "1000"},
	} {
		if code := f.do(append(line, "-q")...); code != exitOK {
			t.Fatal(line, f.stderr.String())
		}
	}
	f.environment["NO_COLOR"] = "1"
	f.sys.TerminalWidth = func() int { return 80 }
	if code := f.do("usage"); code != exitOK {
		t.Fatal(f.stderr.String())
	}
	shown := f.stdout.String()
	for line := range strings.Lines(shown) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
	for _, want := range []string{
		"networks                  used  reserved  released  free   total  percent\n10.0.1.0/29               1     0         0         3      4       25 ##......\n" +
			"fd00:1234:5678:ffff::/64  1     0         0         ~2^64  ~2^64    0 #.......\n\nranges ",
		"\n\nvlans   used  reserved  released  free  total  percent\n1-4094  1     0         0         4093  4094     0 #.......\n",
		"apollo instances             1     0         0         0     1      100 ########\n",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%s\nhas not\n%s", shown, want)
		}
	}
	if code := f.do("usage", "floating"); code != exitOK || !strings.HasPrefix(f.stdout.String(), "kind  name  used") {
		t.Errorf("of nothing: %d %s", code, f.stdout.String())
	}
}

// Rows that are not printed any more are watched still, and so is what goes wrong with them: nothing is said to be below that was not
// looked at.
func TestFullest_beyondLimit(t *testing.T) {
	full := db.Fill{Used: big.NewInt(9), Reserved: new(big.Int), Released: new(big.Int), Free: big.NewInt(1), Total: big.NewInt(10)}
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		rows []error // what comes with each
		want error
	}{
		"one above":           {[]error{nil, nil}, db.ErrCheck},
		"one cannot be read":  {[]error{nil, broken}, broken},
		"the first cannot be": {[]error{broken}, nil}, // whoever prints it tells
	} {
		f := &fullest{percent: 80, watches: true}
		for _, err := range f.pass(func(yield func(db.Usage, error) bool) {
			for _, err := range c.rows {
				if !yield(db.Usage{Kind: "networks", Fill: full}, err) {
					return
				}
			}
		}) {
			if err != c.rows[0] {
				t.Errorf("%s: %v is passed on", name, err)
			}
			break
		}
		if err := f.err(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestBar(t *testing.T) {
	for _, c := range []struct {
		used, reserved, released, free int64
		want                           string
	}{
		{0, 0, 0, 100, "........"}, {1, 0, 0, 99999, "#......."}, {99, 0, 0, 1, "#######."}, {50, 50, 0, 0, "########"}, {0, 0, 100, 0, "++++++++"},
		{25, 25, 25, 25, "####++.."}, {0, 0, 0, 0, "########"},
	} {
		n := big.NewInt
		f := db.Fill{Used: n(c.used), Reserved: n(c.reserved), Released: n(c.released), Free: n(c.free), Total: n(c.used + c.reserved + c.released + c.free)}
		if got := bar(f, 8); got != c.want {
			t.Errorf("%v: %s, want %s", c, got, c.want)
		}
	}
}

func TestReadable(t *testing.T) {
	power := func(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }
	for want, n := range map[any]*big.Int{
		"2^64": power(64), "~2^64": new(big.Int).Sub(power(64), big.NewInt(3)), "~2^65": new(big.Int).Add(power(64), power(63)), "2^128": power(128),
		"~2^66": new(big.Int).Add(power(66), big.NewInt(1)),
	} {
		if got := readable(n); got != want {
			t.Errorf("%s is %v, want %v", n, got, want)
		}
	}
	if n := power(39); readable(n) != n {
		t.Error("a number that can be read is not left alone")
	}
}
