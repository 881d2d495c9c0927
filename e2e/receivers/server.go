package receivers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tidings/e2e/cluster"
)

// A Server is a program on a port of 127.0.0.1 that is started, stopped and started again. Receivers embed it.
type Server struct {
	Dir  string // its own, for its files; it goes with the test
	Port int

	process *cluster.Process
}

// NewServer finds a port and makes a folder. What is launched is stopped when the test ends.
func NewServer(t *testing.T) *Server {
	t.Helper()
	s := &Server{Dir: t.TempDir(), Port: FreePort(t)}
	t.Cleanup(func() {
		if s.process != nil {
			s.process.End(5 * time.Second)
		}
	})
	return s
}

// Address is where it listens.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// Launch starts the program and waits until something listens at its port.
func (s *Server) Launch(t *testing.T, env []string, program string, args ...string) {
	t.Helper()
	path := filepath.Join(s.Dir, "server.log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(t, err)
	defer log.Close()
	s.process, err = cluster.StartProcess(log, env, program, args...)
	must(t, err)
	process := s.process
	WaitFor(t, time.Minute, filepath.Base(program)+" listens", func() bool {
		if !process.Running() {
			text, _ := os.ReadFile(path)
			t.Fatalf("%s has ended:\n%s", program, tail(string(text), 30))
		}
		connection, err := net.DialTimeout("tcp", s.Address(), time.Second)
		if err != nil {
			return false
		}
		connection.Close()
		return true
	})
}

// Stop asks the program to end and waits until it has.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	s.process.End(20 * time.Second)
}

// WaitFor waits until it is so, and fails when it is not in time.
func WaitFor(t *testing.T, atMost time.Duration, what string, isSo func() bool) {
	t.Helper()
	for deadline := time.Now().Add(atMost); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if isSo() {
			return
		}
	}
	t.Fatalf("not within %s: %s", atMost, what)
}

// given are the ports that a test has already: those that run beside one another must not meet.
var given sync.Map

// FreePort finds a port below those that the kernel hands out, so that it is still free at a restart.
func FreePort(t *testing.T) int {
	t.Helper()
	for range 200 {
		port := 12000 + rand.IntN(8000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			must(t, listener.Close())
			if _, taken := given.LoadOrStore(port, true); !taken {
				return port
			}
		}
	}
	t.Fatal("no free port on 127.0.0.1")
	return 0
}
