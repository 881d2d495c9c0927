// Package emitter writes Events in all the ways that a cluster writes them.
package emitter

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/record"
)

const writers = 16

// Burst creates so many Events in a namespace, each by itself and as fast as the server takes them, and raises the count
// of every one so many times. Every third Event is of the events.k8s.io kind: no count, but a series.
func Burst(ctx context.Context, client kubernetes.Interface, namespace, prefix string, amount, raises int) error {
	numbers := make(chan int)
	failures := make(chan error, writers)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for i := range numbers {
				if err := story(ctx, client, namespace, fmt.Sprintf("%s-%d", prefix, i), i%3 == 2, raises); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	go func() {
		defer close(numbers)
		for i := range amount {
			select {
			case numbers <- i:
			case <-ctx.Done():
				return
			}
			if len(failures) == writers {
				return
			}
		}
	}()
	group.Wait()
	select {
	case err := <-failures:
		return fmt.Errorf("burst in %s: %w", namespace, err)
	default:
		return ctx.Err()
	}
}

// story creates one Event and raises its count.
func story(ctx context.Context, client kubernetes.Interface, namespace, name string, series bool, raises int) error {
	event := rawEvent(namespace, name, series)
	api := client.CoreV1().Events(namespace)
	err := retry(ctx, func() error { _, err := api.Create(ctx, event, metav1.CreateOptions{}); return err })
	if err != nil && !apierrors.IsAlreadyExists(err) { // a restart may swallow the answer to a create that succeeded
		return err
	}
	for raise := range raises {
		if err := Raise(ctx, client, namespace, name, series, raise+2); err != nil {
			return err
		}
	}
	return nil
}

// Raise patches the count of an Event, or of its series, as the recorders do.
func Raise(ctx context.Context, client kubernetes.Interface, namespace, name string, series bool, count int) error {
	patch := fmt.Sprintf(`{"count":%d,"lastTimestamp":%q}`, count, time.Now().UTC().Format(time.RFC3339))
	if series {
		patch = fmt.Sprintf(`{"series":{"count":%d,"lastObservedTime":%q}}`, count, time.Now().UTC().Format(metav1.RFC3339Micro))
	}
	return retry(ctx, func() error {
		_, err := client.CoreV1().Events(namespace).Patch(ctx, name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
		return err
	})
}

func rawEvent(namespace, name string, series bool) *corev1.Event {
	now := metav1.Now()
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: name, Namespace: namespace},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: name, UID: types.UID("uid-of-" + name)},
		Reason:         "BackOff", Message: "Back-off restarting <failed> container \"app\" & " + name, Type: corev1.EventTypeWarning,
	}
	if series {
		event.EventTime = metav1.NowMicro()
		event.ReportingController, event.ReportingInstance, event.Action = "e2e.example/emitter", "emitter-0", "Restarting"
		return event
	}
	event.FirstTimestamp, event.LastTimestamp, event.Count = now, now, 1
	event.Source = corev1.EventSource{Component: "kubelet", Host: "node-0"}
	return event
}

// retry tries for half a minute: a test may be restarting the server.
func retry(ctx context.Context, try func() error) error {
	var err error
	for range 60 {
		if err = try(); err == nil || ctx.Err() != nil {
			return err
		}
		if isFinal(err) {
			return err
		}
		time.Sleep(500 * time.Millisecond)
	}
	return err
}

// Recorders says things through both recorders of client-go: repeats that raise a count, many similar things that are
// combined into one, and a series.
func Recorders(ctx context.Context, client kubernetes.Interface, namespace string) {
	old := record.NewBroadcaster(record.WithContext(ctx), record.WithCorrelatorOptions(record.CorrelatorOptions{BurstSize: 1000, QPS: 1000}))
	old.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	defer old.Shutdown()
	recorder := old.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "e2e-recorder", Host: "node-1"})

	fresh := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	stop := make(chan struct{})
	defer close(stop)
	fresh.StartRecordingToSink(stop)
	defer fresh.Shutdown()
	freshRecorder := fresh.NewRecorder(scheme.Scheme, "e2e.example/recorder")

	for i := range 5 {
		repeated := reference(namespace, fmt.Sprintf("repeated-%d", i))
		for range 15 {
			recorder.Event(repeated, corev1.EventTypeWarning, "Unhealthy", "Readiness probe failed")
		}
		similar := reference(namespace, fmt.Sprintf("similar-%d", i))
		for j := range 25 { // above ten they are combined
			recorder.Eventf(similar, corev1.EventTypeWarning, "FailedScheduling", "0/%d nodes are available", j)
		}
		series := reference(namespace, fmt.Sprintf("series-%d", i))
		for range 4 {
			freshRecorder.Eventf(series, nil, corev1.EventTypeNormal, "Synced", "Syncing", "synced %s", series.Name)
			time.Sleep(50 * time.Millisecond) // the series is found only once the first is written
		}
	}
	time.Sleep(3 * time.Second) // both write in the background and do not say when they are done
}

func reference(namespace, name string) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: namespace, Name: name, UID: types.UID("uid-of-" + name)}
}

// Pods starts a Deployment on the fake nodes: the replica set, the scheduler and the kubelets talk about every pod.
// A few pods crash again and again.
func Pods(ctx context.Context, client kubernetes.Interface, namespace string, replicas, crashing int32) error {
	for name, amount := range map[string]int32{"web": replicas, "crash": crashing} {
		labels := map[string]string{"app": name}
		if name == "crash" {
			labels["crash"] = "often"
		}
		deployment := &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: appsv1.DeploymentSpec{
				Replicas: &amount,
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example/app:1"}}},
				},
			},
		}
		if _, err := client.AppsV1().Deployments(namespace).Create(ctx, deployment, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	for range 240 {
		web, err := client.AppsV1().Deployments(namespace).Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if web.Status.ReadyReplicas == replicas {
			return nil
		}
		time.Sleep(500 * time.Millisecond)
	}
	return fmt.Errorf("the pods of %s are not ready after two minutes", namespace)
}

// isFinal tells the refusals that no waiting changes.
func isFinal(err error) bool {
	return apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) || apierrors.IsInvalid(err) || apierrors.IsForbidden(err)
}
