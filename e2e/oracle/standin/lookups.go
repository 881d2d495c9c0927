package main

import (
	"context"

	lru "github.com/hashicorp/golang-lru"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"

	"tidings/e2e/oracle/kube"
)

// lookups gets the metadata of objects, and keeps it in an ARC cache by uid and resourceVersion.
type lookups struct {
	clients kubernetes.Interface
	objects dynamic.Interface
	cache   *lru.ARCCache
}

func newLookups(clients kubernetes.Interface, objects dynamic.Interface, size int) (*lookups, error) {
	cache, err := lru.NewARC(size)
	return &lookups{clients, objects, cache}, err
}

// of gives what is known of an object, or asks. What is not there is not remembered.
func (l *lookups) of(reference *corev1.ObjectReference) (kube.Found, error) {
	key := string(reference.UID) + "/" + reference.ResourceVersion
	if found, known := l.cache.Get(key); known {
		return found.(kube.Found), nil
	}
	object, err := l.get(reference)
	if apierrors.IsNotFound(err) {
		return kube.Found{Deleted: true}, err
	}
	if err != nil {
		return kube.Found{}, err
	}
	found := kube.Found{
		Labels:          object.GetLabels(),
		Annotations:     object.GetAnnotations(),
		OwnerReferences: object.GetOwnerReferences(),
		Deleted:         object.GetDeletionTimestamp() != nil,
	}
	l.cache.Add(key, found)
	return found, nil
}

// get asks for everything that the server has, to learn the resource of a kind, and for the object.
func (l *lookups) get(reference *corev1.ObjectReference) (*unstructured.Unstructured, error) {
	version, err := schema.ParseGroupVersion(reference.APIVersion)
	if err != nil {
		return nil, err
	}
	resources, err := restmapper.GetAPIGroupResources(l.clients.Discovery())
	if err != nil {
		return nil, err
	}
	kind := schema.GroupKind{Group: version.Group, Kind: reference.Kind}
	mapping, err := restmapper.NewDiscoveryRESTMapper(resources).RESTMapping(kind, version.Version)
	if err != nil {
		return nil, err
	}
	of := l.objects.Resource(mapping.Resource).Namespace(reference.Namespace)
	return of.Get(context.Background(), reference.Name, metav1.GetOptions{})
}
