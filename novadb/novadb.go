// Package novadb reads the database of OpenStack Nova, of any release from 2011.1 to Newton, as a SQLite file or as a dump
// that mysqldump wrote, and judges row by row what of it cannot be right. What becomes of it is left to others: the package
// knows no ledger, and writes nothing, not even beside the file.
package novadb

import (
	"context"
	"errors"
	"net/netip"

	"nova-manage/netcalc"
)

// ErrInvalid says that a source is no Nova database, or not one that can be read.
var ErrInvalid = errors.New("no Nova database")

// SourceError says what a source is instead of a Nova database, and what may be done about it. It is an ErrInvalid.
type SourceError struct {
	Reason string
	Way    Way
}

func (e *SourceError) Error() string { return e.Reason }

// Is makes errors.Is find the class.
func (e *SourceError) Is(target error) bool { return target == ErrInvalid }

// Way is what there is to do about a source that is refused, for the front to word.
type Way int

// The ways out; the zero Way is none.
const (
	WayNone    Way = iota
	WayUnpack      // decompress it first
	WayOne         // dump one database only
	WayWhole       // dump it again, to its end
	WayDump        // give a SQLite file, or what mysqldump writes
	WayFile        // give the SQLite database itself and not a dump of it
	WayColumns     // dump with the tables' structure, or with column lists
	WayStore       // store it in a file first
	WayClose       // the file has a journal: it is to be closed properly, or copied by its own program
)

// Kind is what a Finding says of its row.
type Kind string

// The kinds of findings.
const (
	Invalid Kind = "invalid" // it cannot be right, or hangs on what cannot be; the row is left out
	Changed Kind = "changed" // it is taken over in another form
)

// Finding is something to be said about a row.
type Finding struct {
	Kind   Kind
	Table  string
	ID     string // the row's
	Rows   int64  // how many rows it is about, of which ID is the first
	Reason string
}

// Left is what was left out on purpose.
type Left struct {
	Table  string
	Rows   int64
	Reason string
}

// Site is what a Nova database holds that can be right, without soft-deleted rows. Everything in it refers to other things in
// it. IDs are Nova's.
type Site struct {
	Networks []Network
	Ports    []Port
	Ranges   []Range
	Groups   []Group
	Quotas   []Quota
	Projects []Project
	Findings []Finding
	Left     []Left
	Taken    map[string]int64 // how many rows of each table are in it: with Left and what is Invalid, all there are
	// Endless says that the source is a dump in which nothing tells the end: if it was cut off between two statements, what
	// came behind is missing, and nobody can know.
	Endless bool
}

// Project is a tenant: one that Nova has a row of, or one that something belongs to.
type Project struct {
	ID          string
	Description string
}

// Manager is Nova's network manager, as far as a network shows which one made it.
type Manager string

// The managers.
const (
	VlanManager     Manager = "VlanManager"
	FlatManager     Manager = "FlatManager"
	FlatDHCPManager Manager = "FlatDHCPManager"
)

// Network is a network. A value that it does not have is the zero value. What follows from its prefix, its manager and its
// gateway is not repeated: it has been compared.
type Network struct {
	ID               int64
	Label            string
	Manager          Manager
	CIDR             netip.Prefix
	Gateway          netip.Addr
	Bridge           string
	BridgeInterface  string
	VLAN             int
	VPNPublicAddress netip.Addr
	VPNPublicPort    int
	VPNClients       int
	CIDRv6           netip.Prefix
	GatewayV6        netip.Addr
	DNS1, DNS2       netip.Addr
	MTU              int
	ProjectID        string
	Host             string
	// Reserved is what is kept from guests beyond what the manager's own rules keep, in address order, of IPv4.
	Reserved []netcalc.Span
}

// Port is an instance's place on a network. An instance on several has a port for each, of which the first has its ID.
type Port struct {
	ID        int64 // 0 where it is not the first of its instance
	Instance  int64
	Name      string
	ProjectID string
	NetworkID int64
	MAC       netcalc.MAC
	FixedIP   netip.Addr
	FixedIPv6 netip.Addr // the EUI-64 address of MAC: Nova kept no other
	Floating  netip.Addr
	Host      string
	Groups    []int64
}

// Range is a block of floating addresses that Nova had a row of each.
type Range struct {
	First     int64 // the lowest id of its rows
	CIDR      netip.Prefix
	Pool      string
	Host      string // "" where no row says
	Interface string
	Rows      int64
}

// Group is a security group.
type Group struct {
	ID                           int64
	ProjectID, Name, Description string
	Rules                        []Rule
}

// Rule lets in what comes from a prefix or from the members of a group.
type Rule struct {
	ID       int64
	Protocol string
	From, To int
	CIDR     netip.Prefix
	Source   int64 // a group's id, 0 for none
}

// Quota limits a resource of a project.
type Quota struct {
	ID                  int64
	ProjectID, Resource string
	Limit               int64
}

// Names are the rules of whoever takes a site over for what enters it from outside. Each returns what is wrong with a name,
// reading on after it.
type Names struct {
	Project, Instance, Host, Group, Pool, Label, Description, Interface func(string) error
}

// Read reads and judges the Nova database in a file. progress, if it is set, is told how far it has come.
//
// Errors: ErrInvalid, as a SourceError, for a file that is no Nova database; others are those of reading it.
func Read(ctx context.Context, path string, names Names, progress func(doing string, done, total int64)) (*Site, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	found, err := readSource(ctx, path, progress)
	if err != nil {
		return nil, err
	}
	return judge(found, names), nil
}
