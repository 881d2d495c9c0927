package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"tidings/e2e/cluster"
	"tidings/e2e/witness"
)

// A delivery is one record that a receiver got.
type delivery struct {
	UID             string
	ResourceVersion uint64
	Count           int64
	Namespace       string
	Name            string
	FirstTimestamp  string
	Reason          string
	Message         string
	Component       string
	Line            string // as it came
}

// missed tells whether it is Tidings' own statement that Events may have come and gone unseen.
func (d delivery) missed() bool { return d.Reason == "EventsMissed" && d.Component == "tidings" }

func parseDelivery(line []byte) (delivery, error) {
	var event corev1.Event
	if err := json.Unmarshal(line, &event); err != nil {
		return delivery{}, fmt.Errorf("a delivered record is no JSON document: %w: %.200s", err, line)
	}
	d := delivery{
		UID: string(event.UID), Count: witness.Count(&event), Namespace: event.Namespace, Name: event.Name,
		Reason: event.Reason, Message: event.Message, Component: event.ReportingController, Line: string(line),
	}
	d.ResourceVersion, _ = strconv.ParseUint(event.ResourceVersion, 10, 64)
	if !event.FirstTimestamp.IsZero() {
		d.FirstTimestamp = event.FirstTimestamp.UTC().Format(time.RFC3339)
	}
	return d, nil
}

// A tidings is the program under test with its two receivers: a file, and a webhook that we serve.
type tidings struct {
	t    *testing.T
	name string
	dir  string
	env  []string
	args []string

	process  *cluster.Process
	killedAt uint64 // what came up to here was perhaps on its way when the process was killed, and may come again
	log      string
	logFrom  int64 // where the log of the present process begins
	hook     *hook
}

type hook struct {
	mutex  sync.Mutex
	bodies [][]byte
}

func (h *hook) ServeHTTP(_ http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // cut off in the middle: it will come again
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.bodies = append(h.bodies, body)
}

// access is what a tidings needs to reach a cluster as its ServiceAccount.
type access struct {
	cluster    *cluster.Cluster
	kubeconfig string
	tokenFile  string
	bound      string // the Secret that the token lives and dies with
}

// grantAccess sets up the ServiceAccount of deploy/rbac.yaml and a token of it. The server may be a proxy.
func grantAccess(t *testing.T, name string, c *cluster.Cluster, server string) *access {
	t.Helper()
	if err := applyRBAC(context.Background(), c); err != nil {
		t.Fatalf("apply deploy/rbac.yaml: %v", err)
	}
	dir := filepath.Join(workDir, "access-"+name)
	must(t, os.MkdirAll(dir, 0o755))
	a := &access{cluster: c, kubeconfig: filepath.Join(dir, "kubeconfig"), tokenFile: filepath.Join(dir, "token")}
	a.rotate(t, name)
	must(t, c.WriteKubeconfig(a.kubeconfig, server, a.tokenFile))
	return a
}

// rotate replaces the token; the one before stays valid until it is revoked.
func (a *access) rotate(t *testing.T, bound string) {
	t.Helper()
	if err := a.cluster.WriteToken(context.Background(), a.tokenFile, "tidings", "tidings", bound); err != nil {
		t.Fatalf("mint a token: %v", err)
	}
	a.bound = bound
}

// revoke ends a token and waits until the API server has forgotten that it was good.
func (a *access) revoke(t *testing.T, bound string) {
	t.Helper()
	if err := a.cluster.RevokeToken(context.Background(), "tidings", bound); err != nil {
		t.Fatalf("revoke a token: %v", err)
	}
	time.Sleep(12 * time.Second)
}

var rbacMutex sync.Mutex

func applyRBAC(ctx context.Context, c *cluster.Cluster) error {
	rbacMutex.Lock()
	defer rbacMutex.Unlock()
	if err := c.CreateNamespace(ctx, "tidings"); err != nil {
		return err
	}
	if _, err := c.Client.CoreV1().ServiceAccounts("tidings").Get(ctx, "tidings", metav1.GetOptions{}); err == nil {
		return nil
	}
	text, err := os.ReadFile("../deploy/rbac.yaml")
	if err != nil {
		return err
	}
	var (
		account    corev1.ServiceAccount
		role       rbacv1.ClusterRole
		binding    rbacv1.ClusterRoleBinding
		election   rbacv1.Role
		electorate rbacv1.RoleBinding
	)
	documents := strings.Split(string(text), "\n---\n")
	if len(documents) != 5 {
		return fmt.Errorf("it has %d documents instead of 5", len(documents))
	}
	for i, into := range []any{&account, &role, &binding, &election, &electorate} {
		if err := yaml.UnmarshalStrict([]byte(documents[i]), into); err != nil {
			return err
		}
	}
	if _, err := c.Client.RbacV1().ClusterRoles().Create(ctx, &role, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := c.Client.RbacV1().ClusterRoleBindings().Create(ctx, &binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := c.Client.RbacV1().Roles("tidings").Create(ctx, &election, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := c.Client.RbacV1().RoleBindings("tidings").Create(ctx, &electorate, metav1.CreateOptions{}); err != nil {
		return err
	}
	_, err = c.Client.CoreV1().ServiceAccounts("tidings").Create(ctx, &account, metav1.CreateOptions{})
	return err
}

// omitLookup: most Events here are about nothing. enrich_test.go is about those that are not. limits: bursts
// are what these tests are made of, and each revision is expected.
const config = `clusterName: e2e
maxEventAgeSeconds: 60
omitLookup: true
limits: {perNamespace: off}
route:
  routes:
    - match:
        - receiver: dump
        - receiver: hook
receivers:
  - name: dump
    repeats: every
    file:
      path: %s
  - name: hook
    repeats: every
    webhook:
      endpoint: %s/
`

// newTidings prepares a program under test; start starts it. Its folder outlives its restarts.
func newTidings(t *testing.T, name string, a *access, encoding string) *tidings {
	t.Helper()
	program := binary(t)
	dir := filepath.Join(workDir, "tidings-"+name)
	must(t, os.MkdirAll(filepath.Join(dir, "state"), 0o755))
	x := &tidings{t: t, name: name, dir: dir, env: []string{"TIDINGS_API_ENCODING=" + encoding, "TIDINGS_METRICS_ADDRESS=off"}, log: filepath.Join(dir, "tidings.log"), hook: &hook{}}
	server := httptest.NewServer(x.hook)
	t.Cleanup(server.Close)
	configFile := filepath.Join(dir, "config.yaml")
	must(t, os.WriteFile(configFile, fmt.Appendf(nil, config, x.dumpFile(), server.URL), 0o644))
	x.args = []string{program, "run", "--config", configFile, "--kubeconfig", a.kubeconfig, "--state", filepath.Join(dir, "state")}
	t.Cleanup(func() {
		if x.process != nil {
			x.process.Signal(syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("%s: the end of its log (%s):\n%s", x.name, x.log, x.tail(40))
		}
	})
	return x
}

func (x *tidings) dumpFile() string { return filepath.Join(x.dir, "dump.ndjson") }

// start starts the program and waits until it says that it watches.
func (x *tidings) start() {
	x.t.Helper()
	log, err := os.OpenFile(x.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		x.t.Fatal(err)
	}
	defer log.Close()
	if info, err := log.Stat(); err == nil {
		x.logFrom = info.Size()
	}
	if x.process, err = cluster.StartProcess(log, x.env, x.args[0], x.args[1:]...); err != nil {
		x.t.Fatalf("start %s: %v", x.name, err)
	}
	for range 600 {
		if strings.Contains(x.logSince(), "watching") {
			return
		}
		if !x.process.Running() {
			code, _ := x.process.Wait(time.Second)
			x.t.Fatalf("%s ended with exit code %d before it was watching", x.name, code)
		}
		time.Sleep(100 * time.Millisecond)
	}
	x.t.Fatalf("%s has not said %q on stderr after a minute", x.name, "watching")
}

// stop asks the program to stop; it must do so, and say that all is well.
func (x *tidings) stop() {
	x.t.Helper()
	x.process.Signal(syscall.SIGTERM)
	code, err := x.process.Wait(40 * time.Second)
	if err != nil {
		x.t.Errorf("after SIGTERM: %v", err)
		x.kill()
	} else if code != 0 {
		x.t.Errorf("%s ended with exit code %d after SIGTERM", x.name, code)
	}
}

// kill ends the program at once.
func (x *tidings) kill() {
	x.process.Signal(syscall.SIGKILL)
	_, _ = x.process.Wait(10 * time.Second)
}

func (x *tidings) logSince() string {
	text, err := os.ReadFile(x.log)
	if err != nil || int64(len(text)) < x.logFrom {
		return ""
	}
	return string(text[x.logFrom:])
}

func (x *tidings) tail(lines int) string {
	text, _ := os.ReadFile(x.log)
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

var receivers = []string{"dump", "hook"}

// delivered returns what a receiver has got until now.
func (x *tidings) delivered(receiver string) []delivery {
	x.t.Helper()
	var lines [][]byte
	if receiver == "hook" {
		x.hook.mutex.Lock()
		lines = append(lines, x.hook.bodies...)
		x.hook.mutex.Unlock()
	} else {
		lines = completeLines(x.t, x.dumpFile())
	}
	var all []delivery
	for _, line := range lines {
		d, err := parseDelivery(line)
		if err != nil {
			x.t.Fatalf("%s, %s: %v", x.name, receiver, err)
		}
		all = append(all, d)
	}
	return all
}

// completeLines reads the lines of a file that somebody is writing; the last may not be there yet.
func completeLines(t *testing.T, path string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	var lines [][]byte
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, 4<<20)
	for scanner.Scan() {
		lines = append(lines, bytes.Clone(scanner.Bytes()))
	}
	return lines
}

// missed returns the statements of a receiver that Events were missed.
func (x *tidings) missed(receiver string) []delivery {
	x.t.Helper()
	var found []delivery
	for _, d := range x.delivered(receiver) {
		if d.missed() {
			found = append(found, d)
		}
	}
	return found
}

// --- what must have arrived ------------------------------------------------------------------------------------------

// A revision is one state of one Event.
type revision struct {
	UID             string
	ResourceVersion uint64
}

// routed keeps of what a witness saw what a receiver must get: an Event that is new or has happened again.
func routed(sights []witness.Sight) map[revision]witness.Sight {
	want := map[revision]witness.Sight{}
	for _, sight := range sights {
		if sight.Type != "DELETED" {
			want[revision{sight.UID, sight.ResourceVersion}] = sight
		}
	}
	return want
}

// expectEach waits until every revision has arrived at both receivers, then expects each once, and none but these
// among the deliveries that the filter takes.
func (x *tidings) expectEach(want map[revision]witness.Sight, atMost time.Duration, takes func(delivery) bool) {
	x.t.Helper()
	x.waitFor(want, atMost)
	for _, receiver := range receivers {
		x.compare(receiver, want, takes)
	}
}

// waitFor waits until every revision has arrived at both receivers, and a little more: a second copy would come late.
func (x *tidings) waitFor(want map[revision]witness.Sight, atMost time.Duration) {
	x.t.Helper()
	deadline := time.Now().Add(atMost)
	for time.Now().Before(deadline) && x.process.Running() && !x.haveArrived(want) {
		time.Sleep(time.Second)
	}
	time.Sleep(3 * time.Second)
}

func (x *tidings) haveArrived(want map[revision]witness.Sight) bool {
	x.t.Helper()
	for _, receiver := range receivers {
		arrived := x.arrived(receiver)
		for key := range want {
			if !arrived[key] {
				return false
			}
		}
	}
	return true
}

// arrived returns the revisions that a receiver has got.
func (x *tidings) arrived(receiver string) map[revision]bool {
	x.t.Helper()
	arrived := map[revision]bool{}
	for _, d := range x.delivered(receiver) {
		arrived[revision{d.UID, d.ResourceVersion}] = true
	}
	return arrived
}

func (x *tidings) compare(receiver string, want map[revision]witness.Sight, takes func(delivery) bool) {
	x.t.Helper()
	times := map[revision]int{}
	var strangers []string
	highest := map[string]int64{}
	for _, d := range x.delivered(receiver) {
		if d.missed() || !takes(d) {
			continue
		}
		key := revision{d.UID, d.ResourceVersion}
		times[key]++
		if _, wanted := want[key]; !wanted {
			strangers = append(strangers, fmt.Sprintf("%s/%s at %d (%s)", d.Namespace, d.Name, d.ResourceVersion, d.Reason))
		}
		lineage := d.Namespace + "/" + d.Name + "/" + d.FirstTimestamp
		highest[lineage] = max(highest[lineage], d.Count)
	}
	var lost, repeated []string
	wantHighest := map[string]int64{}
	for key, sight := range want {
		text := fmt.Sprintf("%s/%s at %d (%s, %s, count %d)", sight.Namespace, sight.Name, sight.ResourceVersion, sight.Type, sight.Reason, sight.Count)
		switch n := times[key]; {
		case n == 0:
			lost = append(lost, text)
		case n > 1 && key.ResourceVersion > x.killedAt:
			repeated = append(repeated, fmt.Sprintf("%s, %d times", text, n))
		}
		lineage := sight.Namespace + "/" + sight.Name + "/" + sight.FirstTimestamp
		wantHighest[lineage] = max(wantHighest[lineage], sight.Count)
	}
	var miscounted []string
	for lineage, count := range wantHighest {
		if highest[lineage] != count {
			miscounted = append(miscounted, fmt.Sprintf("%s: %d instead of %d", lineage, highest[lineage], count))
		}
	}
	x.t.Logf("%s, %s: %d revisions wanted, %d lost, %d repeated, %d unexpected, %d lineages miscounted",
		x.name, receiver, len(want), len(lost), len(repeated), len(strangers), len(miscounted))
	x.report(receiver, "lost", lost)
	x.report(receiver, "repeated", repeated)
	x.report(receiver, "unexpected", strangers)
	x.report(receiver, "miscounted", miscounted)
}

func (x *tidings) report(receiver, what string, found []string) {
	x.t.Helper()
	if len(found) == 0 {
		return
	}
	sort.Strings(found)
	x.t.Errorf("%s, %s: %d %s, such as\n  %s", x.name, receiver, len(found), what, strings.Join(found[:min(8, len(found))], "\n  "))
}

// within takes the deliveries of a range of resourceVersions.
func within(after, upTo uint64) func(delivery) bool {
	return func(d delivery) bool { return d.ResourceVersion > after && d.ResourceVersion <= upTo }
}

// expectMissed expects so many statements at both receivers.
func (x *tidings) expectMissed(atLeast, atMost int) {
	x.t.Helper()
	for _, receiver := range receivers {
		found := x.missed(receiver)
		for _, d := range found {
			x.t.Logf("%s, %s: EventsMissed: %s", x.name, receiver, d.Message)
			if !strings.Contains(d.Line, `"type":"Warning"`) {
				x.t.Errorf("%s, %s: EventsMissed is no Warning: %s", x.name, receiver, d.Line)
			}
		}
		if len(found) < atLeast || len(found) > atMost {
			x.t.Errorf("%s, %s: %d EventsMissed instead of %d to %d", x.name, receiver, len(found), atLeast, atMost)
		}
	}
}
