// Package e2e runs Tidings against a real control plane and asks whether it kept its promise. README.md says how.
package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"tidings/e2e/cluster"
)

var (
	workDir  string
	running  []*cluster.Cluster
	runningM sync.Mutex
)

// TestMain gives the tests a folder. It is kept when a test fails: the logs of every program are in it.
func TestMain(m *testing.M) {
	var err error
	if workDir, err = os.MkdirTemp("", "tidings-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for _, c := range running {
		c.Stop()
	}
	if code == 0 {
		_ = os.RemoveAll(workDir)
	} else {
		fmt.Fprintf(os.Stderr, "the logs of this run are in %s\n", workDir)
	}
	os.Exit(code)
}

// binary is the program under test.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("TIDINGS_BIN")
	if path == "" {
		t.Fatal("TIDINGS_BIN is not set: build tidings and say TIDINGS_BIN=/path/to/tidings, or run `make e2e`")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("TIDINGS_BIN: %v", err)
	}
	return path
}

// startCluster starts a cluster that lives until the last test is over.
func startCluster(name string, options cluster.Options) (*cluster.Cluster, error) {
	ctx := context.Background()
	programs, err := cluster.Binaries(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	options.Dir = filepath.Join(workDir, name)
	c, err := cluster.Start(ctx, programs, options)
	if err != nil {
		return nil, err
	}
	runningM.Lock()
	running = append(running, c)
	runningM.Unlock()
	return c, nil
}
