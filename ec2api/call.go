package ec2api

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Call is one request, understood.
type Call struct {
	Action  string
	Version string // of the API, YYYY-MM-DD: answers differ by it
	DryRun  bool
	Page    Page
	Filters []Filter
	// Text is what is asked for, in a line, as a history of changes names it.
	Text string
	// Input is what is asked: one of *DescribeInstances, *DescribeSecurityGroups, *DescribeAddresses, *ChangeIngress,
	// *CreateSecurityGroup, *DeleteSecurityGroup, *AssociateAddress, *DisassociateAddress.
	Input any
}

// DescribeInstances asks for instances, as DescribeInstancesV6 does; all of the project's where it names none.
type DescribeInstances struct{ IDs []int64 }

// DescribeSecurityGroups asks for the groups that are named by any of both, or for all.
type DescribeSecurityGroups struct {
	Names []string
	IDs   []int64
}

// DescribeAddresses asks for the floating addresses that the project's instances have.
type DescribeAddresses struct{ Addresses []netip.Addr }

// ChangeIngress asks to add rules to a group, or to take them away: all of them or none.
type ChangeIngress struct {
	Revoke bool
	Group  GroupRef
	Rules  []RuleAsked
}

// CreateSecurityGroup asks for a new group.
type CreateSecurityGroup struct{ Name, Description string }

// DeleteSecurityGroup asks to remove one.
type DeleteSecurityGroup struct{ Group GroupRef }

// AssociateAddress asks that an instance have a floating address.
type AssociateAddress struct {
	InstanceID  int64
	Address     netip.Addr
	Reassociate bool // takes the address from the instance that has it
}

// DisassociateAddress asks that no instance have it.
type DisassociateAddress struct{ Address netip.Addr }

// GroupRef names a security group by either, or by both, which is then none but the one that has both.
type GroupRef struct {
	Name string
	ID   int64
}

// Writes tells whether the call would change something.
func (c Call) Writes() bool { return actions[c.Action].writes }

type action struct {
	writes, pages bool
	filters       map[string]bool
	read          func(p parameters, project string) (any, error)
}

var actions = map[string]action{
	"DescribeInstances":             {pages: true, filters: namesOf(instanceFilters), read: readDescribeInstances},
	"DescribeInstancesV6":           {pages: true, filters: namesOf(instanceFilters), read: readDescribeInstances},
	"DescribeSecurityGroups":        {pages: true, filters: namesOf(groupFilters), read: readDescribeSecurityGroups},
	"DescribeAddresses":             {filters: namesOf(addressFilters), read: readDescribeAddresses},
	"AuthorizeSecurityGroupIngress": {writes: true, read: readIngress(false)},
	"RevokeSecurityGroupIngress":    {writes: true, read: readIngress(true)},
	"CreateSecurityGroup":           {writes: true, read: readCreateSecurityGroup},
	"DeleteSecurityGroup":           {writes: true, read: readDeleteSecurityGroup},
	"AssociateAddress":              {writes: true, read: readAssociateAddress},
	"DisassociateAddress":           {writes: true, read: readDisassociateAddress},
}

// computes says of EC2's actions that the ledger has no part in why that is.
var computes = map[string]string{}

func init() {
	for why, names := range map[string]string{
		"instances are run by a compute service, and this is the ledger of their networks": "RunInstances TerminateInstances StartInstances " +
			"StopInstances RebootInstances ModifyInstanceAttribute DescribeInstanceAttribute GetConsoleOutput DescribeInstanceStatus " +
			"DescribeInstanceTypes MonitorInstances UnmonitorInstances",
		"a floating address belongs to nobody until an instance has it: use AssociateAddress and DisassociateAddress": "AllocateAddress ReleaseAddress",
		"images are kept by a compute service, and this is the ledger of networks": "DescribeImages RegisterImage DeregisterImage CreateImage " +
			"DescribeImageAttribute ModifyImageAttribute",
		"volumes are kept by a compute service, and this is the ledger of networks": "DescribeVolumes CreateVolume DeleteVolume AttachVolume " +
			"DetachVolume DescribeSnapshots CreateSnapshot DeleteSnapshot",
		"key pairs are kept by a compute service, and this is the ledger of networks": "DescribeKeyPairs CreateKeyPair DeleteKeyPair ImportKeyPair",
	} {
		for name := range strings.FieldsSeq(names) {
			computes[name] = why
		}
	}
}

// Action is what a request claims to ask for, for a log: "" where it is not one word of letters and digits.
func Action(r Request) string {
	p, err := parametersOf(r)
	if err != nil {
		return ""
	}
	name := p.left["Action"]
	if len(name) > 64 || strings.ContainsFunc(name, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}) {
		return ""
	}
	return name
}

// Parse reads what a request asks for by a key that Verify has found. Every error is an *Error. An action that writes is refused to a key that
// may only read. The Version is in the Call even beside an error, where there is a right one.
func Parse(r Request, key Key) (call Call, err error) {
	p, err := parametersOf(r)
	if err != nil {
		return call, err
	}
	if call.Action, err = p.need("Action"); err != nil {
		return call, err
	}
	a, ok := actions[call.Action]
	if why := computes[call.Action]; !ok && why != "" {
		return call, Errorf(UnsupportedOperation, "%s is not to be had here: %s", call.Action, why)
	}
	if !ok {
		return call, Errorf(InvalidAction, "there is no action %s", quoted(call.Action))
	}
	if call.Version, err = p.version(); err != nil {
		return call, err
	}
	call.Text = p.text(call.Action)
	if a.writes && key.ReadOnly {
		return call, Errorf(UnauthorizedOperation, "%s changes something, and this key may only read", call.Action)
	}
	if call.DryRun, err = p.flag("DryRun"); err != nil {
		return call, err
	}
	delete(p.left, "ClientToken") // of no use here: what is done twice is an error by itself
	if a.filters != nil {
		if call.Filters, err = p.filters(a.filters); err != nil {
			return call, err
		}
	}
	if call.Input, err = a.read(p, key.ProjectID); err != nil {
		return call, err
	}
	if a.pages {
		if call.Page, err = p.page(call, key); err != nil {
			return call, err
		}
	}
	return call, p.rest(call.Action)
}

func (p parameters) version() (string, error) {
	version, err := p.need("Version")
	if err != nil {
		return "", err
	}
	if _, err := time.Parse(time.DateOnly, version); err != nil {
		return "", Errorf(InvalidParameterValue, "Version %s is not like 2016-11-15", quoted(version))
	}
	return version, nil
}

func readDescribeInstances(p parameters, _ string) (any, error) {
	ids, err := p.ids("InstanceId", "i-")
	return &DescribeInstances{ids}, err
}

func readDescribeSecurityGroups(p parameters, _ string) (any, error) {
	names, err := p.list("GroupName")
	if err != nil {
		return nil, err
	}
	ids, err := p.ids("GroupId", "sg-")
	return &DescribeSecurityGroups{names, ids}, err
}

func readDescribeAddresses(p parameters, _ string) (any, error) {
	texts, err := p.list("PublicIp")
	if err != nil {
		return nil, err
	}
	in := &DescribeAddresses{}
	for _, text := range texts {
		a, err := address(text)
		if err != nil {
			return nil, err
		}
		in.Addresses = append(in.Addresses, a)
	}
	return in, nil
}

func readCreateSecurityGroup(p parameters, _ string) (any, error) {
	name, err := p.need("GroupName")
	if err != nil {
		return nil, err
	}
	description, err := p.need("GroupDescription")
	return &CreateSecurityGroup{name, description}, err
}

func readDeleteSecurityGroup(p parameters, _ string) (any, error) {
	group, err := p.group()
	return &DeleteSecurityGroup{group}, err
}

func readAssociateAddress(p parameters, _ string) (any, error) {
	text, err := p.need("InstanceId")
	if err != nil {
		return nil, err
	}
	in := &AssociateAddress{}
	if in.InstanceID, err = number("InstanceId", "i-", text); err != nil {
		return nil, err
	}
	if in.Reassociate, err = p.flag("AllowReassociation"); err != nil {
		return nil, err
	}
	in.Address, err = p.address()
	return in, err
}

func readDisassociateAddress(p parameters, _ string) (any, error) {
	a, err := p.address()
	return &DisassociateAddress{a}, err
}

func (p parameters) address() (netip.Addr, error) {
	text, err := p.need("PublicIp")
	if err != nil {
		return netip.Addr{}, err
	}
	return address(text)
}

func address(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return a, Errorf(InvalidParameterValue, "PublicIp %s is not an address", quoted(text))
	}
	return a, nil
}

// group is the group that a request is about. AWS, too, has it named once.
func (p parameters) group() (ref GroupRef, err error) {
	ref, err = p.groupRef("GroupName", "GroupId")
	switch {
	case err != nil:
	case ref == GroupRef{}:
		err = Errorf(MissingParameter, "neither GroupName nor GroupId is given")
	case ref.Name != "" && ref.ID != 0:
		err = Errorf(InvalidCombination, "GroupName and GroupId name a group twice: give one")
	}
	return ref, err
}

func (p parameters) groupRef(name, id string) (ref GroupRef, err error) {
	if ref.Name, err = p.take(name); err != nil {
		return ref, err
	}
	text, err := p.take(id)
	if err != nil || text == "" {
		return ref, err
	}
	ref.ID, err = number(id, "sg-", text)
	return ref, err
}

func (p parameters) ids(name, prefix string) (ids []int64, err error) {
	texts, err := p.list(name)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		id, err := number(name, prefix, text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// number is the number of an id such as i-0000000a. One of more digits than eight may be, as %08x writes it.
func number(name, prefix, text string) (int64, error) {
	code := InvalidParameterValue
	if prefix == "i-" {
		code = InstanceIDMalformed
	}
	digits, ok := strings.CutPrefix(text, prefix)
	n, err := strconv.ParseUint(digits, 16, 63)
	if !ok || err != nil || len(digits) < 8 || n == 0 {
		return 0, Errorf(code, "%s %s is not %s and at least eight hexadecimal digits", name, quoted(text), prefix)
	}
	return int64(n), nil
}
