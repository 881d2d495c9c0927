package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tidings/e2e/cluster"
	"tidings/e2e/emitter"
)

// TestAReplicaWithoutADiskGoesOnFromTheLease: what a leader has written into the Lease is enough for the next one.
func TestAReplicaWithoutADiskGoesOnFromTheLease(t *testing.T) {
	// Before the tests that run beside one another: it takes up thrice what they would write by the thousand.
	s := sharedScene(t)
	ctx := context.Background()
	namespace := s.namespace(t, "leader")
	x := newTidings(t, "leader", grantAccess(t, "leader", s.Cluster, s.URL), "protobuf")
	must(t, grantElection(ctx, s.Cluster))
	file, err := os.OpenFile(filepath.Join(x.dir, "config.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprintln(file, "leaderElection: {enabled: true, leaderElectionID: e2e}")
	must(t, err)
	must(t, file.Close())

	x.start()
	from := s.mark(t)
	for i := range 3 {
		must(t, emitter.Burst(ctx, s.Client, namespace, fmt.Sprintf("before-%d", i), 50, 1))
		time.Sleep(3 * time.Second)
		x.stop()
		lease, err := s.Client.CoordinationV1().Leases("default").Get(ctx, "e2e", metav1.GetOptions{})
		must(t, err)
		if holder := lease.Spec.HolderIdentity; holder == nil || *holder != "" {
			t.Errorf("after its end the Lease is held by %v", holder)
		}
		// They stand together only where both have kept up with all that the other tests write.
		progress := lease.Annotations["tidings.dev/progress"]
		if !strings.Contains(progress, `"dump"`) || !strings.Contains(progress, `"hook"`) {
			t.Errorf("in the Lease stands: %s", progress)
		}
		must(t, os.RemoveAll(filepath.Join(x.dir, "state")))
		must(t, emitter.Burst(ctx, s.Client, namespace, fmt.Sprintf("away-%d", i), 50, 2))
		x.start()
	}
	must(t, emitter.Burst(ctx, s.Client, namespace, "after", 50, 1))
	upTo := s.mark(t)
	x.expectEach(routed(s.Between(from, upTo)), 60*time.Second, within(from, upTo))
	x.expectMissed(0, 0)
	x.stop()
}

// grantElection gives the rights of the Role in deploy/rbac.yaml where a program outside of a pod looks for the Lease.
func grantElection(ctx context.Context, c *cluster.Cluster) error {
	roles := c.Client.RbacV1()
	role, err := roles.Roles("tidings").Get(ctx, "tidings-leader-election", metav1.GetOptions{})
	if err != nil {
		return err
	}
	here := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: role.Name}, Rules: role.Rules}
	if _, err := roles.Roles("default").Create(ctx, here, metav1.CreateOptions{}); err != nil {
		return err
	}
	binding, err := roles.RoleBindings("tidings").Get(ctx, "tidings-leader-election", metav1.GetOptions{})
	if err != nil {
		return err
	}
	there := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: binding.Name}, RoleRef: binding.RoleRef, Subjects: binding.Subjects}
	_, err = roles.RoleBindings("default").Create(ctx, there, metav1.CreateOptions{})
	return err
}
