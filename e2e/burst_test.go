package e2e

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/e2e/emitter"
)

func TestEveryRevisionOfABurstArrivesOnce(t *testing.T) {
	t.Parallel()
	s := sharedScene(t)
	ctx := context.Background()
	namespace := s.namespace(t, "burst")
	x := newTidings(t, "burst", grantAccess(t, "burst", s.Cluster, s.URL), "protobuf")
	x.start()

	from := s.mark(t)
	var group sync.WaitGroup
	group.Go(func() {
		if err := emitter.Pods(ctx, s.Client, namespace, 120, 2); err != nil {
			t.Error(err)
		}
	})
	group.Go(func() {
		if err := emitter.Burst(ctx, s.Client, namespace, "burst", 1800, 2); err != nil {
			t.Error(err)
		}
	})
	group.Go(func() { emitter.Recorders(ctx, s.Client, namespace) })
	group.Wait()
	upTo := s.mark(t)

	want := routed(s.Between(from, upTo))
	if len(want) < 5000 {
		t.Errorf("the burst had %d revisions instead of 5000 and more", len(want))
	}
	x.expectEach(want, 90*time.Second, within(from, upTo))
	x.expectMissed(0, 0)
	x.stop()
}

func TestProtobufAndJSONDeliverTheSameBytes(t *testing.T) {
	t.Parallel()
	s := sharedScene(t)
	namespace := s.namespace(t, "encodings")
	a := grantAccess(t, "encodings", s.Cluster, s.URL)
	x := newTidings(t, "in-protobuf", a, "protobuf")
	y := newTidings(t, "in-json", a, "json")
	x.start()
	y.start()

	from := s.mark(t)
	if err := emitter.Burst(context.Background(), s.Client, namespace, "both", 200, 2); err != nil {
		t.Fatal(err)
	}
	emitter.Recorders(context.Background(), s.Client, namespace)
	upTo := s.mark(t)

	want := routed(s.Between(from, upTo))
	x.expectEach(want, 90*time.Second, within(from, upTo))
	y.expectEach(want, 90*time.Second, within(from, upTo))
	for _, receiver := range receivers {
		one, other := sortedLines(x.delivered(receiver), from, upTo), sortedLines(y.delivered(receiver), from, upTo)
		if len(one) == 0 || slices.Equal(one, other) {
			continue
		}
		for i := range min(len(one), len(other)) {
			if one[i] != other[i] {
				t.Errorf("%s: protobuf and JSON differ in %d of %d lines or more, first\n%s\n%s", receiver, countDifferent(one, other), len(one), one[i], other[i])
				break
			}
		}
	}
	x.stop()
	y.stop()
}

func sortedLines(deliveries []delivery, after, upTo uint64) []string {
	var lines []string
	for _, d := range deliveries {
		if within(after, upTo)(d) && !d.missed() {
			lines = append(lines, d.Line)
		}
	}
	slices.SortFunc(lines, strings.Compare)
	return lines
}

func countDifferent(one, other []string) int {
	different := 0
	for i := range min(len(one), len(other)) {
		if one[i] != other[i] {
			different++
		}
	}
	return different
}
