// Package cluster starts a real Kubernetes control plane on 127.0.0.1, with short times, for the tests.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	// EventTTL is how long the API server keeps an Event.
	EventTTL = 90 * time.Second
	// Compaction is how often it forgets old revisions; one is gone after one to two of these.
	Compaction = 30 * time.Second

	apiServerGrace = 5 * time.Second // it would wait much longer for clients that hold watches
)

// Options say what is started besides etcd and the API server.
type Options struct {
	Dir            string // data, certificates and logs
	SeparateEvents bool   // Events live in an etcd of their own, as in large clusters
	Nodes          int    // fake nodes; with any, controller-manager, scheduler and kwok run too
	Audit          string // the user whose requests are written to AuditLog
}

// A Cluster is a running control plane.
type Cluster struct {
	URL    string
	Admin  *rest.Config
	Client kubernetes.Interface

	options   Options
	programs  string
	authority *authority
	etcds     []*etcd // the last one holds the Events
	apiPort   int
	apiserver *Process
	others    []*Process
}

type etcd struct {
	name       string
	client     int
	peer       int
	process    *Process
	snapshotOf string
}

func (e *etcd) url() string { return fmt.Sprintf("http://127.0.0.1:%d", e.client) }

// Start starts a cluster and waits until it serves.
func Start(ctx context.Context, programs string, options Options) (*Cluster, error) {
	c := &Cluster{options: options, programs: programs}
	if err := c.start(ctx); err != nil {
		c.Stop()
		return nil, fmt.Errorf("start a cluster (logs in %s): %w", options.Dir, err)
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	if err := os.MkdirAll(c.options.Dir, 0o755); err != nil {
		return err
	}
	if err := c.certificates(); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	c.apiPort = port
	c.URL = fmt.Sprintf("https://127.0.0.1:%d", port)
	c.Admin = &rest.Config{
		Host: c.URL, QPS: -1, // the tests want bursts
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.path("ca.crt"), CertFile: c.path("admin.crt"), KeyFile: c.path("admin.key")},
	}
	if c.Client, err = kubernetes.NewForConfig(c.Admin); err != nil {
		return err
	}

	names := []string{"etcd"}
	if c.options.SeparateEvents {
		names = append(names, "etcd-events")
	}
	for _, name := range names {
		e := &etcd{name: name}
		if e.client, err = freePort(); err != nil {
			return err
		}
		if e.peer, err = freePort(); err != nil {
			return err
		}
		c.etcds = append(c.etcds, e)
		if err := c.startEtcd(e); err != nil {
			return err
		}
	}
	if err := c.startAPIServer(ctx); err != nil {
		return err
	}
	if c.options.Nodes == 0 {
		return nil
	}
	return c.startNodes(ctx)
}

// AuditLog is where the requests of Options.Audit are written, a line of JSON each.
func (c *Cluster) AuditLog() string { return c.path("audit.log") }

func (c *Cluster) path(name string) string { return filepath.Join(c.options.Dir, name) }

func (c *Cluster) certificates() error {
	a, err := newAuthority(c.options.Dir)
	if err != nil {
		return err
	}
	c.authority = a
	if _, _, err := a.write("service-accounts", certificateTemplate("service-accounts", "")); err != nil {
		return err
	}
	return errors.Join(a.server("apiserver"), a.client("admin", "system:masters"))
}

func (c *Cluster) startProgram(name, logName string, args ...string) (*Process, error) {
	log, err := os.OpenFile(c.path(logName+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own copy
	return StartProcess(log, nil, filepath.Join(c.programs, name), args...)
}

func (c *Cluster) startEtcd(e *etcd) error {
	peer := fmt.Sprintf("http://127.0.0.1:%d", e.peer)
	var err error
	e.process, err = c.startProgram("etcd", e.name,
		"--name=default", "--data-dir="+c.path(e.name),
		"--listen-client-urls="+e.url(), "--advertise-client-urls="+e.url(),
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer,
		"--unsafe-no-fsync", // the data lives minutes; a burst should not wait for the disk
		"--log-level=warn")
	return err
}

func (c *Cluster) startAPIServer(ctx context.Context) error {
	args := []string{
		"--etcd-servers=" + c.etcds[0].url(),
		"--etcd-compaction-interval=" + Compaction.String(),
		"--event-ttl=" + EventTTL.String(),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.apiPort),
		"--endpoint-reconciler-type=none", // an endpoint of loopback would be refused, and nobody needs one
		"--tls-cert-file=" + c.path("apiserver.crt"), "--tls-private-key-file=" + c.path("apiserver.key"),
		"--client-ca-file=" + c.path("ca.crt"),
		"--service-account-issuer=https://tidings-e2e.invalid",
		"--service-account-key-file=" + c.path("service-accounts.crt"),
		"--service-account-signing-key-file=" + c.path("service-accounts.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
		"--profiling=false",
	}
	if c.options.SeparateEvents {
		args = append(args, "--etcd-servers-overrides=/events#"+c.etcds[1].url())
	}
	if c.options.Audit != "" {
		policy := "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n" +
			"- {level: Metadata, users: [\"" + c.options.Audit + "\"]}\n- {level: None}\n"
		if err := os.WriteFile(c.path("audit.yaml"), []byte(policy), 0o644); err != nil {
			return err
		}
		args = append(args, "--audit-policy-file="+c.path("audit.yaml"), "--audit-log-path="+c.AuditLog())
	}
	var err error
	if c.apiserver, err = c.startProgram("kube-apiserver", "kube-apiserver", args...); err != nil {
		return err
	}
	return c.waitReady(ctx)
}

// waitReady waits for /readyz and for the namespace that the API server itself creates a moment later.
func (c *Cluster) waitReady(ctx context.Context) error {
	var last error
	for range 240 {
		if !c.apiserver.Running() {
			return errors.New("the API server ended")
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		_, last = c.Client.Discovery().RESTClient().Get().AbsPath("/readyz").Timeout(2 * time.Second).DoRaw(ctx)
		if last == nil {
			if _, last = c.Client.CoreV1().Namespaces().Get(ctx, "kube-system", metav1.GetOptions{}); last == nil {
				return nil
			}
		}
		time.Sleep(250 * time.Millisecond)
	}
	return fmt.Errorf("the API server is not ready after a minute: %w", last)
}

// Stop ends every program. The data stays for whoever reads logs.
func (c *Cluster) Stop() {
	for _, process := range c.others {
		process.Signal(syscall.SIGKILL)
	}
	if c.apiserver != nil {
		c.apiserver.Signal(syscall.SIGKILL)
	}
	for _, e := range c.etcds {
		if e.process != nil {
			e.process.Signal(syscall.SIGKILL)
			_, _ = e.process.Wait(5 * time.Second)
		}
	}
}

// RestartAPIServer ends the API server as a rolling upgrade does, and starts it again on the same port.
func (c *Cluster) RestartAPIServer(ctx context.Context) error {
	c.apiserver.End(apiServerGrace)
	return c.startAPIServer(ctx)
}

// SnapshotEtcd copies the data of the etcd that holds the Events, as a snapshot of its volume does: the process is held,
// not stopped, so the copy is what a crash at this moment would leave.
func (c *Cluster) SnapshotEtcd() error {
	e := c.etcds[len(c.etcds)-1]
	e.snapshotOf = c.path(e.name + ".snapshot")
	if err := os.RemoveAll(e.snapshotOf); err != nil {
		return err
	}
	e.process.Signal(syscall.SIGSTOP)
	defer e.process.Signal(syscall.SIGCONT)
	return os.CopyFS(e.snapshotOf, os.DirFS(c.path(e.name)))
}

// RestoreEtcd puts the snapshot back under the cluster: its revisions start again where they were.
func (c *Cluster) RestoreEtcd(ctx context.Context) error {
	e := c.etcds[len(c.etcds)-1]
	if e.snapshotOf == "" {
		return errors.New("nothing to restore: SnapshotEtcd comes first")
	}
	c.apiserver.End(apiServerGrace)
	e.process.End(5 * time.Second)
	if err := os.RemoveAll(c.path(e.name)); err != nil {
		return err
	}
	if err := os.CopyFS(c.path(e.name), os.DirFS(e.snapshotOf)); err != nil {
		return err
	}
	if err := os.Chmod(c.path(e.name), 0o700); err != nil {
		return err
	}
	if err := c.startEtcd(e); err != nil {
		return err
	}
	return c.startAPIServer(ctx)
}

// WriteKubeconfig writes a kubeconfig for a bearer of the token file. The server is the cluster's URL or a proxy's.
func (c *Cluster) WriteKubeconfig(path, server, tokenFile string) error {
	return c.writeKubeconfig(path, server, &clientcmdapi.AuthInfo{TokenFile: tokenFile})
}

func (c *Cluster) writeKubeconfig(path, server string, user *clientcmdapi.AuthInfo) error {
	ca, err := os.ReadFile(c.path("ca.crt"))
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["e2e"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos["e2e"] = user
	config.Contexts["e2e"] = &clientcmdapi.Context{Cluster: "e2e", AuthInfo: "e2e"}
	config.CurrentContext = "e2e"
	return clientcmd.WriteToFile(*config, path)
}

// CreateNamespace creates a namespace that may be there already.
func (c *Cluster) CreateNamespace(ctx context.Context, name string) error {
	_, err := c.Client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	return ignoreExists(err)
}
