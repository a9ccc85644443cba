// Package redact takes passwords out of what is about to be shown: URLs, the key=value strings that libpq calls DSNs, command
// lines. It knows how they are written and not who shows them. Where it is in doubt it takes out too much.
package redact

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mask is what stands in the place of a password.
const Mask = "xxxxx"

// Value is a value that somebody gave, from its first byte to its last, without the passwords in it. What is known to be no
// password stays: of a URL the host, the database and the user, of a DSN what libpq's keywords name.
func Value(s string) string { return redact(s, true) }

// Text is a sentence that may hold such values. Where one of them ends is not certain there, so that Value is for what is
// quoted, and Text for what has been put together.
func Text(s string) string { return redact(s, false) }

// span is a part of a text that is not shown.
type span struct{ from, to int }

// redact looks for secrets of each kind in what was given, and not in what is left by another kind: a key that was taken for
// a password would hide where the next one begins.
func redact(s string, whole bool) string {
	hidden := append(assignments(s, whole), credentials(s, whole)...)
	slices.SortFunc(hidden, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	done := 0
	for _, h := range hidden {
		if h.from >= done {
			b.WriteString(s[done:h.from])
			b.WriteString(Mask)
		}
		done = max(done, h.to)
	}
	b.WriteString(s[done:])
	return b.String()
}

// CommandLine is a command line that can be pasted into a shell, without the passwords in its words.
func CommandLine(words []string) string {
	shown := make([]string, len(words))
	for i, w := range words {
		switch {
		case i > 0 && strings.HasPrefix(words[i-1], "-") && asksForSecret(words[i-1]):
			shown[i] = Mask // --password WORD
		default:
			shown[i] = shellWord(Value(w))
		}
	}
	return strings.Join(shown, " ")
}

// asksForSecret tells whether the word after a flag may be a password: by the flag's name, and not by the value that it has already,
// unless that ends where a password is to follow.
func asksForSecret(flag string) bool {
	name, value, _ := strings.Cut(flag, "=")
	return isSecret(name) || strings.HasSuffix(value, "=") && isSecret(keyBefore(value, len(value)-1))
}

// LooksLikeDSN tells whether s was more likely meant as the URL or DSN of a database than as a path. What begins with a slash,
// ./ or ../ is a path.
func LooksLikeDSN(s string) bool {
	switch {
	case strings.HasPrefix(s, "/"), strings.HasPrefix(s, "./"), strings.HasPrefix(s, "../"):
		return false
	case scheme.MatchString(s), Value(s) != s:
		return true
	}
	return hasKeyword(s)
}

// scheme is how a URL begins (RFC 3986 §3.1), also one of a database whose slashes were forgotten.
var scheme = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*://|(?i:postgres|postgresql|mysql|mariadb|sqlite3?|mssql|oracle|jdbc|https?|file)(?:\+[A-Za-z0-9_]+)?:)`)

// keywords are libpq's, which a URL may have as well (postgresql.org/docs/current/libpq-connect.html), without those whose
// values are secrets.
var keywords = func() map[string]bool {
	set := map[string]bool{}
	for _, k := range strings.Fields(`application_name channel_binding client_encoding connect_timeout database dbname
		fallback_application_name gssdelegation gssencmode gsslib host hostaddr keepalives keepalives_count keepalives_idle
		keepalives_interval krbsrvname load_balance_hosts options passfile port replication require_auth requirepeer
		search_path service servicefile ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode sslcompression
		sslcrl sslcrldir sslkey sslmode sslnegotiation sslrootcert sslsni target_session_attrs tcp_user_timeout user`) {
		set[k] = true
	}
	return set
}()

// isSecret tells whether a key has a secret for its value. One that cannot be decoded may be any.
func isSecret(key string) bool {
	key = plainKey(key)
	for _, part := range []string{"password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "%"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return key == "pass" || strings.HasSuffix(key, "_pass")
}

// plainKey is a key as libpq understands it: percent signs decoded, in small letters. Dashes before it are a flag's.
func plainKey(key string) string {
	key = strings.TrimLeft(key, "-")
	var b strings.Builder
	for i := 0; i < len(key); i++ {
		if c, ok := escaped(key, i); ok {
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(key[i])
	}
	return strings.ToLower(b.String())
}

// escaped is the byte that %XX at i stands for (RFC 3986 §2.1).
func escaped(s string, i int) (c byte, ok bool) {
	if s[i] != '%' || i+2 >= len(s) {
		return 0, false
	}
	for _, digit := range []byte(strings.ToLower(s[i+1 : i+3])) {
		d := strings.IndexByte("0123456789abcdef", digit)
		if d < 0 {
			return 0, false
		}
		c = c<<4 | byte(d)
	}
	return c, true
}

// keyBefore is the word that ends at i, where an equals sign stands; libpq lets blanks stand between.
func keyBefore(s string, i int) string {
	s = strings.TrimRight(s[:i], " \t")
	return s[strings.LastIndexFunc(s, func(r rune) bool { return !isKeyRune(r) })+1:]
}

func isKeyRune(r rune) bool {
	return r == '_' || r == '.' || r == '%' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// assignments finds what stands behind key=. In a whole value that is a DSN or URL any key may be a mistyped password's which
// is none of libpq's; there a colon, too, may stand between, as in YAML and INI files.
func assignments(s string, whole bool) (hidden []span) {
	suspicious := whole && (strings.Contains(s, "://") || hasKeyword(s))
	done := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '=' && !(whole && s[i] == ':') {
			continue
		}
		key := keyBefore(s[done:], i-done)
		switch {
		case key == "":
			continue
		case isSecret(key):
		case suspicious && s[i] == '=' && !keywords[plainKey(key)] && !strings.HasPrefix(key, "-"):
		default:
			continue
		}
		start := i + 1
		for start < len(s) && (s[start] == ' ' || s[start] == '\t') {
			start++
		}
		if end := endOfSecret(s, start, whole); end > start {
			hidden = append(hidden, span{start, end})
			done, i = end, end-1
		}
	}
	return hidden
}

func hasKeyword(s string) bool {
	for i := range len(s) {
		if s[i] != '=' {
			continue
		}
		if key := keyBefore(s, i); keywords[plainKey(key)] || key != "" && isSecret(key) {
			return true
		}
	}
	return false
}

// endOfSecret is where the secret ends that begins at i. A whole value is one to its end, or to what certainly is another
// option of a DSN or URL; in a sentence it ends before a blank that is neither quoted nor escaped.
func endOfSecret(s string, i int, whole bool) int {
	for i = endOfQuoted(s, i); i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\' && i+1 < len(s):
			_, next := utf8.DecodeRuneInString(s[i+1:])
			size += next
		case (r == '&' || r == '?' || unicode.IsSpace(r)) && beginsOption(s[i+size:]):
			return i
		case !whole && (unicode.IsSpace(r) || r == '"' && closes(s[i+1:])):
			return i
		}
		i += size
	}
	return min(i, len(s))
}

// endOfQuoted is where what is quoted at i ends; i itself where nothing is.
func endOfQuoted(s string, i int) int {
	quote := ""
	for _, q := range []string{"'", `\"`, `"`} {
		if strings.HasPrefix(s[i:], q) {
			quote = q
			break
		}
	}
	if quote == "" || quote == `"` && closes(s[i+1:]) {
		return i
	}
	for j := i + len(quote); j < len(s); j++ {
		switch {
		case strings.HasPrefix(s[j:], quote):
			return j + len(quote)
		case s[j] == '\\':
			j++
		}
	}
	return len(s)
}

// closes tells whether a quotation mark before s ends what a sentence quotes.
func closes(s string) bool {
	return s == "" || strings.ContainsRune(" \t\r\n.,:;)", rune(s[0]))
}

// beginsOption tells whether s begins with an option that is certainly one, which a DSN has after a blank and a URL after &.
func beginsOption(s string) bool {
	end := strings.IndexFunc(s, func(r rune) bool { return !isKeyRune(r) })
	if end <= 0 || !strings.HasPrefix(strings.TrimLeft(s[end:], " \t"), "=") {
		return false
	}
	return keywords[plainKey(s[:end])] || isSecret(s[:end])
}

// credentials finds what stands between a colon and an @, as in user:password@host.
func credentials(s string, whole bool) (hidden []span) {
	if whole {
		h, _ := userInfo(s)
		return h
	}
	for i := 0; i < len(s); {
		word := s[i:]
		if end := strings.IndexFunc(word, unicode.IsSpace); end >= 0 {
			word = word[:end]
		}
		next := i + len(word)
		h, open := userInfo(word)
		for _, h := range h {
			h.from, h.to = i+h.from, i+h.to
			if at := strings.LastIndexByte(s[next:], '@'); open && at >= 0 {
				next += at // a blank in the password
				h.to = next
			}
			hidden = append(hidden, h)
		}
		i = next + max(1, len(s[next:])-len(strings.TrimLeftFunc(s[next:], unicode.IsSpace)))
	}
	return hidden
}

// userInfo finds the password in one URL, with its scheme or without. Which of several colons and @ are the delimiters
// nobody can tell of a URL that was not encoded as it should be, so that all between the first and the last of them goes. open
// says that no @ has ended the password.
func userInfo(s string) (hidden []span, open bool) {
	begin, hasScheme := 0, false
	if found := authorityOf.FindStringIndex(s); found != nil && !strings.Contains(s[:found[0]], "@") {
		begin, hasScheme = found[1], true
	}
	from := afterColon(s, begin)
	at := strings.LastIndexByte(s, '@')
	switch {
	case from >= 0 && from < at:
		return []span{{from, at}}, false
	case from == at && at >= 0, !hasScheme:
		return nil, false
	}
	// Without an @ it may be that this was forgotten. What is a host and a port is none.
	begin = max(begin, at+1)
	authority := s[begin:]
	if end := strings.IndexAny(authority, "/?#\"'`"); end >= 0 {
		authority = authority[:end]
	}
	if hosts.MatchString(authority) {
		return nil, false
	}
	if from = afterColon(s[:begin+len(authority)], begin); from < 0 {
		return nil, false
	}
	return []span{{from, len(s)}}, s[from:] != Mask
}

// authorityOf is what stands before a URL's user and host. A path that was made of a URL has one slash left.
var authorityOf = regexp.MustCompile(`://|(?i:\b(?:postgres|postgresql|mysql|mariadb|mssql|oracle)(?:\+[a-z0-9_]+)?:/{0,2})`)

// hosts are hosts and ports as they stand in a URL, and the punctuation of a sentence behind them.
var hosts = regexp.MustCompile(`^(?:(?:\[[0-9A-Fa-f:.%a-z]*\]|[^:@\[\]]*)(?::\d{0,5})?(?:,|$))*[).,:;]*$`)

// afterColon is where what follows the first colon from begin on begins; -1 without one. One that is encoded is one, too.
func afterColon(s string, begin int) int {
	for i := begin; i < len(s); i++ {
		if s[i] == ':' {
			return i + 1
		}
		if c, ok := escaped(s, i); ok && c == ':' {
			return i + 3
		}
	}
	return -1
}

// shellWord quotes a word for a shell where it needs that (POSIX.1, Shell Command Language §2.2).
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("_@%+=:,./-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
