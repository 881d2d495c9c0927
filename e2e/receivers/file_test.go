package receivers

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// folder is where `file` writes.
type folder struct{ path string }

func (f *folder) Start(*testing.T) {}

func (f *folder) Config(string) string { return fmt.Sprintf("file: {path: %q}", f.path) }

func (f *folder) Received(t *testing.T) []Record {
	t.Helper()
	text, err := os.ReadFile(f.path)
	if !os.IsNotExist(err) {
		must(t, err)
	}
	// The last line may not be there yet.
	return Documents(t, string(text[:strings.LastIndexByte(string(text), '\n')+1]))
}

func TestFile(t *testing.T) {
	t.Parallel()
	Battery(t, &folder{filepath.Join(t.TempDir(), "events.json")})
}

// fifo is a program that reads a named pipe.
type fifo struct {
	path   string
	reader *os.File
	done   chan struct{}

	mutex sync.Mutex
	text  strings.Builder
}

func (f *fifo) Start(t *testing.T) {
	t.Helper()
	if f.path == "" {
		f.path = filepath.Join(t.TempDir(), "events.pipe")
		must(t, syscall.Mkfifo(f.path, 0o600))
	}
	var err error
	// Without waiting for the other side.
	f.reader, err = os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	must(t, err)
	f.done = make(chan struct{})
	// A second end for writing that nobody uses: a reader of a pipe that nobody writes to would be told that it has ended.
	idle, err := os.OpenFile(f.path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	must(t, err)
	reader, done := f.reader, f.done
	go func() {
		defer close(done)
		defer idle.Close()
		_, _ = io.Copy(f, reader)
	}()
}

// Write takes what was read.
func (f *fifo) Write(bytes []byte) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.text.Write(bytes)
}

// Stop ends the reader.
func (f *fifo) Stop(t *testing.T) {
	t.Helper()
	must(t, f.reader.Close())
	<-f.done
}

func (f *fifo) Config(string) string { return fmt.Sprintf("pipe: {path: %q}", f.path) }

func (f *fifo) Received(t *testing.T) []Record {
	t.Helper()
	f.mutex.Lock()
	text := f.text.String()
	f.mutex.Unlock()
	return Documents(t, text[:strings.LastIndexByte(text, '\n')+1])
}

func TestPipe(t *testing.T) {
	t.Parallel()
	f := &fifo{}
	Battery(t, f)
	f.Stop(t)
}
