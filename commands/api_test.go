package commands

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nova-manage/db"
	"nova-manage/ec2api"
	"nova-manage/internal/cli"
	"nova-manage/internal/ec2test"
)

// served is api serve in this process, on a ledger of two projects: apollo with i-00000001 and i-00000002, and vostok with i-00000003.
type served struct {
	*fake
	url, ledger string
}

const apiSecret = "0123456789"

func serveAPI(t *testing.T) *served {
	t.Helper()
	dir := t.TempDir()
	s := &served{fake: newFake(t), ledger: filepath.Join(dir, "nova.sqlite")}
	server := newFake(t)
	keys := ""
	for key, project := range map[string]string{"apollo": "apollo", "vostok": "vostok", "reader": "apollo\nread_only = true"} {
		keys += fmt.Sprintf("[%s]\naws_access_key_id = %[1]s\naws_secret_access_key = %s\nproject_id = %s\n", key, apiSecret, project)
	}
	writeFile(t, dir, "keys", keys)
	for _, f := range []*fake{s.fake, server} {
		f.environment["NOVA_SQL_CONNECTION"], f.environment["NOVA_CREDENTIALS"] = s.ledger, filepath.Join(dir, "keys")
		f.environment["NOVA_CREATE_PROJECT"] = "1"
	}
	for _, line := range []string{
		"network create 10.0.0.0/24 1 256 100 1000 fd00:1::/64 --project_id apollo",
		"network create 10.1.0.0/24 1 256 200 2000 fd00:2::/64 --project_id vostok",
		"instance create web --count 2 --project_id apollo",
		"instance create other --project_id vostok",
		"secgroup create apollo/web",
		"secgroup create vostok/secret",
		"floating create 192.0.2.0/28",
		"floating create 2001:db8::/120",
		"floating associate apollo/web-1 192.0.2.1",
		"floating associate apollo/web-1 2001:db8::1",
		"floating associate vostok/other 192.0.2.9",
	} {
		s.must(t, line)
	}
	log, w := io.Pipe()
	server.sys.Stderr = w
	ended := make(chan int, 1)
	go func() {
		ended <- server.do("api", "serve", "--listen", "127.0.0.1:0")
		w.Close()
	}()
	first := make([]byte, 200)
	n, err := log.Read(first)
	_, at, ok := strings.Cut(strings.TrimSpace(string(first[:n])), "listening on ")
	if !ok {
		t.Fatalf("the server says %q, %v", first[:n], err)
	}
	s.url = at
	go func() { _, _ = io.Copy(io.Discard, log) }()
	t.Cleanup(func() {
		server.interrupt(cli.Signal{Signal: syscall.SIGTERM})
		if code := <-ended; code != exitOK {
			t.Errorf("the server ends with %d", code)
		}
	})
	return s
}

// must runs a command, and returns what it prints.
func (s *served) must(t *testing.T, line string) string {
	t.Helper()
	if code := s.do(strings.Fields(line)...); code != exitOK {
		t.Fatalf("%s: exit code %d: %s", line, code, &s.stderr)
	}
	return s.stdout.String()
}

// ask sends a request by a key, and returns the code of its error, "" if there is none, and what was answered.
func (s *served) ask(key, query string) (code, answer string, err error) {
	body := query + "&Version=2016-11-15"
	r, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(body))
	if err != nil {
		return "", "", err
	}
	ec2test.Sign(r, body, key, apiSecret, s.sys.Now())
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", "", err
	}
	var refused struct {
		Code string `xml:"Errors>Error>Code"`
	}
	if err := xml.Unmarshal(text, &refused); err != nil || (refused.Code == "") != (response.StatusCode == 200) {
		return "", "", fmt.Errorf("status %d, %v: %s", response.StatusCode, err, text)
	}
	return refused.Code, string(text), nil
}

// wants asks, and returns the answer, whose error is of that code.
func (s *served) wants(t *testing.T, code, key, query string) string {
	t.Helper()
	got, answer, err := s.ask(key, query)
	if err != nil || got != code {
		t.Errorf("%s by %s: %q, %v, want %q\n%s", query, key, got, err, code, answer)
	}
	return answer
}

func (s *served) changes(t *testing.T) string {
	t.Helper()
	return s.must(t, "history -f value -c number --limit 1")
}

const rule = "&IpProtocol=tcp&FromPort=22&ToPort=22&CidrIp=2001:db8::/32"

// TestAPI_errors has every action refused in every way that the ledger has a word for, as a dry run and in earnest, and nothing is changed.
func TestAPI_errors(t *testing.T) {
	s := serveAPI(t)
	s.must(t, "secgroup authorize apollo/web tcp 80 80 ::/0")
	s.must(t, "secgroup authorize apollo/default tcp 80 80 --source_group web")
	s.must(t, "project quota apollo security_groups 2")
	s.must(t, "project quota apollo floating_ips 2")
	groupOf := func(name string) string {
		text := s.wants(t, "", "apollo", "Action=DescribeSecurityGroups&GroupName.1="+name)
		_, after, _ := strings.Cut(text, "<groupId>")
		id, _, _ := strings.Cut(after, "</groupId>")
		return id
	}
	before := s.changes(t)
	for query, code := range map[string]string{
		"Action=DescribeInstances&InstanceId.1=i-00000003":                                                    "InvalidInstanceID.NotFound",
		"Action=DescribeInstances&InstanceId.1=i-00000001&InstanceId.2=i-0000ffff":                            "InvalidInstanceID.NotFound",
		"Action=DescribeInstancesV6&InstanceId.1=i-00000003":                                                  "InvalidInstanceID.NotFound",
		"Action=DescribeSecurityGroups&GroupName.1=secret":                                                    "InvalidGroup.NotFound",
		"Action=DescribeSecurityGroups&GroupId.1=sg-00000004":                                                 "InvalidGroup.NotFound",
		"Action=DescribeAddresses&PublicIp.1=192.0.2.9":                                                       "InvalidAddress.NotFound",
		"Action=DescribeAddresses&PublicIp.1=10.0.0.2":                                                        "InvalidAddress.NotFound",
		"Action=AuthorizeSecurityGroupIngress&GroupName=secret" + rule:                                        "InvalidGroup.NotFound",
		"Action=AuthorizeSecurityGroupIngress&GroupName=web&SourceSecurityGroupName=secret":                   "InvalidGroup.NotFound",
		"Action=AuthorizeSecurityGroupIngress&GroupName=web&IpProtocol=tcp&FromPort=80&ToPort=80&CidrIp=::/0": "InvalidPermission.Duplicate",
		"Action=RevokeSecurityGroupIngress&GroupName=web" + rule:                                              "InvalidPermission.NotFound",
		"Action=CreateSecurityGroup&GroupName=web&GroupDescription=x":                                         "InvalidGroup.Duplicate",
		"Action=CreateSecurityGroup&GroupName=www&GroupDescription=x":                                         "SecurityGroupLimitExceeded",
		"Action=CreateSecurityGroup&GroupName=a%2Fb&GroupDescription=x":                                       "InvalidParameterValue",
		"Action=CreateSecurityGroup&GroupName=a,b&GroupDescription=x":                                         "InvalidParameterValue",
		"Action=CreateSecurityGroup&GroupName=-x&GroupDescription=x":                                          "InvalidParameterValue",
		"Action=CreateSecurityGroup&GroupName=+x&GroupDescription=x":                                          "InvalidParameterValue",
		"Action=CreateSecurityGroup&GroupName=www&GroupDescription=-":                                         "InvalidParameterValue",
		"Action=CreateSecurityGroup&GroupName=" + strings.Repeat("x", 256) + "&GroupDescription=x":            "InvalidParameterValue",
		"Action=AuthorizeSecurityGroupIngress&GroupName=web&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Groups.1.GroupName=web&IpPermissions.2.IpProtocol=-1&IpPermissions.2.Groups.1.GroupId=sg-00000003": "InvalidParameterValue",
		"Action=DeleteSecurityGroup&GroupName=default":                                             "CannotDelete",
		"Action=DeleteSecurityGroup&GroupName=web":                                                 "InvalidGroup.InUse",
		"Action=DeleteSecurityGroup&GroupId=sg-00000004":                                           "InvalidGroup.NotFound",
		"Action=AssociateAddress&InstanceId=i-00000003&PublicIp=192.0.2.3":                         "InvalidInstanceID.NotFound",
		"Action=AssociateAddress&InstanceId=i-00000002&PublicIp=192.0.2.9":                         "InvalidAddress.NotFound",
		"Action=AssociateAddress&InstanceId=i-00000002&PublicIp=192.0.2.9&AllowReassociation=true": "InvalidAddress.NotFound",
		"Action=AssociateAddress&InstanceId=i-00000002&PublicIp=198.51.100.1":                      "InvalidAddress.NotFound",
		"Action=AssociateAddress&InstanceId=i-00000002&PublicIp=192.0.2.1":                         "Resource.AlreadyAssociated",
		"Action=AssociateAddress&InstanceId=i-00000001&PublicIp=192.0.2.3":                         "Resource.AlreadyAssociated",
		"Action=AssociateAddress&InstanceId=i-00000002&PublicIp=192.0.2.3":                         "AddressLimitExceeded",
		"Action=AssociateAddress&InstanceId=i-00000002&PublicIp=192.0.2.0":                         "InvalidParameterValue",
		"Action=DisassociateAddress&PublicIp=192.0.2.9":                                            "InvalidAssociationID.NotFound",
		"Action=DisassociateAddress&PublicIp=192.0.2.3":                                            "InvalidAssociationID.NotFound",
		"Action=DisassociateAddress&PublicIp=10.0.0.2":                                             "InvalidAssociationID.NotFound",
	} {
		answer := s.wants(t, code, "apollo", query)
		dry := s.wants(t, code, "apollo", query+"&DryRun=true")
		for _, text := range []string{answer, dry} {
			for _, theirs := range []string{"vostok", "10.1.0", "other"} {
				if strings.Contains(text, theirs) {
					t.Errorf("%s tells of %s: %s", query, theirs, text)
				}
			}
		}
	}
	if id := groupOf("web"); id != "sg-00000003" {
		t.Errorf("the id of the group is %s", id)
	}
	if after := s.changes(t); after != before {
		t.Errorf("the last change is %s, and was %s", after, before)
	}
	s.must(t, "project quota apollo security_group_rules 5")
	s.wants(t, "RulesPerSecurityGroupLimitExceeded", "apollo", "Action=AuthorizeSecurityGroupIngress&GroupName=web"+rule)
	s.must(t, "project delete apollo --force")
	s.wants(t, "UnauthorizedOperation", "apollo", "Action=DescribeInstances")
	s.wants(t, "UnauthorizedOperation", "apollo", "Action=CreateSecurityGroup&GroupName=www&GroupDescription=x")
	s.must(t, "db check")
}

// TestAPI_sentBack revokes rules by what DescribeSecurityGroups tells of them, as boto3's revoke_ingress(IpPermissions=group.ip_permissions) does.
func TestAPI_sentBack(t *testing.T) {
	s := serveAPI(t)
	s.must(t, "secgroup authorize apollo/web tcp 80 80 --source_group web")
	var told struct {
		ID    string `xml:"securityGroupInfo>item>groupId"`
		Rules []struct {
			Protocol string `xml:"ipProtocol"`
			From     string `xml:"fromPort"`
			To       string `xml:"toPort"`
			Owner    string `xml:"groups>item>userId"`
			GroupID  string `xml:"groups>item>groupId"`
			Group    string `xml:"groups>item>groupName"`
		} `xml:"securityGroupInfo>item>ipPermissions>item"`
	}
	if err := xml.Unmarshal([]byte(s.wants(t, "", "apollo", "Action=DescribeSecurityGroups&GroupName.1=web")), &told); err != nil || len(told.Rules) != 1 {
		t.Fatalf("%+v, %v", told, err)
	}
	r := told.Rules[0]
	revoke := func(id, name string) string {
		return "Action=RevokeSecurityGroupIngress&GroupId=" + told.ID + "&IpPermissions.1.IpProtocol=" + r.Protocol + "&IpPermissions.1.FromPort=" + r.From +
			"&IpPermissions.1.ToPort=" + r.To + "&IpPermissions.1.Groups.1.UserId=" + r.Owner + "&IpPermissions.1.Groups.1.GroupId=" + id +
			"&IpPermissions.1.Groups.1.GroupName=" + name
	}
	s.wants(t, "InvalidGroup.NotFound", "apollo", revoke(r.GroupID, "default"))
	s.wants(t, "", "apollo", revoke(r.GroupID, r.Group))
	if rules := s.must(t, "secgroup show apollo/web -f value"); rules != "" {
		t.Errorf("what is left of the rules is %q", rules)
	}
}

// TestAPI_dryRun asks whether a change could be made, which changes nothing, and makes it then.
func TestAPI_dryRun(t *testing.T) {
	s := serveAPI(t)
	for _, query := range []string{
		"Action=DescribeInstances",
		"Action=DescribeSecurityGroups",
		"Action=DescribeAddresses",
		"Action=CreateSecurityGroup&GroupName=www&GroupDescription=x",
		"Action=AuthorizeSecurityGroupIngress&GroupName=www" + rule,
		"Action=RevokeSecurityGroupIngress&GroupName=www" + rule,
		"Action=AuthorizeSecurityGroupIngress&GroupId=sg-00000003&SourceSecurityGroupName=www",
		"Action=RevokeSecurityGroupIngress&GroupId=sg-00000003&SourceSecurityGroupName=www",
		"Action=DeleteSecurityGroup&GroupName=www",
		"Action=AssociateAddress&InstanceId=i-00000002&PublicIp=192.0.2.3",
		"Action=AssociateAddress&InstanceId=i-00000002&PublicIp=2001:db8::1&AllowReassociation=true",
		"Action=DisassociateAddress&PublicIp=2001:db8::1",
	} {
		before := s.changes(t)
		s.wants(t, "DryRunOperation", "apollo", query+"&DryRun=true")
		if after := s.changes(t); after != before {
			t.Errorf("%s as a dry run changed something", query)
		}
		reads := strings.HasPrefix(query, "Action=Describe")
		if !reads {
			s.wants(t, "UnauthorizedOperation", "reader", query)
			s.wants(t, "UnauthorizedOperation", "reader", query+"&DryRun=true")
		}
		s.wants(t, "", "apollo", query)
		if after := s.changes(t); (after == before) != reads {
			t.Errorf("%s: the last change is %s, and was %s", query, after, before)
		}
	}
	if actors := s.must(t, "history -f value -c actor --filter actor=apollo"); strings.Count(actors, "\n") != 9 {
		t.Errorf("the actors are\n%s", actors)
	}
	// What is there already is no change, and no error.
	before := s.changes(t)
	s.wants(t, "", "apollo", "Action=AssociateAddress&InstanceId=i-00000002&PublicIp=192.0.2.3")
	if after := s.changes(t); after != before {
		t.Errorf("associating what is associated changed something")
	}
	s.must(t, "db check")
}

// TestAPI_pages goes through the instances of one project among those of another, whose names are between them.
func TestAPI_pages(t *testing.T) {
	s := serveAPI(t)
	s.must(t, "instance create vm --count 45 --project_id apollo")
	s.must(t, "instance create vm --count 45 --project_id vostok")
	type answer struct {
		Names []string `xml:"reservationSet>item>instancesSet>item>displayName"`
		Owner []string `xml:"reservationSet>item>ownerId"`
		Group []string `xml:"reservationSet>item>groupSet>item>groupId"`
		Next  string   `xml:"nextToken"`
	}
	for query, want := range map[string]int{
		"Action=DescribeInstances&MaxResults=10":   47,
		"Action=DescribeInstancesV6&MaxResults=47": 47,
		"Action=DescribeInstances":                 47,
		"Action=DescribeInstances&MaxResults=7&Filter.1.Name=private-ip-address&Filter.1.Value.1=10.0.0.1*":                                            10,
		"Action=DescribeInstances&MaxResults=5&Filter.1.Name=owner-id&Filter.1.Value.1=vostok":                                                         0,
		"Action=DescribeInstances&MaxResults=5&Filter.1.Name=group-name&Filter.1.Value.1=default&Filter.2.Name=ipv6-address&Filter.2.Value.1=fd00:1:*": 47,
	} {
		var names []string
		for token := ""; ; {
			var page answer
			if err := xml.Unmarshal([]byte(s.wants(t, "", "apollo", query+token)), &page); err != nil {
				t.Fatal(err)
			}
			names = append(names, page.Names...)
			for _, owner := range page.Owner {
				if owner != "apollo" {
					t.Errorf("%s shows an instance of %s", query, owner)
				}
			}
			if len(page.Group) != len(page.Names) {
				t.Errorf("%s: %d ids of groups for %d instances", query, len(page.Group), len(page.Names))
			}
			if token = "&NextToken=" + page.Next; page.Next == "" {
				break
			}
		}
		if len(names) != want || !slices.IsSorted(names) || len(slices.Compact(names)) != len(names) {
			t.Errorf("%s: %d instances, want %d: %q", query, len(names), want, names)
		}
	}
}

// TestAPI_together has two projects' clients at work at once, and each sees what it has done itself.
func TestAPI_together(t *testing.T) {
	s := serveAPI(t)
	var all sync.WaitGroup
	const each = 10
	for i := range each {
		for _, key := range []string{"apollo", "vostok"} {
			all.Go(func() {
				group := fmt.Sprintf("%s-%d", key, i)
				for query, code := range map[string]string{
					"Action=CreateSecurityGroup&GroupDescription=x&GroupName=" + group: "",
					"Action=DescribeInstances":                                                              "",
					"Action=DescribeSecurityGroups&GroupName.1=nobody":                                      "InvalidGroup.NotFound",
					"Action=TerminateInstances&InstanceId.1=i-00000001":                                     "UnsupportedOperation",
					"Action=DescribeSecurityGroups&Filter.1.Name=group-name&Filter.1.Value.1=" + key + "-*": "",
				} {
					if got, answer, err := s.ask(key, query); err != nil || got != code {
						t.Errorf("%s: %s %v %s", query, got, err, answer)
					}
				}
			})
		}
	}
	all.Wait()
	for _, key := range []string{"apollo", "vostok"} {
		text := s.wants(t, "", key, "Action=DescribeSecurityGroups&Filter.1.Name=group-name&Filter.1.Value.1=*-*")
		if n := strings.Count(text, "<groupName>"+key+"-"); n != each || strings.Count(text, "<groupName>") != each {
			t.Errorf("%s has %d groups: %s", key, n, text)
		}
	}
	s.must(t, "db check")
}

// TestAPI_gate gives the place of clients who keep their connections for later to those who ask.
func TestAPI_gate(t *testing.T) {
	s := serveAPI(t)
	at, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	var kept []*http.Transport
	for range mostConnects {
		transport := &http.Transport{}
		kept = append(kept, transport)
		response, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Get(s.url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	began := time.Now()
	s.wants(t, "", "apollo", "Action=DescribeInstances")
	if took := time.Since(began); took > idleTime/2 {
		t.Errorf("who asks has waited %s at %s", took, at.Host)
	}
	for _, transport := range kept {
		transport.CloseIdleConnections()
	}
}

// TestCoded has an error of the ledger keep its sentence, and one of another kind itself.
func TestCoded(t *testing.T) {
	exists := &db.Error{Message: "it is there", Kind: db.ErrExists}
	if got := coded(exists, errorCodes{db.ErrExists: "There"}); got.Error() != "There: it is there" {
		t.Errorf("%v", got)
	}
	if got := coded(exists, errorCodes{db.ErrNotFound: "Gone"}); got != error(exists) {
		t.Errorf("%v", got)
	}
	if got := coded(nil, errorCodes{db.ErrExists: "There"}); got != nil {
		t.Errorf("%v", got)
	}
}

// TestAPI_turns has a project take as many turns as it may, and never give them back: it waits for itself, and nobody else for it.
func TestAPI_turns(t *testing.T) {
	a := newAPI(&session{ledger: &ledger{LockTimeout: 50 * time.Millisecond}}, nil)
	for range mostOfOne {
		if _, err := a.turn(t.Context(), "apollo"); err != nil {
			t.Fatal(err)
		}
	}
	refused := (*ec2api.Error)(nil)
	if _, err := a.turn(t.Context(), "apollo"); !errors.As(err, &refused) || refused.Code != ec2api.Unavailable {
		t.Errorf("apollo's next one: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.turn(gone, "apollo"); !errors.Is(err, context.Canceled) {
		t.Errorf("one that has gone away: %v", err)
	}
	var ends []func()
	for len(a.turns) < mostAtOnce {
		done, err := a.turn(t.Context(), "vostok")
		if err != nil {
			t.Fatalf("vostok's, beside %d others: %v", len(a.turns), err)
		}
		ends = append(ends, done)
	}
	if _, err := a.turn(t.Context(), "gemini"); !errors.As(err, &refused) || len(a.share("gemini")) != 0 {
		t.Errorf("one more than there are: %v", err)
	}
	for _, done := range ends {
		done()
	}
	if len(a.turns) != mostOfOne || len(a.share("vostok")) != 0 {
		t.Errorf("%d turns are taken, and %d of vostok's", len(a.turns), len(a.share("vostok")))
	}
}
