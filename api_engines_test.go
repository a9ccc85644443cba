package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"nova-manage/internal/race"
)

// TestAPI_engines has clients in each other's way on both engines: of those who ask for the same, one is first, and nothing is done by halves.
func TestAPI_engines(t *testing.T) {
	race.SkipProcesses(t)
	t.Parallel()
	eachEngine(t, func(t *testing.T, l *ledger) {
		e, k, _ := newAPI(t, l)
		l.must(t, "instance", "create", "vm", "--count", "9", "--project_id", "apollo")
		l.must(t, "floating", "create", "192.0.2.0/28")
		l.must(t, "secgroup", "create", "apollo/web")
		var mu sync.Mutex
		codes := map[string]int{}
		var all sync.WaitGroup
		for i := range 40 {
			// Each rule is asked for four times, together with another one.
			params := []string{"GroupName", "web"}
			for n, port := range []int{1 + i/4, 100 + i/4} {
				at := fmt.Sprintf("IpPermissions.%d.", n+1)
				params = append(params, at+"IpProtocol", "tcp", at+"FromPort", fmt.Sprint(port), at+"ToPort", fmt.Sprint(port), at+"IpRanges.1.CidrIp", "::/0")
			}
			asked := []*http.Request{
				e.request(t, k, form("AuthorizeSecurityGroupIngress", params...), time.Now()),
				e.request(t, k, form("AssociateAddress", "InstanceId", fmt.Sprintf("i-%08x", 1+i%10), "PublicIp", "192.0.2.7"), time.Now()),
			}
			for _, r := range asked {
				all.Go(func() {
					got := e.send(t, r)
					mu.Lock()
					defer mu.Unlock()
					codes[got.code]++
				})
			}
		}
		all.Wait()
		// One of ten instances is first, and its other requests find that it has the address.
		if codes[""] != 10+4 || codes["InvalidPermission.Duplicate"] != 30 || codes["Resource.AlreadyAssociated"] != 36 {
			t.Errorf("the answers are %v\n%s", codes, e.log)
		}
		if rules := l.must(t, "secgroup", "show", "apollo/web", "-f", "value"); strings.Count(rules, "\n") != 20 {
			t.Errorf("the rules are\n%s", rules)
		}
		e.wants(t, k, 412, "DryRunOperation", "DisassociateAddress", "PublicIp", "192.0.2.7", "DryRun", "true")
		e.wants(t, k, 200, "", "DisassociateAddress", "PublicIp", "192.0.2.7")
		e.wants(t, k, 400, "InvalidAssociationID.NotFound", "DisassociateAddress", "PublicIp", "192.0.2.7")
		if got := e.wants(t, k, 200, "", "DescribeInstances", "MaxResults", "4"); strings.Count(got.body, "<instanceId>") != 4 || !strings.Contains(got.body, "<nextToken>") {
			t.Errorf("a page is %v", got)
		}
		if got := e.wants(t, k, 200, "", "DescribeInstances"); strings.Count(got.body, "<instanceId>") != 10 {
			t.Errorf("all are %v", got)
		}
		l.clean(t)
	})
}
