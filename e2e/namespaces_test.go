package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tidings/e2e/emitter"
	"tidings/e2e/witness"
)

// Two namespaces need no right on the cluster: a Role in each is enough, and a third is neither seen nor asked for.
func TestNamespacesAreFollowedWithRolesOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := sharedScene(t)
	ctx := context.Background()
	one, two, other := s.namespace(t, "narrow-one"), s.namespace(t, "narrow-two"), s.namespace(t, "narrow-not")
	x := newTidings(t, "narrow", grantRoles(t, s, "narrow", one, two), "protobuf")
	x.follow(one, two)
	x.start()

	// Small bursts: the position of a namespace is as old as its last event, and the server forgets revisions
	// after a short while, so a long pause here would leave only the newest revision of each object.
	from := s.mark(t)
	for _, namespace := range []string{one, two, other} {
		if err := emitter.Burst(ctx, s.Client, namespace, "before", 25, 1); err != nil {
			t.Fatal(err)
		}
	}
	x.waitFor(routed(in(s.Between(from, s.mark(t)), one, two)), time.Minute)
	x.stop()
	for _, namespace := range []string{one, two, other} {
		if err := emitter.Burst(ctx, s.Client, namespace, "after", 25, 1); err != nil {
			t.Fatal(err)
		}
	}
	x.start()
	upTo := s.mark(t)

	want := routed(in(s.Between(from, upTo), one, two))
	if len(want) < 200 {
		t.Errorf("there were %d revisions instead of 200 and more", len(want))
	}
	x.expectEach(want, time.Minute, within(from, upTo))
	x.expectMissed(0, 0)
	x.stop()
}

// in keeps what was seen in these namespaces.
func in(sights []witness.Sight, namespaces ...string) []witness.Sight {
	var kept []witness.Sight
	for _, sight := range sights {
		for _, namespace := range namespaces {
			if sight.Namespace == namespace {
				kept = append(kept, sight)
			}
		}
	}
	return kept
}

// follow limits the program to some namespaces.
func (x *tidings) follow(namespaces ...string) {
	x.t.Helper()
	file := filepath.Join(x.dir, "config.yaml")
	text, err := os.ReadFile(file)
	must(x.t, err)
	lines := "namespaces:\n  include:\n"
	for _, namespace := range namespaces {
		lines += "    - " + namespace + "\n"
	}
	must(x.t, os.WriteFile(file, append([]byte(lines), text...), 0o644))
}

// grantRoles sets up a ServiceAccount that may read Events in these namespaces, and nothing else at all.
func grantRoles(t *testing.T, s *scene, name string, namespaces ...string) *access {
	t.Helper()
	ctx := context.Background()
	must(t, s.CreateNamespace(ctx, "tidings"))
	meta := metav1.ObjectMeta{Name: name, Namespace: "tidings"}
	_, err := s.Client.CoreV1().ServiceAccounts("tidings").Create(ctx, &corev1.ServiceAccount{ObjectMeta: meta}, metav1.CreateOptions{})
	must(t, err)
	for _, namespace := range namespaces {
		meta := metav1.ObjectMeta{Name: name, Namespace: namespace}
		rules := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"get", "list", "watch"}}}
		_, err := s.Client.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{})
		must(t, err)
		binding := &rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: "tidings"}},
		}
		_, err = s.Client.RbacV1().RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{})
		must(t, err)
	}
	dir := filepath.Join(workDir, "access-"+name)
	must(t, os.MkdirAll(dir, 0o755))
	a := &access{cluster: s.Cluster, kubeconfig: filepath.Join(dir, "kubeconfig"), tokenFile: filepath.Join(dir, "token")}
	must(t, s.WriteToken(ctx, a.tokenFile, "tidings", name, name))
	must(t, s.WriteKubeconfig(a.kubeconfig, s.URL, a.tokenFile))
	return a
}
