package e2e

import (
	"context"
	"testing"
	"time"

	"tidings/e2e/cluster"
	"tidings/e2e/emitter"
	"tidings/e2e/witness"
)

func TestARestoredEtcdSnapshotIsANewEpoch(t *testing.T) {
	t.Parallel()
	t.Run("of everything", func(t *testing.T) {
		t.Parallel()
		testRestore(t, "restore-all", cluster.Options{})
	})
	// They live in an etcd of their own; the resourceVersions of everything else go on as if nothing had happened.
	t.Run("of the Events alone", func(t *testing.T) {
		t.Parallel()
		testRestore(t, "restore-events", cluster.Options{SeparateEvents: true})
	})
}

func testRestore(t *testing.T, name string, options cluster.Options) {
	s := ownScene(t, name, options)
	ctx := context.Background()
	namespace := s.namespace(t, "restore")
	x := newTidings(t, name, grantAccess(t, name, s.Cluster, s.URL), "protobuf")
	x.start()

	from := s.mark(t)
	must(t, emitter.Burst(ctx, s.Client, namespace, "kept", 100, 1))
	must(t, s.SnapshotEtcd())
	must(t, emitter.Burst(ctx, s.Client, namespace, "undone", 300, 1))
	upTo := s.mark(t)
	before := routed(s.Between(from, upTo))
	x.expectEach(before, 60*time.Second, within(from, upTo))
	x.expectMissed(0, 0)

	must(t, s.RestoreEtcd(ctx))
	after, err := witness.Start(ctx, s.Client) // the one before stands in a future that did not happen
	must(t, err)
	again := &scene{s.Cluster, after}
	restored := again.mark(t)
	if restored >= upTo {
		t.Fatalf("after the restore the revision is %d, before it was %d: nothing was restored", restored, upTo)
	}
	must(t, emitter.Burst(ctx, s.Client, namespace, "at-once", 50, 0))
	time.Sleep(10 * time.Second)
	must(t, emitter.Burst(ctx, s.Client, namespace, "later", 50, 1))
	last := again.mark(t)

	want := routed(again.Between(restored, last))
	x.waitFor(want, 90*time.Second)
	// Nothing of the old epoch comes a second time, nothing of the new one is missing. The resourceVersions of the two
	// overlap, so the uid tells what is of which.
	for _, receiver := range receivers {
		x.compare(receiver, want, of(want))
		x.compare(receiver, before, of(before))
	}
	x.expectMissed(1, 1)
	x.stop()
}

// of takes the deliveries about the Events of these revisions.
func of(revisions map[revision]witness.Sight) func(delivery) bool {
	uids := map[string]bool{}
	for key := range revisions {
		uids[key.UID] = true
	}
	return func(d delivery) bool { return uids[d.UID] }
}
