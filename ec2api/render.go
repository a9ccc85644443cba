package ec2api

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"net/netip"
)

// ContentType is what answers and errors are sent as.
const ContentType = "text/xml;charset=UTF-8"

// sixes is the API version from which clients look for IPv6 in elements of its own. Those of before have every prefix in cidrIp; boto 2 makes a
// rule of None to None of each that it finds elsewhere.
const sixes = "2016-11-15"

// InstanceID is an instance's id in EC2's form.
func InstanceID(id int64) string { return fmt.Sprintf("i-%08x", id) }

// GroupID is a security group's.
func GroupID(id int64) string { return fmt.Sprintf("sg-%08x", id) }

func (c Call) showsSix() bool { return c.Version >= sixes }

// envelope is what all answers have. Neither is its name an XMLName, which encoding/xml does not find in an embedded struct, nor the namespace
// that name's, which would put xmlns="" on the elements below.
type envelope struct {
	Namespace string `xml:"xmlns,attr"`
	RequestID string `xml:"requestId"`
}

func (c Call) envelope(requestID string) envelope {
	return envelope{"http://ec2.amazonaws.com/doc/" + c.Version + "/", requestID}
}

// A set is left out with its own element where a pointer to it is nil; an empty one is an empty element.
type set[T any] struct {
	Items []T `xml:"item"`
}

func setOf[T any](items []T) *set[T] {
	if len(items) == 0 {
		return nil
	}
	return &set[T]{items}
}

type groupItem struct {
	ID   string `xml:"groupId,omitempty"`
	Name string `xml:"groupName,omitempty"`
}

type reservationItem struct {
	ID        string             `xml:"reservationId"`
	OwnerID   string             `xml:"ownerId"`
	Groups    *set[groupItem]    `xml:"groupSet"`
	Instances *set[instanceItem] `xml:"instancesSet"`
}

// instanceItem has no imageId, instanceState, instanceType and keyName: the ledger does not know them, and empty ones crash clients.
type instanceItem struct {
	ID               string              `xml:"instanceId"`
	DisplayName      string              `xml:"displayName,omitempty"`
	PrivateDNSName   string              `xml:"privateDnsName,omitempty"`
	PublicDNSName    string              `xml:"publicDnsName,omitempty"`
	DNSName          string              `xml:"dnsName,omitempty"`
	DNSNameV6        string              `xml:"dnsNameV6,omitempty"`
	LaunchTime       string              `xml:"launchTime,omitempty"`
	PrivateIPAddress string              `xml:"privateIpAddress,omitempty"`
	IPAddress        string              `xml:"ipAddress,omitempty"`
	IPv6Address      string              `xml:"ipv6Address,omitempty"`
	Groups           *set[groupItem]     `xml:"groupSet"`
	Interfaces       *set[interfaceItem] `xml:"networkInterfaceSet"`
}

type interfaceItem struct {
	MAC              string          `xml:"macAddress,omitempty"`
	PrivateIPAddress string          `xml:"privateIpAddress,omitempty"`
	Association      *association    `xml:"association"`
	IPv6Addresses    *set[ipv6Item]  `xml:"ipv6AddressesSet"`
	Groups           *set[groupItem] `xml:"groupSet"`
}

type association struct {
	PublicIP string `xml:"publicIp"`
}

type ipv6Item struct {
	Address string `xml:"ipv6Address"`
}

// Instances writes the answer to DescribeInstances and to DescribeInstancesV6, which has dnsNameV6 besides: a floating IPv6 address, else
// the fixed one. Of the rows it takes those that are asked for, one at a time; where the Page has a Max they come in the order of their names.
// The error is one of rows or of w, and what has been written then is a part of a document.
func (c Call) Instances(w io.Writer, requestID string, rows iter.Seq2[Instance, error]) error {
	return listing[Instance, reservationItem]{"reservationSet", c.Instance, func(i Instance) string { return i.Name }, c.reservation}.write(c, w, requestID, rows)
}

func (c Call) reservation(row Instance) reservationItem {
	item := instanceItem{
		ID:               InstanceID(row.ID),
		DisplayName:      row.Name,
		PrivateDNSName:   text(row.FixedIP),
		PublicDNSName:    text(row.FloatingIP),
		DNSName:          text(row.dnsName()),
		PrivateIPAddress: text(row.FixedIP),
		IPAddress:        text(row.FloatingIP),
	}
	if !row.CreatedAt.IsZero() {
		item.LaunchTime = row.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	six := row.addressesV6()
	if c.Action == "DescribeInstancesV6" && len(six) > 0 {
		item.DNSNameV6 = six[0].String()
	}
	groups := groupItems(row.Groups)
	item.Groups = setOf(groups) // where boto looks, of any version; Nova's were the reservation's alone
	if c.showsSix() {
		port := interfaceItem{MAC: row.MAC, PrivateIPAddress: text(row.FixedIP), Groups: setOf(groups)}
		if row.FloatingIP.IsValid() {
			port.Association = &association{row.FloatingIP.String()}
		}
		var addresses []ipv6Item
		for _, a := range six {
			addresses = append(addresses, ipv6Item{a.String()})
		}
		if len(six) > 0 {
			item.IPv6Address = six[0].String()
		}
		port.IPv6Addresses = setOf(addresses)
		item.Interfaces = setOf([]interfaceItem{port})
	}
	return reservationItem{
		ID: fmt.Sprintf("r-%08x", row.ID), OwnerID: row.ProjectID, Groups: setOf(groups), Instances: setOf([]instanceItem{item}),
	}
}

func groupItems(refs []GroupRef) (items []groupItem) {
	for _, ref := range refs {
		item := groupItem{Name: ref.Name}
		if ref.ID != 0 {
			item.ID = GroupID(ref.ID)
		}
		items = append(items, item)
	}
	return items
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

type securityGroupItem struct {
	OwnerID     string               `xml:"ownerId"`
	ID          string               `xml:"groupId"`
	Name        string               `xml:"groupName"`
	Description string               `xml:"groupDescription"`
	Permissions *set[permissionItem] `xml:"ipPermissions"`
}

type permissionItem struct {
	Protocol string           `xml:"ipProtocol"`
	From     int              `xml:"fromPort"`
	To       int              `xml:"toPort"`
	Groups   *set[sourceItem] `xml:"groups"`
	Ranges   *set[rangeItem]  `xml:"ipRanges"`
	Ranges6  *set[range6Item] `xml:"ipv6Ranges"`
}

type sourceItem struct {
	UserID string `xml:"userId"`
	groupItem
}

type rangeItem struct {
	CIDR string `xml:"cidrIp"`
}

type range6Item struct {
	CIDR string `xml:"cidrIpv6"`
}

// SecurityGroups writes the answer to DescribeSecurityGroups as Instances does, with an item for each rule, as Nova had it.
func (c Call) SecurityGroups(w io.Writer, requestID string, rows iter.Seq2[SecurityGroup, error]) error {
	return listing[SecurityGroup, securityGroupItem]{"securityGroupInfo", c.SecurityGroup, func(g SecurityGroup) string { return g.Name }, c.group}.
		write(c, w, requestID, rows)
}

func (c Call) group(row SecurityGroup) securityGroupItem {
	item := securityGroupItem{OwnerID: row.ProjectID, ID: GroupID(row.ID), Name: row.Name, Description: row.Description}
	item.Permissions = &set[permissionItem]{}
	for _, rule := range row.Rules {
		item.Permissions.Items = append(item.Permissions.Items, c.permission(row.ProjectID, rule))
	}
	return item
}

func (c Call) permission(project string, rule Rule) permissionItem {
	item := permissionItem{Protocol: protocolOf(rule, c.showsSix()), From: rule.From, To: rule.To}
	switch {
	case !rule.CIDR.IsValid():
		item.Groups = setOf([]sourceItem{{project, groupItems([]GroupRef{rule.Source})[0]}})
	case c.showsSix() && rule.CIDR.Addr().Is6():
		item.Ranges6 = setOf([]range6Item{{rule.CIDR.String()}})
	default:
		item.Ranges = setOf([]rangeItem{{rule.CIDR.String()}})
	}
	return item
}

// protocolOf is a rule's protocol as clients are told it. Nova had icmp for both families.
func protocolOf(rule Rule, six bool) string {
	if six && rule.Protocol == "icmp" && rule.CIDR.IsValid() && rule.CIDR.Addr().Is6() {
		return "icmpv6"
	}
	return rule.Protocol
}

type addressItem struct {
	PublicIP   string `xml:"publicIp"`
	Domain     string `xml:"domain"`
	InstanceID string `xml:"instanceId,omitempty"`
	Fixed      string `xml:"privateIpAddress,omitempty"`
}

// Addresses writes the answer to DescribeAddresses as Instances does. All are of the domain standard, which has no allocation ids.
func (c Call) Addresses(w io.Writer, requestID string, rows iter.Seq2[Address, error]) error {
	return listing[Address, addressItem]{"addressesSet", c.Address, func(Address) string { return "" }, addressOf}.write(c, w, requestID, rows)
}

func addressOf(row Address) addressItem {
	item := addressItem{PublicIP: text(row.Public), Domain: "standard", Fixed: text(row.Fixed)}
	if row.InstanceID != 0 {
		item.InstanceID = InstanceID(row.InstanceID)
	}
	return item
}

// Done is the answer to what changes something; group is the id that CreateSecurityGroup tells, 0 for the others.
func (c Call) Done(requestID string, group int64) []byte {
	answer := struct {
		envelope
		Return  bool   `xml:"return"`
		GroupID string `xml:"groupId,omitempty"`
	}{envelope: c.envelope(requestID), Return: true}
	if group != 0 {
		answer.GroupID = GroupID(group)
	}
	return document(c.Action+"Response", answer)
}

// XML is the answer that an error is, with the spelling of RequestID that clients look for there.
func (e *Error) XML(requestID string) []byte {
	type one struct{ Code, Message string }
	return document("Response", struct {
		Errors    []one `xml:"Errors>Error"`
		RequestID string
	}{Errors: []one{{e.Code, e.Message}}, RequestID: requestID})
}

// document is the value as XML below a root of that name. What XML cannot hold becomes U+FFFD, by encoding/xml.
func document(root string, v any) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).EncodeElement(v, xml.StartElement{Name: xml.Name{Local: root}}); err != nil {
		panic(err) // a type of this file that has no XML
	}
	b.WriteByte('\n')
	return b.Bytes()
}
