package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"nova-manage/internal/ec2test"
)

// apiCases are EC2 clients beside the command line. A side is a server of its own, so that its memory is that of the case.
var apiCases = []benchCase{
	{
		name: "api: 400 times one instance, 8 requests at once, by instances in the ledger", aim: "at most 2× the smaller ledger; memory flat", requests: 400,
		sides: serving([]int{100_000, 10}, func(e *endpoint) error { return e.repeat(400, 8, e.oneInstance) }),
	},
	{
		name: "api: 400 times the security groups, 8 requests at once", aim: "at most 2× the smaller ledger; memory flat", requests: 400,
		sides: serving([]int{100_000, 10}, func(e *endpoint) error {
			return e.repeat(400, 8, func(int) error { return e.ask("Action=DescribeSecurityGroups") })
		}),
	},
	{
		name: "api: 50 rules let in and taken back, one request after the other", aim: "at most 2× the smaller ledger; memory flat", requests: 100,
		sides: serving([]int{100_000, 10}, func(e *endpoint) error { return e.repeat(50, 1, e.rule) }),
	},
	{
		name: "api: one request, beside one process", aim: "less than the process",
		sides: serving([]int{100_000, 10}, func(e *endpoint) error { return e.oneInstance(0) }, "instance", "list", "--filter", "id=i-00000005"),
	},
	{
		name: "api: all of 100,000 instances in one answer, beside one process", aim: "memory as for one instance", rounds: 5,
		sides: serving([]int{100_000}, func(e *endpoint) error { return e.ask("Action=DescribeInstances") },
			"instance", "list", "--project_id", "apollo", "-f", "json"),
	},
	{
		name: "api: all of 100,000 instances in pages of 1000", aim: "at most 2× one answer", rounds: 5,
		sides: serving([]int{100_000}, (*endpoint).pages),
	},
}

// serving times requests to a server for each number of instances, and beside each the command on the same ledger, if there is one.
func serving(instances []int, requests func(*endpoint) error, command ...string) func(*world) ([]side, error) {
	return func(w *world) (sides []side, err error) {
		for _, n := range instances {
			e, err := w.serve(n)
			if err != nil {
				return nil, err
			}
			sides = append(sides, side{fmt.Sprintf("nova-manage api serve, %d instances", n), func() (cost, error) { return e.time(requests) }})
			if len(command) > 0 {
				sides = append(sides, side{fmt.Sprintf("nova-manage %s, %d instances", command[0], n),
					func() (cost, error) { return stopwatch(w.nova(e.ledger, command...)) }})
			}
		}
		return sides, nil
	}
}

// endpoint is a server on a ledger whose instances are all of project apollo.
type endpoint struct {
	ledger, url string
	instances   int
	server      *exec.Cmd
	client      *http.Client
}

const keyID, secret = "NOVABENCH", "0123456789abcdef0123456789abcdef01234567"

// serve starts a server on the ledger with so many instances. It runs until the bench ends.
func (w *world) serve(instances int) (*endpoint, error) {
	name := fmt.Sprintf("api %d", instances)
	if w.made[name] == "" {
		ledger, err := w.ledger("network", "create", "10.0.0.0/15", "1", "131072", "--vlan_start", "100", "--fixed_range_v6", "fd00:1::/48", "--project_id", "apollo", "-q")
		if err != nil {
			return nil, err
		}
		for _, command := range [][]string{
			{"instance", "create", "web", "--project_id", "apollo", "--count", fmt.Sprint(instances), "-q"},
			{"secgroup", "create", "apollo/web", "-q"},
		} {
			if _, err := w.ask(w.nova(ledger, command...)); err != nil {
				return nil, err
			}
		}
		w.made[name] = ledger
	}
	credentials := filepath.Join(w.dir, "credentials")
	text := fmt.Sprintf("[bench]\naws_access_key_id = %s\naws_secret_access_key = %s\nproject_id = apollo\n", keyID, secret)
	if err := os.WriteFile(credentials, []byte(text), 0o600); err != nil {
		return nil, err
	}
	e := &endpoint{ledger: w.made[name], instances: instances, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
	e.server = w.nova(e.ledger, "api", "serve", "--listen", "127.0.0.1:0", "--credentials", credentials)
	log, err := e.server.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := e.server.Start(); err != nil {
		return nil, err
	}
	w.running = append(w.running, e.server)
	first, err := bufio.NewReader(log).ReadString('\n')
	_, at, ok := strings.Cut(strings.TrimSpace(first), "listening on ")
	if !ok {
		return nil, fmt.Errorf("the server said %q: %w", first, err)
	}
	e.url = at
	return e, nil
}

// stop ends the servers.
func (w *world) stop() {
	for _, server := range w.running {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	}
}

// time is what requests take, and the most memory that the server has had so far.
func (e *endpoint) time(requests func(*endpoint) error) (c cost, err error) {
	start := time.Now()
	err = requests(e)
	c.time = time.Since(start)
	done := make(chan struct{})
	time.AfterFunc(20*time.Millisecond, func() { close(done) })
	c.memory = watchMemory(e.server.Process.Pid, done)
	return c, err
}

// repeat sends n requests, so many at once.
func (e *endpoint) repeat(n, atOnce int, one func(i int) error) error {
	var wait sync.WaitGroup
	errs := make([]error, atOnce)
	for worker := range atOnce {
		wait.Go(func() {
			for i := worker; i < n && errs[worker] == nil; i += atOnce {
				errs[worker] = one(i)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *endpoint) oneInstance(i int) error {
	return e.ask(fmt.Sprintf("Action=DescribeInstances&InstanceId.1=i-%08x", 1+i*7919%e.instances))
}

func (e *endpoint) rule(i int) error {
	rule := fmt.Sprintf("SecurityGroupIngress&CidrIp=%s&FromPort=%d&GroupName=web&IpProtocol=tcp&ToPort=%[2]d", url.QueryEscape("2001:db8::/32"), 1+i)
	if err := e.ask("Action=Authorize" + rule); err != nil {
		return err
	}
	return e.ask("Action=Revoke" + rule)
}

var nextToken = regexp.MustCompile("<nextToken>([^<]+)</nextToken>")

func (e *endpoint) pages() error {
	for n, token := 0, ""; ; n++ {
		text, err := e.answer("Action=DescribeInstances&MaxResults=1000" + token)
		if err != nil {
			return err
		}
		next := nextToken.FindStringSubmatch(text)
		if next == nil {
			if want := (e.instances - 1) / 1000; n != want {
				return fmt.Errorf("%d pages, want %d", n, want)
			}
			return nil
		}
		token = "&NextToken=" + next[1]
	}
}

// ask sends a request and reads past the answer.
func (e *endpoint) ask(query string) error {
	response, err := e.send(query)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func (e *endpoint) answer(query string) (string, error) {
	response, err := e.send(query)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// send signs a request and sends it.
func (e *endpoint) send(query string) (*http.Response, error) {
	body := query + "&Version=2016-11-15"
	request, err := http.NewRequest("POST", e.url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	ec2test.Sign(request, body, keyID, secret, time.Now())
	response, err := e.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("%s: %s: %s", query, response.Status, text)
	}
	return response, nil
}
