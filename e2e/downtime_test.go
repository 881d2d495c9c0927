package e2e

import (
	"context"
	"fmt"
	"regexp"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tidings/e2e/cluster"
	"tidings/e2e/emitter"
	"tidings/e2e/witness"
)

func TestAMinuteOfDowntimeIsMadeUpForOrStated(t *testing.T) {
	t.Parallel()
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		d := downtime{name: "down-term", away: 65 * time.Second, namespaceGoes: true}
		d.test(t)
	})
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		d := downtime{name: "down-kill", away: 65 * time.Second, namespaceGoes: true, killed: true}
		d.test(t)
	})
	t.Run("for longer than Events live", func(t *testing.T) {
		t.Parallel()
		d := downtime{name: "down-long", away: cluster.EventTTL + 15*time.Second}
		d.test(t)
	})
}

// TestAShortRestartIsMadeUpForCompletely: the server still remembers every revision, so none is lost, and nothing is
// there to be stated.
func TestAShortRestartIsMadeUpForCompletely(t *testing.T) {
	// Before the tests that run beside one another: under what they write, each stop can take the 20 s of its grace, and
	// these servers forget revisions after 30 s.
	s := sharedScene(t)
	ctx := context.Background()
	namespace := s.namespace(t, "down-short")
	x := newTidings(t, "down-short", grantAccess(t, "down-short", s.Cluster, s.URL), "protobuf")
	x.start()
	from := s.mark(t)
	for i := range 3 {
		must(t, emitter.Burst(ctx, s.Client, namespace, fmt.Sprintf("before-%d", i), 50, 1))
		x.stop()
		must(t, emitter.Burst(ctx, s.Client, namespace, fmt.Sprintf("away-%d", i), 50, 2))
		time.Sleep(2 * time.Second)
		x.start()
	}
	must(t, emitter.Burst(ctx, s.Client, namespace, "after", 50, 1))
	upTo := s.mark(t)
	x.expectEach(routed(s.Between(from, upTo)), 60*time.Second, within(from, upTo))
	x.expectMissed(0, 0)
	x.stop()
}

var firstTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// A downtime is one way of being away.
type downtime struct {
	name          string
	away          time.Duration
	killed        bool
	namespaceGoes bool
}

func (d downtime) test(t *testing.T) {
	s := sharedScene(t)
	ctx := context.Background()
	namespace, doomed := s.namespace(t, d.name), s.namespace(t, d.name+"-doomed")
	x := newTidings(t, d.name, grantAccess(t, d.name, s.Cluster, s.URL), "protobuf")
	x.start()

	// It sees Events expire, so it can learn how long they live.
	from := s.mark(t)
	must(t, emitter.Burst(ctx, s.Client, namespace, "lesson", 20, 0))
	must(t, s.WaitFor(ctx, cluster.EventTTL+40*time.Second, func(sight witness.Sight) bool {
		return sight.Type == "DELETED" && sight.Namespace == namespace && sight.ResourceVersion > from
	}))
	time.Sleep(2 * time.Second)
	must(t, emitter.Burst(ctx, s.Client, namespace, "known", 50, 0))
	must(t, emitter.Burst(ctx, s.Client, doomed, "known", 20, 0))
	stopAt := s.mark(t)
	x.expectEach(routed(s.Between(from, stopAt)), 60*time.Second, within(from, stopAt))
	x.expectMissed(0, 0)

	if d.killed {
		x.kill()
		x.killedAt = s.mark(t)
	} else {
		x.stop()
	}
	stopped := time.Now()
	must(t, emitter.Burst(ctx, s.Client, namespace, "unseen", 50, 2))
	for i := range 25 {
		must(t, emitter.Raise(ctx, s.Client, namespace, fmt.Sprintf("known-%d", i), i%3 == 2, 2))
		must(t, emitter.Raise(ctx, s.Client, namespace, fmt.Sprintf("known-%d", i), i%3 == 2, 5))
	}
	if d.namespaceGoes {
		must(t, emitter.Burst(ctx, s.Client, doomed, "unseen", 20, 0))
		must(t, removeNamespace(ctx, s.Cluster, doomed))
	}
	time.Sleep(time.Until(stopped.Add(d.away - 2*time.Second)))
	must(t, emitter.Burst(ctx, s.Client, namespace, "fresh", 50, 1))
	x.start()
	time.Sleep(3 * time.Second) // it says that it watches before it knows that the position is too old for that
	startAt := s.mark(t)
	must(t, emitter.Burst(ctx, s.Client, namespace, "after", 50, 1))
	upTo := s.mark(t)

	// Made up for: what is still there arrives once. Older revisions may arrive too, while the server remembers them.
	visible := newestIn(s, namespace, stopAt, startAt)
	for key, sight := range routed(s.Between(startAt, upTo)) {
		visible[key] = sight
	}
	x.waitFor(visible, 60*time.Second)
	want := visible
	dumped, hooked := x.arrived("dump"), x.arrived("hook")
	for key, sight := range routed(s.Between(stopAt, startAt)) {
		if dumped[key] && hooked[key] {
			want[key] = sight
		}
	}
	for _, receiver := range receivers {
		x.compare(receiver, want, within(stopAt, upTo))
		if !d.killed {
			x.compare(receiver, routed(s.Between(from, stopAt)), within(from, stopAt))
		}
	}
	// Stated: what came and went. The doomed namespaces of the other downtimes may have gone meanwhile too.
	x.expectMissed(1, 3)
	for _, d := range x.missed("dump") {
		begin, err := time.Parse(time.RFC3339, firstTime.FindString(d.Message))
		if err != nil || begin.After(stopped.Add(2*time.Second)) {
			t.Errorf("EventsMissed does not begin when it stopped watching, at %s: %s", stopped.UTC().Format(time.RFC3339), d.Message)
		}
	}
	x.stop()
}

func removeNamespace(ctx context.Context, c *cluster.Cluster, name string) error {
	if err := c.Client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	for range 120 {
		if _, err := c.Client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			return nil
		}
		time.Sleep(500 * time.Millisecond)
	}
	return fmt.Errorf("namespace %s is still there a minute after it was deleted", name)
}
