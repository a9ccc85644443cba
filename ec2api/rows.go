package ec2api

import (
	"net/netip"
	"time"
)

// Instance is one as answers show it. What is not known is the zero value.
type Instance struct {
	ID           int64
	Name         string
	ProjectID    string
	MAC          string
	FixedIP      netip.Addr
	FixedIPv6    netip.Addr
	FloatingIP   netip.Addr
	FloatingIPv6 netip.Addr
	Groups       []GroupRef // with the name, and the id where it is known
	CreatedAt    time.Time
}

// SecurityGroup is one as answers show it.
type SecurityGroup struct {
	ID          int64
	ProjectID   string
	Name        string
	Description string
	Rules       []Rule
}

// Rule is one of a group, in the ledger's words. A source group is one of the same project.
type Rule struct {
	Protocol string
	From, To int
	CIDR     netip.Prefix
	Source   GroupRef // where CIDR is not valid; the id where it is known
}

// Address is a floating address that an instance has.
type Address struct {
	Public     netip.Addr
	Fixed      netip.Addr
	InstanceID int64
}

func (i Instance) dnsName() netip.Addr {
	if i.FloatingIP.IsValid() {
		return i.FloatingIP
	}
	return i.FixedIP
}

// addressesV6 begins with what dnsNameV6 is.
func (i Instance) addressesV6() (all []netip.Addr) {
	for _, a := range []netip.Addr{i.FloatingIPv6, i.FixedIPv6} {
		if a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

// NoInstance says that the key's project has no such instance, whether another one has it or none.
func NoInstance(id int64) *Error {
	return Errorf(InstanceNotFound, "the instance ID %s does not exist", InstanceID(id))
}

// NoGroup says the same of a security group.
func NoGroup(ref GroupRef) *Error {
	if ref.Name == "" {
		return Errorf(GroupNotFound, "the security group %s does not exist", GroupID(ref.ID))
	}
	return Errorf(GroupNotFound, "the security group %s does not exist", quoted(ref.Name))
}

// Missing is the error for the first instance that is named and not there, nil where all are. What a filter leaves out is there.
func (in *DescribeInstances) Missing(there func(id int64) bool) error {
	for _, id := range in.IDs {
		if !there(id) {
			return NoInstance(id)
		}
	}
	return nil
}

// Missing is the error for the first group that is named and not there, nil where all are.
func (in *DescribeSecurityGroups) Missing(there func(GroupRef) bool) error {
	for _, name := range in.Names {
		if !there(GroupRef{Name: name}) {
			return NoGroup(GroupRef{Name: name})
		}
	}
	for _, id := range in.IDs {
		if !there(GroupRef{ID: id}) {
			return NoGroup(GroupRef{ID: id})
		}
	}
	return nil
}
