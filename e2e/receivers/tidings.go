package receivers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/e2e/cluster"
)

const settings = `clusterName: e2e
omitLookup: true
limits: {perNamespace: off}
route: {routes: [{match: [{receiver: tested}]}]}
receivers:
  - name: tested
    probe: 1s
`

// A Tidings is the program under test. It reads events from a pipe that the test writes into, so the test decides what
// happens when.
type Tidings struct {
	t       *testing.T
	dir     string
	process *cluster.Process
	input   *os.File
	logFrom int64 // what the log had when it was last looked at

	fed     map[string]bool // the ids of all events so far
	last    string          // the last ones, as they were written
	version int
}

// Run starts Tidings with this receiver.
func Run(t *testing.T, receiver string) *Tidings {
	t.Helper()
	dir := t.TempDir()
	x := &Tidings{t: t, dir: dir, fed: map[string]bool{}}
	config := settings
	for line := range strings.Lines(strings.TrimSpace(receiver) + "\n") {
		config += "    " + line
	}
	must(t, os.WriteFile(x.path("config.yaml"), []byte(config), 0o644))
	must(t, os.Mkdir(x.path("state"), 0o755))
	must(t, syscall.Mkfifo(x.path("input"), 0o600))
	t.Cleanup(func() {
		x.Kill()
		if t.Failed() {
			t.Logf("the end of the log of Tidings:\n%s", tail(x.wholeLog(), 40))
		}
	})
	x.Start()
	return x
}

func (x *Tidings) path(name string) string { return filepath.Join(x.dir, name) }

// Start starts the program, for example after a Kill; it goes on with the same state.
func (x *Tidings) Start() {
	x.t.Helper()
	program := os.Getenv("TIDINGS_BIN")
	if program == "" {
		x.t.Fatal("TIDINGS_BIN is not set: build tidings and say TIDINGS_BIN=/path/to/tidings, or run e2e/receivers/run.sh")
	}
	log, err := os.OpenFile(x.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(x.t, err)
	defer log.Close()
	env := []string{"TIDINGS_METRICS_ADDRESS=off", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"}
	x.process, err = cluster.StartProcess(log, env, program, "run", "--config", x.path("config.yaml"), "--state", x.path("state"),
		"--source", x.path("input"), "--drain-timeout", "60")
	must(x.t, err)
	// Opened for both directions, so that it does not wait for the program.
	x.input, err = os.OpenFile(x.path("input"), os.O_RDWR, 0)
	must(x.t, err)
	x.waitForLog(x.t, "tidings ")
}

// Feed lets so many events happen.
func (x *Tidings) Feed(events int) {
	x.t.Helper()
	var text strings.Builder
	for range events {
		x.version++
		uid := fmt.Sprintf("0e2e0000-%04d-4000-8000-%012d", x.process.ID()%10000, x.version)
		fmt.Fprintf(&text, event, uid, x.version, time.Now().UTC().Format(time.RFC3339), x.version%17)
		text.WriteByte('\n')
		x.fed[fmt.Sprintf("%s/%d", uid, x.version)] = true
	}
	x.last = text.String()
	x.FeedAgain()
}

// FeedAgain writes the last events once more. What the program had read and not saved yet when it was killed would be asked of
// an API server again, too.
func (x *Tidings) FeedAgain() {
	x.t.Helper()
	_, err := x.input.WriteString(x.last)
	must(x.t, err)
}

const event = `{"apiVersion":"v1","kind":"Event","metadata":{"name":"web.%[1]s","namespace":"shop","uid":"%[1]s","resourceVersion":"%[2]d",` +
	`"creationTimestamp":"%[3]s"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"web-%[4]d","uid":"22bb"},` +
	`"reason":"BackOff","message":"back-off restarting <failed> \"container\" äöü","type":"Warning","count":1,` +
	`"firstTimestamp":"%[3]s","lastTimestamp":"%[3]s","source":{"component":"kubelet","host":"node-a"}}`

// End closes the input; the program sends what it has and ends.
func (x *Tidings) End(t *testing.T) int {
	t.Helper()
	must(t, x.input.Close())
	code, err := x.process.Wait(arrival)
	must(t, err)
	return code
}

// Kill ends the program at once.
func (x *Tidings) Kill() {
	x.process.Signal(syscall.SIGKILL)
	_, _ = x.process.Wait(10 * time.Second)
	x.input.Close()
}

// waitForLog waits until the log says something that it had not said when this was last asked.
func (x *Tidings) waitForLog(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(noticing); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		log := x.wholeLog()
		if at := strings.Index(log[x.logFrom:], text); at >= 0 {
			x.logFrom = int64(len(log))
			return
		}
		if !x.process.Running() {
			t.Fatalf("Tidings has ended:\n%s", log)
		}
	}
	t.Fatalf("the log has not said %q within %s:\n%s", text, noticing, tail(x.wholeLog(), 20))
}

// waitForState waits until the receiver's lane is in this state: `retrying` or `blocked`.
func (x *Tidings) waitForState(t *testing.T, state string) {
	t.Helper()
	var said []byte
	for deadline := time.Now().Add(noticing); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		said, _ = exec.Command(os.Getenv("TIDINGS_BIN"), "lanes", "--state", x.path("state"), "--format", "json").CombinedOutput()
		if strings.Contains(string(said), `"state":"`+state+`"`) {
			return
		}
		if !x.process.Running() {
			t.Fatalf("Tidings has ended:\n%s", x.Log())
		}
	}
	t.Fatalf("the receiver is not %s within %s:\n%s%s", state, noticing, said, x.Log())
}

// Log is the end of what the program has said.
func (x *Tidings) Log() string { return tail(x.wholeLog(), 60) }

func (x *Tidings) wholeLog() string {
	text, _ := os.ReadFile(x.path("log"))
	return string(text)
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
