package ec2api

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	web := GroupRef{Name: "web"}
	ingress := func(group GroupRef, rules ...RuleAsked) *ChangeIngress {
		return &ChangeIngress{Group: group, Rules: rules}
	}
	from := func(protocol string, low, high int, cidr string) RuleAsked {
		return RuleAsked{Protocol: protocol, From: low, To: high, CIDR: netip.MustParsePrefix(cidr)}
	}
	members := func(protocol string, low, high int, group GroupRef) RuleAsked {
		return RuleAsked{Protocol: protocol, From: low, To: high, Source: group}
	}
	const authorize = "Action=AuthorizeSecurityGroupIngress&GroupName=web&"
	for query, want := range map[string]any{
		"Action=DescribeInstances": &DescribeInstances{},
		"Action=DescribeInstancesV6&InstanceId.1=i-00000001&InstanceId.2=i-1ffffffff":              &DescribeInstances{[]int64{1, 0x1ffffffff}},
		"Action=DescribeSecurityGroups&GroupName.1=web&GroupId.1=sg-0000000a":                      &DescribeSecurityGroups{[]string{"web"}, []int64{10}},
		"Action=DescribeAddresses&PublicIp.1=2001:DB8::1":                                          &DescribeAddresses{[]netip.Addr{netip.MustParseAddr("2001:db8::1")}},
		"Action=CreateSecurityGroup&GroupName=a%20b&GroupDescription=%3Cx%3E":                      &CreateSecurityGroup{"a b", "<x>"},
		"Action=DeleteSecurityGroup&GroupId=sg-00000001&ClientToken=x":                             &DeleteSecurityGroup{GroupRef{ID: 1}},
		"Action=AssociateAddress&InstanceId=i-00000002&PublicIp=192.0.2.1&AllowReassociation=true": &AssociateAddress{2, netip.MustParseAddr("192.0.2.1"), true},
		"Action=DisassociateAddress&PublicIp=192.0.2.1":                                            &DisassociateAddress{netip.MustParseAddr("192.0.2.1")},
		// Nova's flat form, as boto and fog send it, and AWS's.
		authorize + "IpProtocol=tcp&FromPort=22&ToPort=22&CidrIp=::/0":            ingress(web, from("tcp", 22, 22, "::/0")),
		authorize + "IpProtocol=icmp&FromPort=-1&ToPort=-1&CidrIp=0.0.0.0/0":      ingress(web, from("icmp", -1, -1, "0.0.0.0/0")),
		authorize + "IpProtocol=tcp&FromPort=0&ToPort=0&CidrIpv6=2001:db8::/32":   ingress(web, from("tcp", 0, 0, "2001:db8::/32")),
		authorize + "SourceSecurityGroupName=db&IpProtocol=6&FromPort=1&ToPort=2": ingress(web, members("tcp", 1, 2, GroupRef{Name: "db"})),
		authorize + "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=2&IpPermissions.1.Groups.1.GroupName=db&IpPermissions.1.Groups.1.GroupId=sg-0000000f&IpPermissions.1.Groups.1.UserId=mercury": ingress(web, members("tcp", 1, 2, GroupRef{"db", 15})),
		authorize + "SourceSecurityGroupName=db&SourceSecurityGroupOwnerId=admin:mercury":                                                                  ingress(web, members("icmp", -1, -1, GroupRef{Name: "db"}), members("tcp", 1, 65535, GroupRef{Name: "db"}), members("udp", 1, 65535, GroupRef{Name: "db"})),
		authorize + "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22&IpPermissions.1.IpRanges.1.CidrIp=2001:db8::/32": ingress(web, from("tcp", 22, 22, "2001:db8::/32")),
		authorize + "IpPermissions.1.IpProtocol=58&IpPermissions.1.FromPort=128&IpPermissions.1.ToPort=0&IpPermissions.1.Ipv6Ranges.1.CidrIpv6=2001:db8::/32" +
			"&IpPermissions.2.IpProtocol=17&IpPermissions.2.FromPort=53&IpPermissions.2.ToPort=53&IpPermissions.2.IpRanges.1.CidrIp=10.0.0.0/8&IpPermissions.2.Groups.1.GroupId=sg-0000000f&IpPermissions.2.Groups.1.UserId=mercury": ingress(web, from("icmp", 128, 0, "2001:db8::/32"), from("udp", 53, 53, "10.0.0.0/8"), members("udp", 53, 53, GroupRef{ID: 15})),
	} {
		for _, r := range []Request{get("Version=2014-10-01&" + query), post("Version=2014-10-01&" + query)} {
			call, err := Parse(r, mars)
			if err != nil || !reflect.DeepEqual(call.Input, want) || call.Version != "2014-10-01" || call.DryRun {
				t.Errorf("%s %s: %+v, %v\nwant %+v", r.Method, query, call.Input, err, want)
			}
		}
	}
	call, err := Parse(post("Action=RevokeSecurityGroupIngress&Version=2016-11-15&DryRun=true&GroupId=sg-00000001&IpProtocol=tcp&FromPort=1&ToPort=1&CidrIp=10.0.0.0/8"), mars)
	if in, ok := call.Input.(*ChangeIngress); err != nil || !ok || !in.Revoke || !call.DryRun {
		t.Errorf("revoke: %+v, %v", call, err)
	}
}

func TestParse_errors(t *testing.T) {
	many := "Action=DescribeInstances&Version=2014-10-01"
	for i := range 10000 {
		many += fmt.Sprintf("&a%d", i)
	}
	const authorize = "Action=AuthorizeSecurityGroupIngress&Version=2016-11-15&GroupName=web&"
	const tcp = authorize + "IpProtocol=tcp&FromPort=22&ToPort=22&"
	for _, test := range []struct{ query, code string }{
		{"", MissingParameter},
		{"Version=2014-10-01", MissingParameter},
		{"Action=", InvalidParameterValue},
		{"Action=DescribeInstances", MissingParameter},
		{"Action=DescribeInstances&Version=", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014-13-01", InvalidParameterValue},
		{`Action=DescribeInstances&Version=2014-10-01"><x`, InvalidParameterValue},
		{"Action=RunInstances&Version=2014-10-01&ImageId=ami-1", UnsupportedOperation},
		{"Action=TerminateInstances", UnsupportedOperation},
		{"Action=AllocateAddress", UnsupportedOperation},
		{"Action=DescribeVpcs&Version=2014-10-01", InvalidAction},
		{"Action=describeinstances&Version=2014-10-01", InvalidAction},
		{"Action=DescribeInstances&Version=2014-10-01&Action=RunInstances", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014-10-01&Foo=1", UnknownParameter},
		{"Action=DescribeInstances&Version=2014-10-01&DryRun=maybe", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014-10-01&InstanceId.1=i-1", InstanceIDMalformed},
		{"Action=DescribeInstances&Version=2014-10-01&InstanceId.1=i-00000000", InstanceIDMalformed},
		{"Action=DescribeInstances&Version=2014-10-01&InstanceId.1=i-ffffffffffffffff", InstanceIDMalformed},
		{"Action=DescribeInstances&Version=2014-10-01&InstanceId.1=i--0000001", InstanceIDMalformed},
		{"Action=DescribeInstances&Version=2014-10-01&InstanceId.2=i-00000001", UnknownParameter},
		{"Action=DescribeInstances&Version=2014-10-01&InstanceId.1=", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014-10-01&MaxResults=0", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014-10-01&MaxResults=1001", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014-10-01&MaxResults=x", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014-10-01&MaxResults=5&InstanceId.1=i-00000001", InvalidCombination},
		{"Action=DescribeInstances&Version=2014-10-01&NextToken=AAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAA", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014-10-01&Filter.1.Name=image-id&Filter.1.Value.1=x", InvalidParameterValue},
		{"Action=DescribeInstances&Version=2014-10-01&Filter.1.Name=instance-id", MissingParameter},
		{"Action=DescribeInstances&Version=2014-10-01&Filter.1.Value.1=x", MissingParameter},
		{"Action=DescribeInstances&Version=2014-10-01&Filter.2.Name=instance-id&Filter.2.Value.1=x", UnknownParameter},
		{"Action=DescribeAddresses&Version=2014-10-01&MaxResults=5", UnknownParameter},
		{"Action=DescribeInstances&Version=2014-10-01" + manyValues(101, 1) + manyValues(100, 2), FilterLimitExceeded},
		{"Action=DescribeAddresses&Version=2014-10-01&PublicIp.1=fe80::1%25eth0", InvalidParameterValue},
		{"Action=DescribeAddresses&Version=2014-10-01&PublicIp.1=::ffff:192.0.2.1", InvalidParameterValue},
		{"Action=CreateSecurityGroup&Version=2014-10-01&GroupName=a", MissingParameter},
		{"Action=CreateSecurityGroup&Version=2014-10-01&GroupName=a%0Ab&GroupDescription=x", InvalidParameterValue},
		{"Action=CreateSecurityGroup&Version=2014-10-01&GroupName=%ff&GroupDescription=x", InvalidParameterValue},
		{"Action=CreateSecurityGroup&Version=2014-10-01&GroupName=a&GroupDescription=x&VpcId=vpc-1", UnknownParameter},
		{"Action=DeleteSecurityGroup&Version=2014-10-01", MissingParameter},
		{"Action=DeleteSecurityGroup&Version=2014-10-01&GroupName=a&GroupId=sg-00000001", InvalidCombination},
		{"Action=AssociateAddress&Version=2014-10-01&InstanceId=i-00000001&AllocationId=eipalloc-1", MissingParameter},
		{authorize, MissingParameter},
		{tcp, MissingParameter},
		{tcp + "CidrIp=", InvalidParameterValue},
		{tcp + "CidrIp=10.0.0.1/8", InvalidParameterValue},
		{tcp + "CidrIp=2001:db8::1/32", InvalidParameterValue},
		{tcp + "CidrIp=10.0.0.1", InvalidParameterValue},
		{tcp + "CidrIp=::ffff:10.0.0.0/104", InvalidParameterValue},
		{tcp + "CidrIp=10.0.0.0/8&CidrIpv6=10.0.0.0/8", InvalidParameterValue},
		{tcp + "SourceSecurityGroupName=a&SourceSecurityGroupOwnerId=venus", GroupNotFound},
		{tcp + "CidrIp=10.0.0.0/8&SourceSecurityGroupOwnerId=mercury", MissingParameter},
		{tcp + "CidrIp=10.0.0.0/8&IpPermissions.1.IpProtocol=tcp", MissingParameter + InvalidCombination},
		{authorize + "IpProtocol=-1&CidrIp=10.0.0.0/8", InvalidParameterValue},
		{authorize + "CidrIp=10.0.0.0/8", MissingParameter},
		{authorize + "IpProtocol=tcp&FromPort=22&CidrIp=10.0.0.0/8", MissingParameter},
		{authorize + "IpProtocol=tcp&FromPort=23&ToPort=22&CidrIp=10.0.0.0/8", InvalidParameterValue},
		{authorize + "IpProtocol=tcp&FromPort=-1&ToPort=22&CidrIp=10.0.0.0/8", InvalidParameterValue},
		{authorize + "IpProtocol=tcp&FromPort=1&ToPort=65536&CidrIp=10.0.0.0/8", InvalidParameterValue},
		{authorize + "IpProtocol=icmp&FromPort=-1&ToPort=0&CidrIp=10.0.0.0/8", InvalidParameterValue},
		{authorize + "IpProtocol=icmp&FromPort=256&ToPort=0&CidrIp=10.0.0.0/8", InvalidParameterValue},
		{authorize + "IpProtocol=icmpv6&FromPort=-1&ToPort=-1&CidrIp=10.0.0.0/8", InvalidParameterValue},
		{authorize + "IpProtocol=58&FromPort=-1&ToPort=-1&SourceSecurityGroupName=a", InvalidParameterValue},
		{authorize + "IpProtocol=gre&FromPort=-1&ToPort=-1&CidrIp=10.0.0.0/8", InvalidParameterValue},
		{authorize + "FromPort=1&ToPort=2&SourceSecurityGroupName=a", MissingParameter},
		{authorize + "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8&IpPermissions.1.IpRanges.1.Description=x", UnknownParameter},
		{authorize + "IpPermissions.1.Groups.1.UserId=mercury", MissingParameter},
		{authorize + "IpPermissions.2.IpProtocol=tcp", MissingParameter},
		{many, InvalidRequest},
		{"Action=DescribeInstances&Version=2014-10-01&" + strings.Repeat("a.", 200), InvalidRequest},
	} {
		for _, r := range []Request{get(test.query), post(test.query)} {
			_, err := Parse(r, mars)
			if e, ok := err.(*Error); !ok || !strings.Contains(test.code, e.Code) || e.Status != 400 || e.Message == "" || strings.Contains(e.Message, "\n") {
				t.Errorf("%s %.200s: %v, want %s", r.Method, test.query, err, test.code)
			}
		}
	}
	form := post("Action=DescribeInstances&Version=2014-10-01")
	form.Header = map[string][]string{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	if _, err := Parse(form, reader); err != nil {
		t.Error(err)
	}
	form.Header = map[string][]string{"Content-Type": {"application/json"}}
	_, err := Parse(form, mars)
	wantError(t, err, InvalidRequest, 400)
	put := form
	put.Method = "PUT"
	_, err = Parse(put, mars)
	wantError(t, err, InvalidRequest, 400)
	both := get("Action=DescribeInstances&Version=2014-10-01")
	both.Body = []byte("Action=RunInstances")
	_, err = Parse(both, mars)
	wantError(t, err, InvalidRequest, 400)
	both.Method = "POST"
	_, err = Parse(both, mars)
	wantError(t, err, InvalidParameterValue, 400)
	_, err = Parse(post(strings.Repeat("a", MaxBody+1)), mars)
	wantError(t, err, InvalidRequest, 413)
	_, err = Parse(get("Version=2014-10-01&Action=DeleteSecurityGroup&GroupName=web"), reader)
	wantError(t, err, UnauthorizedOperation, 403)
	wantError(t, WouldSucceed(), DryRunOperation, 412)
}

func TestAction(t *testing.T) {
	for query, want := range map[string]string{"Action=RunInstances": "RunInstances", "Action=a%0Ab": "", "a=%zz": "", "": "", "Action=" + strings.Repeat("a", 65): ""} {
		if got := Action(get(query)); got != want {
			t.Errorf("%q: %q", query, got)
		}
	}
}

// FuzzParse has every request be understood or refused, and whatever is understood be within the bounds that the ledger has.
func FuzzParse(f *testing.F) {
	f.Add("Action=AuthorizeSecurityGroupIngress&Version=2016-11-15&GroupName=web&IpProtocol=tcp&FromPort=1&ToPort=2&CidrIp=10.0.0.0/8")
	f.Add("Action=RevokeSecurityGroupIngress&Version=2016-11-15&GroupName=web&IpPermissions.1.Groups.1.GroupId=sg-00000001")
	f.Add("Action=DescribeInstances&Version=2014-10-01&Filter.1.Name=instance-id&Filter.1.Value.1=i-*&MaxResults=5&NextToken=AAAA")
	f.Add("Action=CreateSecurityGroup&Version=2014-10-01&GroupName=%ff&GroupDescription=x")
	f.Fuzz(func(t *testing.T, query string) {
		call, err := Parse(get(query), mars)
		if err != nil {
			if e, ok := err.(*Error); !ok || e.Code == "" || e.Status < 400 {
				t.Errorf("error is %#v", err)
			}
			return
		}
		if in, ok := call.Input.(*ChangeIngress); ok {
			if len(in.Rules) == 0 {
				t.Error("no rule")
			}
			for _, r := range in.Rules {
				if r.CIDR.IsValid() == (r.Source != GroupRef{}) || r.CIDR.IsValid() && r.CIDR != r.CIDR.Masked() {
					t.Errorf("rule is %+v", r)
				}
				if r.Protocol != "icmp" && (r.From < 0 || r.From > r.To || r.To > 65535) {
					t.Errorf("rule is %+v", r)
				}
			}
		}
		if call.Page.Max < 0 || call.Page.Max > maxResults {
			t.Errorf("page is %+v", call.Page)
		}
	})
}

// manyValues is filter n with so many values.
func manyValues(values, n int) string {
	text := fmt.Sprintf("&Filter.%d.Name=dns-name", n)
	for i := range values {
		text += fmt.Sprintf("&Filter.%d.Value.%d=*", n, i+1)
	}
	return text
}

func TestParse_many(t *testing.T) {
	if got := len(parsed(t, "Action=DescribeInstances"+manyValues(100, 1)+manyValues(100, 2), mars).Filters); got != 2 {
		t.Errorf("%d filters", got)
	}
}

// TestParse_described revokes a rule as consoles and Terraform do, which send the description of a rule with it; what is let in must not lose one.
func TestParse_described(t *testing.T) {
	const rule = "SecurityGroupIngress&GroupName=web&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1" +
		"&IpPermissions.1.Ipv6Ranges.1.CidrIpv6=::/0&IpPermissions.1.Ipv6Ranges.1.Description=x"
	if in := parsed(t, "Action=Revoke"+rule, mars).Input.(*ChangeIngress); len(in.Rules) != 1 {
		t.Errorf("%+v", in)
	}
	if _, err := Parse(get("Version=2014-10-01&Action=Authorize"+rule), mars); err == nil {
		t.Error("a description is taken that nobody keeps")
	}
}

func TestParse_text(t *testing.T) {
	long := strings.Repeat("ä", 2000)
	for query, want := range map[string]string{
		"Action=CreateSecurityGroup&GroupName=web&GroupDescription=the+%22web%22":                           `CreateSecurityGroup GroupDescription="the \"web\"" GroupName=web`,
		"Action=DeleteSecurityGroup&GroupName=web&ClientToken=x&DryRun=false":                               "DeleteSecurityGroup DryRun=false GroupName=web",
		"Action=AuthorizeSecurityGroupIngress&ToPort=22&FromPort=22&GroupName=w&CidrIp=::/0&IpProtocol=tcp": "AuthorizeSecurityGroupIngress CidrIp=::/0 FromPort=22 GroupName=w IpProtocol=tcp ToPort=22",
	} {
		if got := parsed(t, query, mars).Text; got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	got := parsed(t, "Action=CreateSecurityGroup&GroupName=web&GroupDescription="+long, mars).Text
	if len(got) > longestText+3 || !strings.HasSuffix(got, "ä...") || !utf8.ValidString(got) {
		t.Errorf("%d bytes, %s", len(got), got[len(got)-10:])
	}
}
