package configtest

import "regexp"

// allowedName is an interface name as generators may write it, put down from what the kernel takes and what no daemon
// reads as anything but a name. It is written without a look at package configfile, so that one can be wrong and the other
// not: do not derive it from there.
var allowedName = regexp.MustCompile(`\A[A-Za-z0-9_.+@~][A-Za-z0-9_.+@~-]{0,14}\z`)

// AllowedName is the oracle for interface names: it tells whether a name may stand in a configuration file.
func AllowedName(name string) bool {
	switch name {
	case ".", "..", "all", "default":
		return false
	}
	return allowedName.MatchString(name)
}

// NameSeeds are names at the edges of the rule, good and bad, for fuzz targets: run as ordinary tests they go through
// each of them.
func NameSeeds() []string {
	seeds := []string{
		"br100", "eth0.100", "a", "Z", "0", "7up", "br_1", "br-1", "br+1", "br@1", "br~1", "a-", "_", "~", "+", "@", "lower", "ALL", "Default",
		"br1.", ".br", "...", "..a", "a..", "all0", "default.1", // dots, and what begins like a name that is taken
		"abcdefghijklmno", "abcdefghijklmnop", "123456789012345", "1234567890123456", // 15 and 16 bytes
		"ééééééé", "éééééééé", "aaaaaaaaaaaaaé", "aaaaaaaaaaaaaaé", // 14, 16, 15 and 16 bytes
		"", ".", "..", "all", "default", "-", "-5", "-br", "--", "/", "a/b", "/a", "../all", "br1/accept_ra",
		"é", "br١", "bｒ", "br\u00a01", "br\u2028", "\xff", "br\xc3", // letters, digits and blanks of others, and broken UTF-8
	}
	// Every byte there is, in the middle, first, last, and alone.
	for b := range 0x100 {
		c := string([]byte{byte(b)})
		seeds = append(seeds, "a"+c+"b", c+"1", "1"+c, c)
	}
	return seeds
}
