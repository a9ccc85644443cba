package db

import "strings"

// eachOnce finds what refs name, in their order, each thing once.
func eachOnce[T any](refs []string, find func(ref string) (T, error), id func(T) int64) (found []T, err error) {
	seen := map[int64]bool{}
	for _, ref := range refs {
		v, err := find(ref)
		if err != nil {
			return nil, err
		}
		if !seen[id(v)] {
			seen[id(v)] = true
			found = append(found, v)
		}
	}
	return found, nil
}

// aFew names the first of several things, for a message that must not grow with them.
func aFew[T any](all []T, name func(T) string) string {
	const few = 3
	var names []string
	for _, v := range all[:min(few, len(all))] {
		names = append(names, name(v))
	}
	if len(all) > few {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}
