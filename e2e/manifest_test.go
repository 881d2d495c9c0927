package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"tidings/e2e/cluster"
	"tidings/e2e/emitter"
)

// theirManifest is what people apply for kubernetes-event-exporter, written anew from its description: a ServiceAccount, a
// config, a Deployment. The role comes after it.
const theirManifest = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: event-exporter, namespace: %[1]s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: event-exporter-cfg, namespace: %[1]s}
data:
  config.yaml: |
    logLevel: info
    logFormat: pretty
    route:
      routes:
        - match:
            - receiver: "dump"
    receivers:
      - name: "dump"
        stdout: {}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: event-exporter, namespace: %[1]s}
spec:
  replicas: 0
  selector: {matchLabels: {app: event-exporter, version: v1}}
  template:
    metadata: {labels: {app: event-exporter, version: v1}}
    spec:
      serviceAccountName: event-exporter
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: event-exporter
          image: ghcr.io/tidings/tidings:dev
          args: ["-conf=/data/config.yaml"]
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
          resources: {limits: {memory: 128Mi}}
          volumeMounts: [{name: cfg, mountPath: /data}]
      volumes: [{name: cfg, configMap: {name: event-exporter-cfg}}]
`

// watchedKinds are what Tidings watches to know labels and owners, as RBAC names them.
var watchedKinds = []string{
	"pods", "nodes", "deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "cronjobs.batch",
}

// TestTheOriginalsManifestRunsWithOnlyTheImageChanged starts what that manifest says under the rights that people gave to
// kubernetes-event-exporter, and under ours.
func TestTheOriginalsManifestRunsWithOnlyTheImageChanged(t *testing.T) {
	// Not beside the others: each instance sees every Event of the cluster, and these four would slow down all.
	s := sharedScene(t)
	all := []rbacv1.PolicyRule{
		{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}},
		{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"*"}},
	}
	events := []rbacv1.PolicyRule{
		{APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"get", "list", "watch"}},
		{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get"}},
	}
	must(t, applyRBAC(context.Background(), s.Cluster))
	for _, with := range []struct {
		name    string
		slug    string
		role    string
		rules   []rbacv1.PolicyRule // of the role; none: it is there
		refused []string
	}{
		{name: "its own role", slug: "theirs", role: "event-exporter", rules: all},
		// Here nobody fills `view` from this one, as the controller manager of other clusters does.
		{name: "the role view, as with its older versions", slug: "view", role: "system:aggregate-to-view", refused: []string{"nodes"}},
		{name: "our role", slug: "ours", role: "tidings"},
		{name: "no right but for events", slug: "events-only", role: "events-only", rules: events, refused: watchedKinds},
	} {
		t.Run(with.name, func(t *testing.T) {
			t.Parallel()
			namespace := s.namespace(t, "monitoring-"+with.slug)
			deployment, config := applyManifest(t, s.Cluster, namespace, with.role, with.rules)
			args := deployment.Spec.Template.Spec.Containers[0].Args
			x := newContainer(t, with.slug, s.Cluster, namespace, deployment.Spec.Template.Spec.ServiceAccountName, config, args...)
			runsLikeTheOriginal(t, s, x, with.slug)
			expectWarnings(t, x, with.refused)
		})
	}
}

// applyManifest gives the manifest to the API server and reads it back.
func applyManifest(t *testing.T, c *cluster.Cluster, namespace, role string, rules []rbacv1.PolicyRule) (*appsv1.Deployment, string) {
	t.Helper()
	ctx := context.Background()
	var (
		account    corev1.ServiceAccount
		config     corev1.ConfigMap
		deployment appsv1.Deployment
	)
	documents := strings.Split(fmt.Sprintf(theirManifest, namespace), "\n---\n")
	for i, into := range []any{&account, &config, &deployment} {
		must(t, yaml.UnmarshalStrict([]byte(documents[i]), into))
	}
	if rules != nil {
		made := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: role}, Rules: rules}
		if _, err := c.Client.RbacV1().ClusterRoles().Create(ctx, made, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: account.Name, Namespace: namespace}},
	}
	_, err := c.Client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	must(t, err)
	_, err = c.Client.CoreV1().ServiceAccounts(namespace).Create(ctx, &account, metav1.CreateOptions{})
	must(t, err)
	stored, err := c.Client.CoreV1().ConfigMaps(namespace).Create(ctx, &config, metav1.CreateOptions{})
	must(t, err)
	// No kubelet here starts containers for real: the test does, and the object is only judged by the API server.
	running, err := c.Client.AppsV1().Deployments(namespace).Create(ctx, &deployment, metav1.CreateOptions{})
	must(t, err)
	return running, stored.Data["config.yaml"]
}

// runsLikeTheOriginal makes a burst and expects every Event of it once: without `repeats` in its config, a receiver gets
// the first revision.
func runsLikeTheOriginal(t *testing.T, s *scene, x *container, name string) {
	t.Helper()
	ctx := context.Background()
	namespace := s.namespace(t, "manifest-"+name)
	from := s.mark(t)
	must(t, emitter.Pods(ctx, s.Client, namespace, 60, 1))
	must(t, emitter.Burst(ctx, s.Client, namespace, "burst", 600, 1))
	upTo := s.mark(t)
	want := map[string]bool{}
	for _, sight := range s.Between(from, upTo) {
		if sight.Type == "ADDED" {
			want[sight.UID] = true
		}
	}
	if len(want) < 700 {
		t.Errorf("the burst had %d Events instead of 700 and more", len(want))
	}
	times := func() map[string]int {
		times := map[string]int{}
		for _, d := range x.delivered() {
			times[d.UID]++
		}
		return times
	}
	deadline := time.Now().Add(90 * time.Second)
	for time.Now().Before(deadline) && missing(want, times()) > 0 {
		time.Sleep(time.Second)
	}
	arrived := times()
	if lost := missing(want, arrived); lost > 0 {
		t.Errorf("%d of %d Events did not arrive", lost, len(want))
	}
	for uid, n := range arrived {
		if want[uid] && n > 1 {
			t.Errorf("%s arrived %d times", uid, n)
		}
	}
	peak := x.peak()
	t.Logf("%d Events, %d lost; the most memory was %.1f MiB", len(want), missing(want, arrived), float64(peak)/(1<<20))
	if peak > containerBytes {
		t.Errorf("it took %d MiB of memory, and its limit is %d", peak>>20, containerBytes>>20)
	}
	x.stop()
}

func missing(want map[string]bool, times map[string]int) int {
	missing := 0
	for uid := range want {
		if times[uid] == 0 {
			missing++
		}
	}
	return missing
}

// expectWarnings expects one about the state, and one for each kind that may not be read, naming the right.
func expectWarnings(t *testing.T, x *container, refused []string) {
	t.Helper()
	want := []string{"the state folder `/var/lib/tidings` cannot be written: Read-only file system (os error 30); mount a writable volume there; going on in memory"}
	for _, kind := range refused {
		want = append(want, fmt.Sprintf("no permission to list and watch %[1]s: labels and owners of %[1]s are asked for one by one, or stay unknown (see deploy/rbac.yaml)", kind))
	}
	got := x.warnings()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("it warned of\n  %s\ninstead of\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
