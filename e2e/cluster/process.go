package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// A Process is a child that dies with us.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// StartProcess starts a program that is killed when this process dies, however it dies. Its output goes to the file.
//
// The kernel ties that promise to the thread that forked, and Go ends idle threads. So each child has a thread that
// waits for it.
func StartProcess(output *os.File, env []string, program string, args ...string) (*Process, error) {
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the exit code is read from ProcessState
			close(p.done)
		}
	}()
	return p, <-started
}

// Signal sends a signal; to a process that is gone it does nothing.
func (p *Process) Signal(signal syscall.Signal) {
	if p.Running() {
		_ = p.cmd.Process.Signal(signal)
	}
}

// ID is the number of the process.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Running tells whether the process still lives.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Wait returns the exit code, or an error when the process still runs after so long.
func (p *Process) Wait(atMost time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(atMost):
		return 0, fmt.Errorf("%s still runs after %s", p.cmd.Path, atMost)
	}
}

// End asks the process to stop and kills it when it does not.
func (p *Process) End(grace time.Duration) {
	p.Signal(syscall.SIGTERM)
	if _, err := p.Wait(grace); err != nil {
		p.Signal(syscall.SIGKILL)
		_, _ = p.Wait(10 * time.Second)
	}
}

// freePort finds a port on 127.0.0.1 below the ones that the kernel hands out, so that it is still free at a restart.
func freePort() (int, error) {
	for range 200 {
		port := 20000 + rand.IntN(12000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free port on 127.0.0.1")
}
