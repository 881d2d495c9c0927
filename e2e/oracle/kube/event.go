// Package kube holds the event as kubernetes-event-exporter hands it to templates and sinks. The
// package and its types have the names that Go prints in errors and dumps.
package kube

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
)

// EnhancedEvent is the API's Event with what was looked up of its object.
type EnhancedEvent struct {
	corev1.Event   `json:",inline"`
	ClusterName    string                  `json:"clusterName"`
	InvolvedObject EnhancedObjectReference `json:"involvedObject"`
}

// EnhancedObjectReference is the reference with what was looked up.
type EnhancedObjectReference struct {
	corev1.ObjectReference `json:",inline"`
	Labels                 map[string]string       `json:"labels,omitempty"`
	Annotations            map[string]string       `json:"annotations,omitempty"`
	OwnerReferences        []metav1.OwnerReference `json:"ownerReferences,omitempty"`
	Deleted                bool                    `json:"deleted"`
}

// Found is what a lookup of the involved object gave.
type Found struct {
	Labels          map[string]string       `json:"labels,omitempty"`
	Annotations     map[string]string       `json:"annotations,omitempty"`
	OwnerReferences []metav1.OwnerReference `json:"ownerReferences,omitempty"`
	Deleted         bool                    `json:"deleted,omitempty"`
}

// Decode reads an Event as client-go does, and prepares it as the exporter's watcher does.
func Decode(raw []byte, found Found, cluster string) (*EnhancedEvent, error) {
	var event corev1.Event
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &event); err != nil {
		return nil, err
	}
	if event.Kind != "" && event.Kind != "Event" {
		return nil, errors.New("not an Event: " + event.Kind)
	}
	// Typed clients clear these, and the watcher clears the next.
	event.Kind, event.APIVersion = "", ""
	event.ManagedFields = nil
	return &EnhancedEvent{
		Event:       event,
		ClusterName: cluster,
		InvolvedObject: EnhancedObjectReference{
			ObjectReference: event.InvolvedObject,
			Labels:          found.Labels,
			Annotations:     found.Annotations,
			OwnerReferences: found.OwnerReferences,
			Deleted:         found.Deleted,
		},
	}, nil
}

// ToJSON is the document that receivers without a layout get.
func (e *EnhancedEvent) ToJSON() []byte {
	document, _ := json.Marshal(e)
	return document
}

// DeDot gives a copy whose label and annotation keys have underscores instead of dots.
func (e EnhancedEvent) DeDot() EnhancedEvent {
	e.Labels = underscored(e.Labels)
	e.Annotations = underscored(e.Annotations)
	e.InvolvedObject.Labels = underscored(e.InvolvedObject.Labels)
	e.InvolvedObject.Annotations = underscored(e.InvolvedObject.Annotations)
	return e
}

func underscored(dotted map[string]string) map[string]string {
	if len(dotted) == 0 {
		return dotted
	}
	plain := map[string]string{}
	for key, value := range dotted {
		plain[strings.ReplaceAll(key, ".", "_")] = value
	}
	return plain
}

func (e *EnhancedEvent) began() time.Time {
	if e.FirstTimestamp.IsZero() {
		return e.EventTime.Time
	}
	return e.FirstTimestamp.Time
}

// GetTimestampMs is when it began, in milliseconds since 1970.
func (e *EnhancedEvent) GetTimestampMs() int64 {
	return e.began().UnixNano() / int64(time.Millisecond)
}

// GetTimestampISO8601 is when it began; the Z is a letter and no zone.
func (e *EnhancedEvent) GetTimestampISO8601() string {
	return e.began().Format("2006-01-02T15:04:05.000Z")
}
