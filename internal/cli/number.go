package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseBool reads what gflags and Nova's INI files call true and false.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "1", "t", "true", "y", "yes", "on":
		return true, nil
	case "0", "f", "false", "n", "no", "off":
		return false, nil
	}
	return false, fmt.Errorf("is neither true nor false")
}

// ParseNumber reads a strictly decimal number: digits alone, with a minus sign where lowest is below zero. What
// strconv lets through besides (a plus sign, underscores) was a slip of the finger more often than meant.
func ParseNumber(s string, lowest, highest int64) (int64, error) {
	digits := s
	if lowest < 0 {
		digits = strings.TrimPrefix(s, "-")
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("is not a whole decimal number")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err == nil && lowest <= n && n <= highest:
		return n, nil
	case highest == math.MaxInt64:
		return 0, fmt.Errorf("is out of range (at least %d)", lowest)
	}
	return 0, fmt.Errorf("is out of range (%d to %d)", lowest, highest)
}
