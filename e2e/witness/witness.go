// Package witness is the perfect watcher: it lists and watches Events beside Tidings and remembers every change it sees.
//
// It is as small as it can be, so that one can believe it: no cache, no filter, one connection straight to the API
// server. When that ends it goes on from the last resourceVersion; if the server has forgotten that one, the witness is
// no longer perfect and says so.
package witness

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// Namespace is where the witness puts its marks.
const Namespace = "witness"

// A Sight is one message of the watch.
type Sight struct {
	Type            string // ADDED, MODIFIED, DELETED
	UID             string
	ResourceVersion uint64
	Count           int64 // how often the Event says that it happened
	Namespace       string
	Name            string
	FirstTimestamp  string
	Reason          string
	At              time.Time // when the witness saw it
}

// A Witness watches until its context ends.
type Witness struct {
	client kubernetes.Interface

	mutex  sync.Mutex
	sights []Sight
	last   uint64
	err    error
	marks  int
}

// Start lists, and watches from there.
func Start(ctx context.Context, client kubernetes.Interface) (*Witness, error) {
	_, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, err
	}
	list, err := client.CoreV1().Events("").List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, err
	}
	w := &Witness{client: client, last: number(list.ResourceVersion)}
	go w.watch(ctx)
	return w, nil
}

func (w *Witness) watch(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		seen, err := w.watchOnce(ctx)
		if seen {
			failures = 0
		}
		failures++
		if err != nil || failures > 240 {
			w.mutex.Lock()
			w.err = fmt.Errorf("the witness lost its place at resourceVersion %d: %w", w.last, errors.Join(err, ctx.Err()))
			w.mutex.Unlock()
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// watchOnce returns an error only when going on is of no use. A server that is away is none.
func (w *Witness) watchOnce(ctx context.Context) (seen bool, err error) {
	hour := int64(3600)
	stream, err := w.client.CoreV1().Events("").Watch(ctx, metav1.ListOptions{ResourceVersion: fmt.Sprint(w.last), TimeoutSeconds: &hour})
	if err != nil {
		return false, nil
	}
	defer stream.Stop()
	for message := range stream.ResultChan() {
		event, ok := message.Object.(*corev1.Event)
		if !ok {
			err := apierrors.FromObject(message.Object)
			if apierrors.IsGone(err) || apierrors.IsResourceExpired(err) {
				return seen, err
			}
			return seen, nil
		}
		seen = true
		w.note(message.Type, event)
	}
	return seen, nil
}

func (w *Witness) note(kind watch.EventType, event *corev1.Event) {
	sight := Sight{
		Type: string(kind), UID: string(event.UID), ResourceVersion: number(event.ResourceVersion), Count: Count(event),
		Namespace: event.Namespace, Name: event.Name, Reason: event.Reason, At: time.Now(),
	}
	if !event.FirstTimestamp.IsZero() {
		sight.FirstTimestamp = event.FirstTimestamp.UTC().Format(time.RFC3339)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.sights = append(w.sights, sight)
	w.last = max(w.last, sight.ResourceVersion)
}

// Count is how often an Event says that it happened. A series begins with the second time.
func Count(event *corev1.Event) int64 {
	count := max(int64(event.Count), 1)
	if event.Series != nil {
		count = max(count, int64(event.Series.Count), 2)
	}
	return count
}

// Mark creates an Event and waits until the witness has seen it. Whatever was written before has a lower
// resourceVersion, and the witness has seen that too.
func (w *Witness) Mark(ctx context.Context) (uint64, error) {
	w.mutex.Lock()
	w.marks++
	name := fmt.Sprintf("mark-%d-%d", time.Now().UnixNano(), w.marks)
	w.mutex.Unlock()
	now := metav1.Now()
	mark, err := w.client.CoreV1().Events(Namespace).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: name, Namespace: Namespace},
		InvolvedObject: corev1.ObjectReference{Kind: "Namespace", Name: Namespace, Namespace: Namespace},
		Reason:         "Mark", Message: "everything before this was seen", Type: corev1.EventTypeNormal,
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		Source: corev1.EventSource{Component: "witness"},
	}, metav1.CreateOptions{})
	if err != nil {
		return 0, err
	}
	revision := number(mark.ResourceVersion)
	for range 600 {
		w.mutex.Lock()
		last, lost := w.last, w.err
		w.mutex.Unlock()
		if lost != nil {
			return 0, lost
		}
		if last >= revision {
			return revision, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return 0, fmt.Errorf("the witness has not seen its mark at %d after a minute", revision)
}

// Between returns what was seen above one resourceVersion and up to another.
func (w *Witness) Between(after, upTo uint64) []Sight {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var found []Sight
	for _, sight := range w.sights {
		if sight.ResourceVersion > after && sight.ResourceVersion <= upTo {
			found = append(found, sight)
		}
	}
	return found
}

// WaitFor waits until a sight is as it should be.
func (w *Witness) WaitFor(ctx context.Context, atMost time.Duration, matches func(Sight) bool) error {
	deadline := time.Now().Add(atMost)
	for from := 0; time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		w.mutex.Lock()
		sights, lost := w.sights[from:], w.err
		w.mutex.Unlock()
		if lost != nil {
			return lost
		}
		for _, sight := range sights {
			if matches(sight) {
				return nil
			}
		}
		from += len(sights)
	}
	return fmt.Errorf("the witness has not seen it after %s", atMost)
}

func number(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return math.MaxUint64 // visible in every comparison
	}
	return value
}
