package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"nova-manage/internal/configtest"
	"nova-manage/internal/race"
)

// Debian's programs. What else is called aws in somebody's PATH may be of version 1, and a python3 there knows no packages of Debian's.
const (
	awsProgram    = "/usr/bin/aws"
	pythonProgram = "/usr/bin/python3"
	botoPackage   = "/usr/lib/python3/dist-packages/boto"
)

// clientEnv is what a client of this machine's has: nothing of this machine.
func clientEnv(t testing.TB) []string {
	t.Helper()
	return []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "AWS_EC2_METADATA_DISABLED=true", "PYTHONDONTWRITEBYTECODE=1"}
}

// aws is Debian's AWS command line, by a key of the credentials file: the file that the server reads is the one that the client reads.
type aws struct {
	program string
	flags   []string
	env     []string
}

func newAWS(t testing.TB, url, keys, profile string, flags ...string) *aws {
	t.Helper()
	return &aws{
		program: configtest.Tool(t, awsProgram),
		flags:   append([]string{"--endpoint-url", url, "--region", "nova", "--profile", profile, "--output", "text"}, flags...),
		env:     append(clientEnv(t), "AWS_SHARED_CREDENTIALS_FILE="+keys),
	}
}

func (a *aws) run(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(a.program, append(append([]string{}, a.flags...), append([]string{"ec2"}, args...)...)...)
	cmd.Env = a.env
	return output(t, cmd)
}

func output(t testing.TB, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(hung, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Errorf("%s: %v", cmd, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

// prints wants exit code 0 and this answer.
func (a *aws) prints(t testing.TB, want string, args ...string) {
	t.Helper()
	if code, stdout, stderr := a.run(t, args...); code != 0 || stdout != want || stderr != "" {
		t.Errorf("aws ec2 %s: exit %d\n%s%s, want\n%s", strings.Join(args, " "), code, stdout, stderr, want)
	}
}

// succeeds wants exit code 0, and returns what is printed.
func (a *aws) succeeds(t testing.TB, args ...string) string {
	t.Helper()
	code, stdout, stderr := a.run(t, args...)
	if code != 0 || stderr != "" {
		t.Errorf("aws ec2 %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// fails wants the exit code of version 2 for an API's error, and this code of it.
func (a *aws) fails(t testing.TB, errorCode string, args ...string) {
	t.Helper()
	code, stdout, stderr := a.run(t, args...)
	if code != 254 || stdout != "" || !strings.Contains(stderr, "An error occurred ("+errorCode+") when calling") {
		t.Errorf("aws ec2 %s: exit %d, want 254 and %s\n%s%s", strings.Join(args, " "), code, errorCode, stdout, stderr)
	}
}

// tenants are a ledger that is served, of projects with a network and a key each. Each subtest has one of its own, so that they run at once.
type tenants struct {
	*endpoint
	l    *ledger
	keys string
}

var tenantNames = []string{"apollo", "gemini", "mercury", "skylab", "soyuz", "vostok"}

func newTenants(t *testing.T) *tenants {
	t.Helper()
	l := newLedger(t, "sqlite")
	l.must(t, "network", "create", "10.0.0.0/16", "6", "256", "--fixed_range_v6", "fd00:1::/48", "-q")
	var keys []apiKey
	var lines strings.Builder
	for i, name := range tenantNames {
		keys = append(keys, keyOf(name))
		fmt.Fprintf(&lines, "instance create web --project_id %s --mac 02:16:3e:33:44:%02x\n", name, 16*i)
	}
	// i-00000007 and i-00000008, the first without IPv6 addresses that anybody would guess
	fmt.Fprintln(&lines, "instance create db --project_id apollo --mac 02:16:3e:33:44:01 --fixed_ip_v6 fd00:1::db")
	fmt.Fprintln(&lines, "instance create cache --project_id apollo --mac 02:16:3e:33:44:02")
	fmt.Fprintln(&lines, "floating create node1 192.0.2.0/28")
	fmt.Fprintln(&lines, "floating create node1 2001:db8:f::/124")
	fmt.Fprintln(&lines, "floating associate apollo/web 192.0.2.1")
	fmt.Fprintln(&lines, "floating associate apollo/cache 2001:db8:f::1")
	fmt.Fprintln(&lines, "floating associate skylab/web 192.0.2.2")
	if a := l.runWith(t, lines.String(), "batch", "-q"); a.code != 0 {
		t.Fatalf("batch: exit %d\n%s", a.code, a.stderr)
	}
	reader := keyOf("apollo")
	reader.name, reader.id, reader.readOnly = "reader", "AKIDREADER", true
	path := writeKeys(t, filepath.Join(t.TempDir(), "keys"), append(keys, reader)...)
	return &tenants{endpoint: serveAPI(t, l, path), l: l, keys: path}
}

func (l *ledger) runWith(t testing.TB, stdin string, args ...string) answer {
	t.Helper()
	cmd := l.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	return answerOf(t, cmd, cmd.Run(), &stdout, &stderr)
}

// secgroup is `secgroup show` of a project's group in lines.
func (c *tenants) secgroup(t testing.TB, group string) string {
	t.Helper()
	return c.l.must(t, "secgroup", "show", group, "-f", "csv", "--filter", "cidr_ip~.")
}

// TestAPI_clients has the clients that people have ask: Debian's, unmodified.
func TestAPI_clients(t *testing.T) {
	race.SkipProcesses(t)
	t.Parallel()
	c := newTenants(t)
	of := func(t *testing.T, profile string) *aws {
		t.Parallel()
		return newAWS(t, c.url, c.keys, profile)
	}
	t.Run("at once", func(t *testing.T) {
		t.Run("instances", func(t *testing.T) { c.testInstances(t, of(t, "apollo")) })
		t.Run("refused", func(t *testing.T) { c.testRefused(t, of(t, "gemini")) })
		t.Run("rules", func(t *testing.T) { c.testRules(t, of(t, "mercury")) })
		t.Run("addresses", func(t *testing.T) { c.testAddresses(t, of(t, "vostok")) })
		t.Run("groups", func(t *testing.T) { c.testGroups(t, of(t, "soyuz")) })
		t.Run("boto", func(t *testing.T) { t.Parallel(); c.testBoto(t) })
		t.Run("curl", func(t *testing.T) { t.Parallel(); c.testCurl(t) })
	})
	if t.Failed() || t.Skipped() {
		return
	}
	c.l.clean(t)
}

func (c *tenants) testInstances(t *testing.T, a *aws) {
	// Pages are in the order of names.
	const columns = "[InstanceId,PublicIpAddress,NetworkInterfaces[0].Ipv6Addresses[0].Ipv6Address]"
	const all = "Reservations[].Instances[]." + columns
	const web, db, cache = "i-00000001\t192.0.2.1\tfd00:1::16:3eff:fe33:4400\n", "i-00000007\tNone\tfd00:1::db\n", "i-00000008\tNone\t2001:db8:f::1\n"
	a.prints(t, cache+db+web, "describe-instances", "--query", all, "--page-size", "1") // three requests
	a.prints(t, cache, "describe-instances", "--query", all, "--filters", "Name=ipv6-address,Values=2001:0DB8:f::0:1,fd00:dead::*")
	var page struct {
		Instances []string
		NextToken string
	}
	a.flags = append(a.flags, "--output", "json")
	const listed = "{Instances: Reservations[].Instances[].InstanceId, NextToken: NextToken}"
	var seen []string
	for range 2 {
		args := []string{"describe-instances", "--query", listed, "--max-items", "2", "--page-size", "2"}
		if page.NextToken != "" {
			args = append(args, "--starting-token", page.NextToken)
		}
		page.NextToken = ""
		parseJSON(t, a.succeeds(t, args...), &page)
		seen = append(seen, page.Instances...)
	}
	if fmt.Sprint(seen) != "[i-00000008 i-00000007 i-00000001]" || page.NextToken != "" {
		t.Errorf("in pages the instances are %v, and then %q", seen, page.NextToken)
	}
}

func (c *tenants) testRefused(t *testing.T, a *aws) {
	a.fails(t, "InvalidInstanceID.NotFound", "describe-instances", "--instance-ids", "i-00000001")                    // apollo's
	c.wants(t, keyOf("gemini"), 400, "InvalidInstanceID.NotFound", "DescribeInstances", "InstanceId.1", "i-00000099") // nobody's
	a.fails(t, "UnsupportedOperation", "run-instances", "--image-id", "ami-1")
	a.fails(t, "InvalidParameterValue", "describe-instances", "--filters", "Name=tag:Name,Values=web")
	wrong := keyOf("gemini")
	wrong.secret += "x"
	newAWS(t, c.url, writeKeys(t, filepath.Join(t.TempDir(), "keys"), wrong), "gemini").fails(t, "AuthFailure", "describe-instances")
	newAWS(t, c.url, c.keys, "reader").fails(t, "UnauthorizedOperation", "create-security-group", "--group-name", "www", "--description", "none")
}

func (c *tenants) testRules(t *testing.T, a *aws) {
	first := c.l.lastChange(t)
	rule := func(verb, cidr string) []string {
		return []string{verb + "-security-group-ingress", "--group-name", "default", "--protocol", "tcp", "--port", "22", "--cidr", cidr}
	}
	const heading = "ip_protocol,from_port,to_port,cidr_ip,source_group\n"
	a.succeeds(t, rule("authorize", "2001:db8::/32")...)
	if got := c.secgroup(t, "mercury/default"); got != heading+"tcp,22,22,2001:db8::/32,\n" {
		t.Errorf("the rules are\n%s", got)
	}
	a.fails(t, "InvalidPermission.Duplicate", rule("authorize", "2001:db8::/32")...)
	a.fails(t, "InvalidParameterValue", rule("authorize", "2001:db8::1/32")...)
	a.succeeds(t, "authorize-security-group-ingress", "--group-name", "default", "--ip-permissions",
		"IpProtocol=udp,FromPort=53,ToPort=53,IpRanges=[{CidrIp=192.0.2.0/24}],Ipv6Ranges=[{CidrIpv6=2001:db8:1::/48}]")
	a.prints(t, "22\tNone\t2001:db8::/32\n53\t192.0.2.0/24\tNone\n53\tNone\t2001:db8:1::/48\n", "describe-security-groups", "--group-names", "default",
		"--query", "SecurityGroups[].IpPermissions[?!UserIdGroupPairs][].[FromPort,IpRanges[0].CidrIp,Ipv6Ranges[0].CidrIpv6]")
	a.succeeds(t, rule("revoke", "2001:db8::/32")...)
	c.wants(t, keyOf("mercury"), 400, "InvalidPermission.NotFound", "RevokeSecurityGroupIngress", "GroupName", "default", "IpProtocol", "tcp", "FromPort", "22",
		"ToPort", "22", "CidrIp", "2001:db8::/32")
	if got := c.secgroup(t, "mercury/default"); got != heading+"udp,53,53,192.0.2.0/24,\nudp,53,53,2001:db8:1::/48,\n" {
		t.Errorf("the rules are\n%s", got)
	}
	// History has a change for each that was made, by the key, and none for what was refused.
	var changes []struct {
		Number         int
		Actor, Command string
	}
	parseJSON(t, c.l.must(t, "history", "--actor", "mercury", "--sort", "number", "-f", "json"), &changes)
	var said []string
	for _, change := range changes {
		if change.Number > first && change.Actor == "mercury" {
			action, _, _ := strings.Cut(strings.TrimPrefix(change.Command, "api "), " ")
			said = append(said, action)
		}
	}
	if fmt.Sprint(said) != "[AuthorizeSecurityGroupIngress AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress]" {
		t.Errorf("history has %v", changes)
	}
}

func (c *tenants) testAddresses(t *testing.T, a *aws) {
	const list = "Addresses[].[PublicIp,InstanceId,PrivateIpAddress]"
	var fixed []struct {
		FixedIP string `json:"fixed_ip"`
	}
	parseJSON(t, c.l.must(t, "instance", "list", "--project_id", "vostok", "-f", "json"), &fixed)
	associate := []string{"associate-address", "--instance-id", "i-00000006", "--public-ip", "192.0.2.5"}
	a.fails(t, "DryRunOperation", append(associate, "--dry-run")...)
	a.prints(t, "", "describe-addresses", "--query", list)
	a.succeeds(t, associate...)
	a.prints(t, "192.0.2.5\ti-00000006\t"+fixed[0].FixedIP+"\n", "describe-addresses", "--query", list)
	k := keyOf("vostok")
	c.wants(t, k, 400, "InvalidInstanceID.NotFound", "AssociateAddress", "InstanceId", "i-00000001", "PublicIp", "192.0.2.6")
	c.wants(t, k, 400, "InvalidAddress.NotFound", "AssociateAddress", "InstanceId", "i-00000006", "PublicIp", "192.0.2.1", "AllowReassociation", "true") // apollo's
	c.wants(t, k, 400, "InvalidAssociationID.NotFound", "DisassociateAddress", "PublicIp", "192.0.2.1")
	a.succeeds(t, "disassociate-address", "--public-ip", "192.0.2.5")
	if got := c.l.must(t, "instance", "list", "--project_id", "vostok", "-f", "value", "-c", "floating_ip"); strings.TrimSpace(got) != "" {
		t.Errorf("the instance has %s", got)
	}
}

func (c *tenants) testGroups(t *testing.T, a *aws) {
	id := strings.TrimSpace(a.succeeds(t, "create-security-group", "--group-name", "www", "--description", "the web", "--query", "GroupId"))
	if got := c.l.must(t, "secgroup", "list", "--project_id", "soyuz", "-f", "csv", "-c", "name", "-c", "description"); !strings.Contains(got, "www,the web\n") {
		t.Errorf("the groups are\n%s", got)
	}
	a.fails(t, "InvalidGroup.Duplicate", "create-security-group", "--group-name", "www", "--description", "again")
	a.succeeds(t, "authorize-security-group-ingress", "--group-id", id, "--source-group", "default", "--protocol", "tcp", "--port", "80")
	if got := c.l.must(t, "secgroup", "show", "soyuz/www", "-f", "value"); !strings.Contains(got, "default") {
		t.Errorf("the rules are %s", got)
	}
	a.succeeds(t, "delete-security-group", "--group-id", id)
	k := keyOf("soyuz")
	c.wants(t, k, 400, "InvalidGroup.NotFound", "DeleteSecurityGroup", "GroupName", "www")
	c.wants(t, k, 400, "CannotDelete", "DeleteSecurityGroup", "GroupName", "default")
}

func (c *tenants) testBoto(t *testing.T) {
	python := configtest.Tool(t, pythonProgram)
	if _, err := os.Stat(botoPackage); err != nil {
		t.Skip("this release of Debian has no boto 2 (python3-boto), or it is not installed")
	}
	u, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "ec2", "boto_v6.py"), u.Port(), "skylab", "i-00000001")
	cmd.Env = clientEnv(t)
	home := strings.TrimPrefix(cmd.Env[1], "HOME=")
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(c.keys, filepath.Join(home, ".aws", "credentials")); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := output(t, cmd)
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	instance := func(six any) []any {
		return []any{[]any{"skylab", "i-00000004", "192.0.2.2", "10.0.3.3", "192.0.2.2", six, []any{"default"}}}
	}
	rule := func(protocol, from, to, cidr string) any { return []any{protocol, from, to, []any{cidr}} }
	want := map[string]any{
		"v6":            instance("fd00:1:0:3:16:3eff:fe33:4430"),
		"plain":         instance(nil),
		"by boto alone": []any{"i-00000004"},
		"authorize":     []any{true, true},
		"twice":         "InvalidPermission.Duplicate",
		"host bits":     "InvalidParameterValue",
		"flat":          true,
		"rules":         []any{rule("tcp", "22", "22", "2001:db8::/32"), rule("tcp", "22", "22", "192.0.2.0/24"), rule("icmp", "-1", "-1", "::/0")},
		"revoke":        []any{true},
		"rules then":    []any{rule("tcp", "22", "22", "192.0.2.0/24"), rule("icmp", "-1", "-1", "::/0")},
		"revoke twice":  "InvalidPermission.NotFound",
		"a stranger":    "InvalidInstanceID.NotFound",
		"run":           "UnsupportedOperation",
		"wrong secret":  "AuthFailure",
		"addresses":     []any{[]any{"192.0.2.2", "i-00000004"}},
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	for name := range got {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s is %v, want %v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("the answers are %s", stdout)
	}
}

func (c *tenants) testCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not in PATH")
	}
	if out, err := exec.Command(curl, "--help", "auth").CombinedOutput(); err != nil || !strings.Contains(string(out), "--aws-sigv4") {
		t.Skip("this curl does not sign")
	}
	k := keyOf("apollo")
	cmd := exec.Command(curl, "--silent", "--show-error", "--config", "-", "--aws-sigv4", "aws:amz:nova:ec2",
		"--data", "Action=DescribeInstancesV6&Version=2010-08-31", c.url)
	cmd.Env = clientEnv(t)
	cmd.Stdin = strings.NewReader(fmt.Sprintf("user = \"%s:%s\"\n", k.id, k.secret))
	code, stdout, stderr := output(t, cmd)
	if code != 0 || !strings.Contains(stdout, "<dnsNameV6>fd00:1::16:3eff:fe33:4400</dnsNameV6>") || strings.Contains(stdout, "networkInterfaceSet") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}
