package e2e

import (
	"context"
	"sync"
	"testing"
	"time"

	"tidings/e2e/cluster"
	"tidings/e2e/witness"
)

// A scene is a cluster with somebody who sees everything.
type scene struct {
	*cluster.Cluster
	*witness.Witness
}

// shared is the one cluster with nodes. The tests in it run at the same time, each with a tidings of its own that sees
// the Events of all: nobody restarts or restores this one.
var shared = sync.OnceValues(func() (*scene, error) { return newScene("shared", cluster.Options{Nodes: 10}) })

func sharedScene(t *testing.T) *scene {
	t.Helper()
	binary(t)
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ownScene starts a cluster for one test.
func ownScene(t *testing.T, name string, options cluster.Options) *scene {
	t.Helper()
	binary(t)
	s, err := newScene(name, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newScene(name string, options cluster.Options) (*scene, error) {
	c, err := startCluster(name, options)
	if err != nil {
		return nil, err
	}
	w, err := witness.Start(context.Background(), c.Client)
	return &scene{c, w}, err
}

func (s *scene) namespace(t *testing.T, name string) string {
	t.Helper()
	if err := s.CreateNamespace(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	return name
}

// mark returns a resourceVersion: the witness has seen all that was written before, and the mark itself is an Event that
// every tidings must deliver.
func (s *scene) mark(t *testing.T) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	revision, err := s.Mark(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// must ends the test on an error of the scenery.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
