package e2e

import (
	"context"
	"testing"
	"time"

	"tidings/e2e/cluster"
	"tidings/e2e/emitter"
	"tidings/e2e/witness"
)

func TestAnAPIServerRestartLosesNothing(t *testing.T) {
	t.Parallel()
	s := ownScene(t, "restart", cluster.Options{})
	ctx := context.Background()
	namespace := s.namespace(t, "restart")
	x := newTidings(t, "restart", grantAccess(t, "restart", s.Cluster, s.URL), "protobuf")
	x.start()

	from := s.mark(t)
	// What is emitted while the server is away waits in the emitter, as it does in every client of the API.
	emitted := make(chan error, 1)
	go func() { emitted <- emitter.Burst(ctx, s.Client, namespace, "around", 1500, 2) }()
	time.Sleep(time.Second)
	must(t, s.RestartAPIServer(ctx))
	must(t, <-emitted)
	must(t, emitter.Burst(ctx, s.Client, namespace, "after", 100, 1))
	upTo := s.mark(t)

	x.expectEach(routed(s.Between(from, upTo)), 60*time.Second, within(from, upTo))
	x.expectMissed(0, 0)
	x.stop()
}

func TestACutConnectionLosesNothing(t *testing.T) {
	t.Parallel()
	s := sharedScene(t)
	ctx := context.Background()
	namespace := s.namespace(t, "cut")
	proxy, err := s.StartProxy()
	must(t, err)
	defer proxy.Close()
	x := newTidings(t, "cut", grantAccess(t, "cut", s.Cluster, proxy.URL), "protobuf")
	x.start()

	from := s.mark(t)
	for i := range 10 {
		emitted := make(chan error, 1)
		go func() { emitted <- emitter.Burst(ctx, s.Client, namespace, "cut-"+string(rune('a'+i)), 100, 2) }()
		time.Sleep(time.Second)
		if i == 5 { // once, nobody answers for a while
			proxy.Refuse(true)
			time.Sleep(4 * time.Second)
			proxy.Refuse(false)
		} else {
			proxy.Cut()
		}
		must(t, <-emitted)
	}
	upTo := s.mark(t)

	x.expectEach(routed(s.Between(from, upTo)), 90*time.Second, within(from, upTo))
	x.expectMissed(0, 0)
	x.stop()
}

// A connection may die without a word. Silence of half a minute must make a client suspicious.
func TestAFrozenConnectionLosesNothing(t *testing.T) {
	t.Parallel()
	s := ownScene(t, "frozen", cluster.Options{})
	ctx := context.Background()
	namespace := s.namespace(t, "frozen")
	proxy, err := s.StartProxy()
	must(t, err)
	defer proxy.Close()
	x := newTidings(t, "frozen", grantAccess(t, "frozen", s.Cluster, proxy.URL), "protobuf")
	x.start()

	from := s.mark(t)
	must(t, emitter.Burst(ctx, s.Client, namespace, "before", 50, 1))
	time.Sleep(2 * time.Second)
	proxy.Freeze()
	must(t, emitter.Burst(ctx, s.Client, namespace, "frozen", 50, 0))
	upTo := s.mark(t)
	x.expectEach(routed(s.Between(from, upTo)), 80*time.Second, within(from, upTo))
	x.expectMissed(0, 0)
	x.stop()
}

// A pod's token is replaced long before it ends, and the pod must have read the new one by then.
func TestARotatedTokenLosesNothing(t *testing.T) {
	t.Parallel()
	s := sharedScene(t)
	ctx := context.Background()
	namespace := s.namespace(t, "token")
	proxy, err := s.StartProxy()
	must(t, err)
	defer proxy.Close()
	a := grantAccess(t, "token", s.Cluster, proxy.URL)
	x := newTidings(t, "token", a, "protobuf")
	x.start()

	from := s.mark(t)
	old := a.bound
	a.rotate(t, "token-second")
	must(t, emitter.Burst(ctx, s.Client, namespace, "rotated", 50, 1))
	time.Sleep(65 * time.Second) // clients look at the file once a minute
	a.revoke(t, old)
	proxy.Cut()
	must(t, emitter.Burst(ctx, s.Client, namespace, "revoked", 50, 1))
	upTo := s.mark(t)
	x.expectEach(routed(s.Between(from, upTo)), 60*time.Second, within(from, upTo))
	x.expectMissed(0, 0)

	// The new token comes too late: for a while every request is refused. Revisions that the server forgets meanwhile are
	// out of reach; the present state of every Event is not.
	a.revoke(t, a.bound)
	proxy.Cut()
	must(t, emitter.Burst(ctx, s.Client, namespace, "refused", 50, 0))
	time.Sleep(5 * time.Second)
	a.rotate(t, "token-third")
	last := s.mark(t)
	x.expectEach(newestIn(s, namespace, upTo, last), 100*time.Second, func(d delivery) bool {
		return within(upTo, last)(d) && d.Namespace == namespace
	})
	x.stop()
}

// newestIn returns, for each Event of a namespace that is still there, the newest revision of those that the witness saw.
func newestIn(s *scene, namespace string, after, upTo uint64) map[revision]witness.Sight {
	newest := map[string]witness.Sight{}
	for _, sight := range s.Between(after, upTo) {
		if sight.Namespace == namespace {
			newest[sight.UID] = sight
		}
	}
	want := map[revision]witness.Sight{}
	for _, sight := range newest {
		if sight.Type != "DELETED" {
			want[revision{sight.UID, sight.ResourceVersion}] = sight
		}
	}
	return want
}
