package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"tidings/e2e/cluster"
	"tidings/e2e/conformance"
)

// TestThePlaygroundAnswersLikeTheRecordedServer needs no cluster: what the real server says is recorded, and
// TestTheRealServerAnswersAsRecorded keeps the record true.
func TestThePlaygroundAnswersLikeTheRecordedServer(t *testing.T) {
	t.Parallel()
	expectSame(t, readRecorded(t), ask(t, startPlayground(t)))
}

var listening = regexp.MustCompile(`(?m)^listening on (https?://\S+)$`)

func startPlayground(t *testing.T) conformance.Server {
	t.Helper()
	program := binary(t)
	dir := filepath.Join(workDir, "playground")
	must(t, os.MkdirAll(dir, 0o755))
	kubeconfig := filepath.Join(dir, "kubeconfig")
	logFile := filepath.Join(dir, "playground.log")
	log, err := os.Create(logFile)
	must(t, err)
	defer log.Close()
	// Events live so long because the script waits for their end, and must have come there before the first ends.
	process, err := cluster.StartProcess(log, nil, program, "playground", "--listen", "127.0.0.1:0", "--kubeconfig-out", kubeconfig, "--ttl", "45")
	must(t, err)
	t.Cleanup(func() { process.End(5 * time.Second) })
	for range 300 {
		text, _ := os.ReadFile(logFile)
		if found := listening.FindSubmatch(text); found != nil {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			must(t, err)
			client, err := rest.HTTPClientFor(config)
			must(t, err)
			url := string(found[1])
			return conformance.Server{Client: client, URL: url, Forget: func() error { return compact(client, url) }}
		}
		if !process.Running() {
			t.Fatalf("the playground ended:\n%s", text)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the playground has not said where it listens after half a minute")
	return conformance.Server{}
}

// compact tells the playground to forget what is not of now.
func compact(client *http.Client, server string) error {
	answer, err := client.Post(server+"/playground/compact", "", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the playground does not compact: %s", answer.Status)
	}
	return nil
}
