package receivers

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidings/e2e/cluster"
)

// redis is a server from Debian, with a password, that keeps what it has through a restart.
type redis struct {
	*Server
	root   string
	target string // `stream`, `list` or `channel`
}

const redisPassword = "correct-horse-battery"

func newRedis(t *testing.T, target string) *redis {
	return &redis{Server: NewServer(t), root: Debian(t, "redis-server"), target: target}
}

func (r *redis) Start(t *testing.T) {
	r.Launch(t, []string{libraries(r.root)}, filepath.Join(r.root, "usr/bin/redis-server"),
		"--port", fmt.Sprint(r.Port), "--bind", "127.0.0.1", "--dir", r.Dir, "--appendonly", "yes", "--appendfsync", "always",
		"--save", "", "--requirepass", redisPassword)
	WaitFor(t, 30*time.Second, "redis has read its file", func() bool { return strings.HasPrefix(r.ask(t, "PING"), "\"PONG\"") })
}

func (r *redis) Config(address string) string { return r.config(address, redisPassword) }

func (r *redis) config(address, password string) string {
	return fmt.Sprintf("redis: {url: \"redis://:%s@%s\", %s: events, timeout: 3s}", password, address, r.target)
}

func (r *redis) Wrong(address string) (config, secret string) {
	secret = "wrong-horse-battery"
	return r.config(address, secret), secret
}

// ask puts a command to the server and returns its answer as JSON.
func (r *redis) ask(t *testing.T, words ...string) string {
	t.Helper()
	command := r.client(append([]string{"--json"}, words...)...)
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %v: %v\n%s", words, err, said)
	}
	return string(said)
}

func (r *redis) client(words ...string) *exec.Cmd {
	program := filepath.Join(r.root, "usr/bin/redis-cli")
	command := exec.Command(program, append([]string{"-h", "127.0.0.1", "-p", fmt.Sprint(r.Port)}, words...)...)
	command.Env = append(os.Environ(), libraries(r.root), "REDISCLI_AUTH="+redisPassword)
	return command
}

func (r *redis) Received(t *testing.T) []Record {
	t.Helper()
	var documents []string
	if r.target == "list" {
		must(t, json.Unmarshal([]byte(r.ask(t, "LRANGE", "events", "0", "-1")), &documents))
	} else {
		var entries [][]json.RawMessage
		must(t, json.Unmarshal([]byte(r.ask(t, "XRANGE", "events", "-", "+")), &entries))
		for _, entry := range entries {
			var fields []string
			must(t, json.Unmarshal(entry[1], &fields))
			// id, its value, event, its value.
			record, err := Document(fields[3])
			must(t, err)
			if fields[1] != record.ID {
				t.Errorf("the entry of %s has the id %s", record.ID, fields[1])
			}
			documents = append(documents, fields[3])
		}
	}
	return Documents(t, strings.Join(documents, "\n"))
}

func TestRedisStream(t *testing.T) {
	t.Parallel()
	Battery(t, newRedis(t, "stream"))
}

func TestRedisList(t *testing.T) {
	t.Parallel()
	Battery(t, newRedis(t, "list"))
}

// A channel keeps nothing, so there is only somebody who listens.
func TestRedisChannel(t *testing.T) {
	t.Parallel()
	r := newRedis(t, "channel")
	r.Start(t)
	path := filepath.Join(r.Dir, "heard")
	heard, err := os.Create(path)
	must(t, err)
	defer heard.Close()
	listener := r.client("--csv", "SUBSCRIBE", "events")
	process, err := cluster.StartProcess(heard, listener.Env, listener.Path, append([]string{"--json"}, listener.Args[1:]...)...)
	must(t, err)
	t.Cleanup(func() { process.End(time.Second) })
	WaitFor(t, 10*time.Second, "somebody listens", func() bool { return strings.Contains(r.ask(t, "PUBSUB", "NUMSUB", "events"), "1") })
	tidings := Run(t, r.Config(r.Address()))
	tidings.Feed(50)
	WaitFor(t, arrival, "50 messages", func() bool {
		text, _ := os.ReadFile(path)
		return strings.Count(string(text), "back-off restarting") == 50
	})
}

func TestRedisThatIsFullKeepsEventsWaiting(t *testing.T) {
	t.Parallel()
	r := newRedis(t, "stream")
	r.Start(t)
	tidings := Run(t, r.Config(r.Address()))
	tidings.Feed(20)
	tidings.expect(t, r)
	r.ask(t, "CONFIG", "SET", "maxmemory", "1")
	tidings.Feed(20)
	tidings.waitForState(t, "retrying")
	if log := tidings.Log(); !strings.Contains(log, "answered OOM command not allowed") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	r.ask(t, "CONFIG", "SET", "maxmemory", "0")
	tidings.expect(t, r)
}
