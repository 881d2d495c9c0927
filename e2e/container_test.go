package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/e2e/cluster"
)

// The limits of the pod that the container below stands for.
const (
	containerUser  = "65532"
	containerBytes = 128 << 20
)

// A container is Tidings as a kubelet would start it, as far as that can be done without a container engine: a root of
// its own that cannot be written, in a mount namespace; another user, without capabilities; the token of a ServiceAccount
// where every pod has it; the environment of a pod; a limit on memory where the machine lets us set one.
type container struct {
	t       *testing.T
	process *cluster.Process
	dir     string
	cgroup  string
}

// newContainer prepares a root with the program, the config and the token of a ServiceAccount, and starts it.
func newContainer(t *testing.T, name string, c *cluster.Cluster, namespace, account, config string, args ...string) *container {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatalf("this test gives a program another user and a root of its own, so it needs to be root (it is user %d): run it with sudo, or leave it out with -skip %s", os.Getuid(), t.Name())
	}
	x := &container{t: t, dir: filepath.Join(workDir, "container-"+name)}
	root := filepath.Join(x.dir, "root")
	secrets := filepath.Join(root, "var/run/secrets/kubernetes.io/serviceaccount")
	for _, dir := range []string{secrets, filepath.Join(root, "data"), filepath.Join(root, "proc"), filepath.Join(root, "tmp")} {
		must(t, os.MkdirAll(dir, 0o755))
	}
	must(t, os.Chmod(workDir, 0o755)) // another user has to find the way
	x.copyProgram(root)
	must(t, os.WriteFile(filepath.Join(root, "data/config.yaml"), []byte(config), 0o644))
	ca, err := os.ReadFile(c.Admin.CAFile)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(secrets, "ca.crt"), ca, 0o644))
	must(t, os.WriteFile(filepath.Join(secrets, "namespace"), []byte(namespace), 0o644))
	must(t, c.WriteToken(context.Background(), filepath.Join(secrets, "token"), namespace, account, name))
	must(t, os.Chmod(filepath.Join(secrets, "token"), 0o644))
	x.limitMemory(name)
	x.start(root, c.URL, args)
	return x
}

var library = regexp.MustCompile(`(/\S+) \(0x`)

// copyProgram puts the program where an image has it, with what it is linked to.
func (x *container) copyProgram(root string) {
	x.t.Helper()
	copyFile := func(from, to string) {
		content, err := os.ReadFile(from)
		must(x.t, err)
		must(x.t, os.MkdirAll(filepath.Dir(to), 0o755))
		must(x.t, os.WriteFile(to, content, 0o755))
	}
	copyFile(binary(x.t), filepath.Join(root, "tidings"))
	linked, err := exec.Command("ldd", binary(x.t)).Output()
	if err != nil {
		return // it is linked to nothing
	}
	for _, found := range library.FindAllSubmatch(linked, -1) {
		copyFile(string(found[1]), filepath.Join(root, string(found[1])))
	}
}

// limitMemory makes a control group if this machine lets us. Without one the peak is looked at all the same.
func (x *container) limitMemory(name string) {
	x.t.Helper()
	limit := []byte(strconv.Itoa(containerBytes))
	for _, try := range []struct{ parent, file string }{
		{"/sys/fs/cgroup", "memory.max"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
	} {
		if try.file == "memory.max" && !strings.Contains(readText(filepath.Join(try.parent, "cgroup.subtree_control")), "memory") {
			continue // the first version, or no right to limit memory
		}
		group := filepath.Join(try.parent, fmt.Sprintf("tidings-e2e-%d-%s", os.Getpid(), name))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		if os.WriteFile(filepath.Join(group, try.file), limit, 0o644) == nil {
			x.cgroup = group
			x.t.Cleanup(func() { _ = os.Remove(group) })
			x.t.Logf("memory is limited by %s of %s", try.file, group)
			return
		}
		_ = os.Remove(group)
	}
	x.t.Log("no control group can be made here: the peak of the memory is measured, and not limited")
}

// start enters the root and becomes the other user. The pod's own network is missing: so the metrics get a port of their
// own, through the environment.
func (x *container) start(root, server string, args []string) {
	x.t.Helper()
	address, err := url.Parse(server)
	must(x.t, err)
	join := ""
	if x.cgroup != "" {
		join = "echo $$ >" + filepath.Join(x.cgroup, "cgroup.procs")
	}
	script := strings.Join([]string{
		"set -e", join,
		"mount --make-rprivate /",
		"mount --bind $ROOT $ROOT", "mount -t proc proc $ROOT/proc", "mount -o remount,bind,ro $ROOT",
		"cd $ROOT",
		// Nothing of this machine's environment, only what a pod has.
		"exec env -i HOME=/home/nonroot HOSTNAME=event-exporter-0 PATH=/ KUBERNETES_SERVICE_HOST=" + address.Hostname() +
			" KUBERNETES_SERVICE_PORT=" + address.Port() + " TIDINGS_METRICS_ADDRESS=127.0.0.1:0" +
			" setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid" +
			" chroot --userspec=+" + containerUser + ":+" + containerUser + " --groups= . /tidings \"$@\" >$ROOT/../stdout 2>$ROOT/../stderr",
	}, "\n")
	script = strings.ReplaceAll(script, " setpriv", " /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv")
	output, err := os.Create(filepath.Join(x.dir, "start.log"))
	must(x.t, err)
	defer output.Close()
	command := append([]string{"--mount", "sh", "-c", script, "sh"}, args...)
	x.process, err = cluster.StartProcess(output, []string{"ROOT=" + root}, "unshare", command...)
	must(x.t, err)
	x.t.Cleanup(func() {
		x.process.End(5 * time.Second)
		if x.t.Failed() {
			x.t.Logf("what it said:\n%s%s", readText(filepath.Join(x.dir, "start.log")), x.log())
		}
	})
	for range 600 {
		if strings.Contains(x.log(), "INFO watching") {
			x.looksLikeAPod()
			return
		}
		if !x.process.Running() {
			x.t.Fatal("it ended before it was watching")
		}
		time.Sleep(100 * time.Millisecond)
	}
	x.t.Fatal("it is not watching after a minute")
}

// looksLikeAPod asks the kernel what became of all this.
func (x *container) looksLikeAPod() {
	x.t.Helper()
	for name, want := range map[string]string{
		"Uid": strings.Repeat(containerUser+"\t", 3) + containerUser, "Gid": strings.Repeat(containerUser+"\t", 3) + containerUser,
		"Groups": "", "CapEff": "0000000000000000", "NoNewPrivs": "1",
	} {
		if got := x.status(name); got != want {
			x.t.Errorf("its %s is %q instead of %q", name, got, want)
		}
	}
	root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", x.process.ID()))
	must(x.t, err)
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", x.process.ID()))
	must(x.t, err)
	readOnly := regexp.MustCompile(`(?m)^\d+ \d+ \S+ \S+ / ro[, ]`)
	if !strings.HasSuffix(root, "/root") || !readOnly.Match(mounts) {
		x.t.Errorf("its root is %s, and this is mounted there:\n%s", root, mounts)
	}
}

// status reads a line of what the kernel says of the process.
func (x *container) status(name string) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", x.process.ID()))
	must(x.t, err)
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// peak is the most memory that it had, in bytes.
func (x *container) peak() int {
	x.t.Helper()
	kilobytes, err := strconv.Atoi(strings.TrimSuffix(x.status("VmHWM"), " kB"))
	must(x.t, err)
	return kilobytes << 10
}

func (x *container) log() string { return readText(filepath.Join(x.dir, "stderr")) }

// readText reads what may not be there.
func readText(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

var taskName = regexp.MustCompile(`^task: (.*) name="\w+"$`)

// warnings returns the lines of the log that are no mere information, without their time and the task that says it.
func (x *container) warnings() []string {
	var found []string
	for line := range strings.Lines(x.log()) {
		_, text, warns := strings.Cut(line, " WARN ")
		if warns || strings.Contains(line, "ERROR") {
			found = append(found, taskName.ReplaceAllString(strings.TrimSpace(text), "$1"))
		}
	}
	return found
}

// delivered returns what came out of its standard output.
func (x *container) delivered() []delivery {
	x.t.Helper()
	var all []delivery
	for _, line := range completeLines(x.t, filepath.Join(x.dir, "stdout")) {
		d, err := parseDelivery(bytes.TrimSpace(line))
		must(x.t, err)
		all = append(all, d)
	}
	return all
}

// stop asks it to end, as the kubelet does.
func (x *container) stop() {
	x.t.Helper()
	x.process.Signal(syscall.SIGTERM)
	if code, err := x.process.Wait(40 * time.Second); err != nil || code != 0 {
		x.t.Errorf("after SIGTERM: exit code %d, %v", code, err)
	}
}
