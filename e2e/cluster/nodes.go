package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

//go:embed stages.yaml
var stages []byte

// startNodes starts what turns a Deployment into running pods: controllers, a scheduler, and kwok, which plays the
// kubelet of every fake node and says what a kubelet says (stages.yaml).
func (c *Cluster) startNodes(ctx context.Context) error {
	admin := &clientcmdapi.AuthInfo{ClientCertificate: c.path("admin.crt"), ClientKey: c.path("admin.key")}
	if err := c.writeKubeconfig(c.path("admin.kubeconfig"), c.URL, admin); err != nil {
		return err
	}
	if err := os.WriteFile(c.path("stages.yaml"), stages, 0o644); err != nil {
		return err
	}
	kubeconfig := "--kubeconfig=" + c.path("admin.kubeconfig")
	commands := map[string][]string{
		"kube-controller-manager": {kubeconfig, "--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000",
			"--service-account-private-key-file=" + c.path("service-accounts.key"), "--root-ca-file=" + c.path("ca.crt"),
			"--controllers=namespace-controller,serviceaccount-controller,deployment-controller,replicaset-controller,garbage-collector-controller,node-lifecycle-controller"},
		"kube-scheduler": {kubeconfig, "--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000"},
		"kwok": {kubeconfig, "--manage-all-nodes=true", "--config=" + c.path("stages.yaml"), "--cidr=10.128.0.0/14",
			"--node-ip=127.0.0.1", "--node-lease-duration-seconds=40"},
	}
	for name, args := range commands {
		process, err := c.startProgram(name, name, args...)
		if err != nil {
			return err
		}
		c.others = append(c.others, process)
	}
	for i := range c.options.Nodes {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name:        fmt.Sprintf("node-%d", i),
			Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
			Labels:      map[string]string{"kubernetes.io/os": "linux"},
		}}
		if _, err := c.Client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); ignoreExists(err) != nil {
			return err
		}
	}
	return c.waitNodes(ctx)
}

func (c *Cluster) waitNodes(ctx context.Context) error {
	ready := 0
	for range 120 {
		nodes, err := c.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		ready = 0
		for _, node := range nodes.Items {
			for _, condition := range node.Status.Conditions {
				if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0 {
					ready++
				}
			}
		}
		if ready == c.options.Nodes {
			return nil
		}
		time.Sleep(500 * time.Millisecond)
	}
	return fmt.Errorf("%d of %d fake nodes are ready after a minute", ready, c.options.Nodes)
}

func ignoreExists(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
