// Package radvdgen turns typed values into a radvd.conf, by which a network node tells the guests on its bridges their
// IPv6 prefix, router and DNS servers. It refuses every value that would break the file, that radvd would refuse, or that
// radvd would accept and then not act on. Where the values come from, and how the file reaches the disk, is left to
// others.
//
// What is said here of radvd was read in the source of 2.19, Debian 12's, and tried on it. Later releases are named where
// they differ.
package radvdgen

import "errors"

// ErrNothing says that a [Config] has no interface. radvd's grammar wants one at least: with an empty file, or with one
// of comments alone, it does not start, so there is nothing to write.
var ErrNothing = errors.New("nothing to advertise: no interface is configured")
