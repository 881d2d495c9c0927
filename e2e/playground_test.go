package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"tidings/e2e/cluster"
)

// The times of conformance/calls.go: short, since the script waits for them.
var playgroundTimes = []string{"--event-ttl", "45s", "--compact-every", "15s"}

// TestThePlaygroundAnswersLikeTheRecordedServer needs no cluster: what the real server says is recorded, and
// TestTheRealServerAnswersAsRecorded keeps the record true.
func TestThePlaygroundAnswersLikeTheRecordedServer(t *testing.T) {
	t.Parallel()
	client, server := startPlayground(t)
	expectSame(t, readRecorded(t), ask(t, client, server))
}

var listening = regexp.MustCompile(`(?m)^listening on (https?://\S+)$`)

func startPlayground(t *testing.T) (*http.Client, string) {
	t.Helper()
	program := binary(t)
	dir := filepath.Join(workDir, "playground")
	must(t, os.MkdirAll(dir, 0o755))
	kubeconfig := filepath.Join(dir, "kubeconfig")
	logFile := filepath.Join(dir, "playground.log")
	log, err := os.Create(logFile)
	must(t, err)
	defer log.Close()
	args := append([]string{"playground", "--listen", "127.0.0.1:0", "--kubeconfig-out", kubeconfig}, playgroundTimes...)
	process, err := cluster.StartProcess(log, nil, program, args...)
	must(t, err)
	t.Cleanup(func() { process.End(5 * time.Second) })
	for range 300 {
		text, _ := os.ReadFile(logFile)
		if found := listening.FindSubmatch(text); found != nil {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			must(t, err)
			client, err := rest.HTTPClientFor(config)
			must(t, err)
			return client, string(found[1])
		}
		if !process.Running() {
			t.Fatalf("the playground ended:\n%s", text)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the playground has not said where it listens after half a minute")
	return nil, ""
}
