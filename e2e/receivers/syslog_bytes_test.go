package receivers

import (
	"fmt"
	"io"
	"log/syslog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The original writes with Go's log/syslog, so Go itself says what its bytes are: the document that Tidings sent goes through
// Go's writer to the same place, and what comes there must be the same, but for the time.

var timeOfMessage = regexp.MustCompile(`^<128>(\S+T\S+Z|\w{3} [ \d]\d \d\d:\d\d:\d\d) `)

func expectGoBytes(t *testing.T, network, address string, next func() string) {
	t.Helper()
	tidings := Run(t, fmt.Sprintf("syslog: {network: %s, address: %q, tag: k8s-events, procId: \"%d\"}", network, address, os.Getpid()))
	tidings.Feed(1)
	ours := next()
	at := strings.Index(ours, "{")
	if at < 0 {
		t.Fatalf("no document in %q", ours)
	}
	writer, err := syslog.Dial(network, address, syslog.LOG_LOCAL0, "k8s-events")
	must(t, err)
	_, err = writer.Write([]byte(strings.TrimSuffix(ours[at:], "\n")))
	must(t, err)
	must(t, writer.Close())
	theirs := next()
	for _, message := range []string{ours, theirs} {
		if !timeOfMessage.MatchString(message) {
			t.Errorf("no time is in %.80q", message)
		}
	}
	mask := func(message string) string { return timeOfMessage.ReplaceAllString(message, "<128>TIME ") }
	if mask(ours) != mask(theirs) {
		t.Errorf("Tidings wrote\n%qand Go\n%q", ours, theirs)
	}
}

func TestSyslogBytesOverTCPAreThoseOfGo(t *testing.T) {
	time.Local = time.UTC
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	expectGoBytes(t, "tcp", listener.Addr().String(), func() string {
		connection, err := listener.Accept()
		must(t, err)
		defer connection.Close()
		must(t, connection.SetReadDeadline(time.Now().Add(arrival)))
		text, err := io.ReadAll(connection)
		must(t, err)
		return string(text)
	})
}

func TestSyslogBytesToASocketAreThoseOfGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	socket, err := net.ListenPacket("unixgram", path)
	must(t, err)
	defer socket.Close()
	expectGoBytes(t, "unixgram", path, func() string {
		must(t, socket.SetReadDeadline(time.Now().Add(arrival)))
		message := make([]byte, 64<<10)
		length, _, err := socket.ReadFrom(message)
		must(t, err)
		return string(message[:length])
	})
}
