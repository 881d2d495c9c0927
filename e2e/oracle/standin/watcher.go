package main

import (
	"time"

	"github.com/rs/zerolog/log"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"tidings/e2e/oracle/kube"
)

// watcher is an informer on the Events of the core API, and what happens to each new one. All of it
// runs on the informer's goroutine, one Event after the other.
type watcher struct {
	clients     kubernetes.Interface
	found       *lookups
	namespace   string
	clusterName string
	omitLookup  bool
	maxAge      time.Duration
	begun       time.Time
	handle      func(*kube.EnhancedEvent)
}

func (w *watcher) run(stop <-chan struct{}) error {
	namespace := informers.WithNamespace(w.namespace)
	factory := informers.NewSharedInformerFactoryWithOptions(w.clients, 0, namespace)
	informer := factory.Core().V1().Events().Informer()
	// Updates and deletions count for nothing.
	added := cache.ResourceEventHandlerFuncs{AddFunc: func(object any) {
		if event, ok := object.(*corev1.Event); ok {
			w.added(event)
		}
	}}
	if _, err := informer.AddEventHandler(added); err != nil {
		return err
	}
	// The original counts them in a metric, and says nothing.
	if err := informer.SetWatchErrorHandler(func(*cache.Reflector, error) {}); err != nil {
		return err
	}
	informer.Run(stop)
	return nil
}

func (w *watcher) added(event *corev1.Event) {
	if w.tooOld(event) {
		return
	}
	enhanced := &kube.EnhancedEvent{Event: *event, ClusterName: w.clusterName}
	enhanced.ManagedFields = nil
	reference := &event.InvolvedObject
	enhanced.InvolvedObject.ObjectReference = *reference
	if !w.omitLookup {
		found, err := w.found.of(reference)
		if err != nil {
			log.Error().Err(err).Msg("Failed to get the metadata of the object")
		}
		object := &enhanced.InvolvedObject
		object.Labels, object.Annotations = found.Labels, found.Annotations
		object.OwnerReferences, object.Deleted = found.OwnerReferences, found.Deleted
	}
	w.handle(enhanced)
}

// tooOld looks at the clock when the Event's turn has come, not when it came.
func (w *watcher) tooOld(event *corev1.Event) bool {
	seen := event.LastTimestamp.Time
	if seen.IsZero() {
		seen = event.EventTime.Time
	}
	age := time.Since(seen)
	if age <= w.maxAge {
		return false
	}
	if seen.After(w.begun) {
		log.Warn().
			Str("event age", age.String()).
			Str("event namespace", event.Namespace).
			Str("event name", event.Name).
			Msg("Event discarded as being older than maxEventAgeSeconds")
	}
	return true
}
