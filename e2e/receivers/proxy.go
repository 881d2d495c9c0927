package receivers

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// A Fault is what a proxy does instead of passing bytes.
type Fault int

const (
	Pass    Fault = iota // passes everything
	Refuse               // ends each connection at once
	Cut                  // ends each connection in the middle of what is sent
	Hang                 // takes what comes, passes nothing, says nothing
	TooMany              // answers each HTTP request with 429 and Retry-After: 2
	Broken               // answers each HTTP request with 500
)

func (f Fault) String() string {
	return [...]string{"passes", "refuses", "cuts", "hangs", "answers 429", "answers 500"}[f]
}

// middle is after so many bytes: within the first event of a payload.
const middle = 400

// A Proxy stands in front of a receiver.
type Proxy struct {
	target   string
	listener net.Listener

	mutex sync.Mutex
	fault Fault
	open  map[net.Conn]struct{}
}

// StartProxy starts one at an address that passes everything to the target, until the test ends.
func StartProxy(t *testing.T, at, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", at)
	must(t, err)
	p := &Proxy{target: target, listener: listener, open: map[net.Conn]struct{}{}}
	go p.accept()
	t.Cleanup(func() { listener.Close(); p.Do(Refuse) })
	return p
}

// Address is where it listens, host:port.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Do commands it. Connections of until now are reset.
func (p *Proxy) Do(fault Fault) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.fault = fault
	for connection := range p.open {
		reset(connection)
	}
	clear(p.open)
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mutex.Lock()
		fault := p.fault
		p.open[client] = struct{}{}
		p.mutex.Unlock()
		go func() {
			p.serve(client, fault)
			if fault == Hang {
				return // not even a last word is answered, until Do
			}
			p.mutex.Lock()
			delete(p.open, client)
			p.mutex.Unlock()
		}()
	}
}

func (p *Proxy) serve(client net.Conn, fault Fault) {
	switch fault {
	case Refuse:
		reset(client)
	case Hang:
		_, _ = io.Copy(io.Discard, client)
	case TooMany:
		answer(client, "429 Too Many Requests\r\nRetry-After: 2")
	case Broken:
		answer(client, "500 Internal Server Error")
	default:
		p.pass(client, fault)
	}
}

func (p *Proxy) pass(client net.Conn, fault Fault) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	p.mutex.Lock()
	p.open[server] = struct{}{}
	p.mutex.Unlock()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if fault == Cut {
			return
		}
		copyUntilEnd(client, server)
	}()
	if fault == Cut {
		_, _ = io.CopyN(server, client, middle)
		reset(client)
		reset(server)
	} else {
		copyUntilEnd(server, client)
	}
	<-answered
	client.Close()
	server.Close()
	p.mutex.Lock()
	delete(p.open, server)
	p.mutex.Unlock()
}

// copyUntilEnd passes bytes, and passes the end as what it was: a last word, or a reset.
func copyUntilEnd(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		reset(to)
		reset(from)
		return
	}
	if tcp, is := to.(*net.TCPConn); is {
		_ = tcp.CloseWrite()
	}
}

// answer gives each request of a connection the same answer.
func answer(client net.Conn, status string) {
	defer client.Close()
	requests := bufio.NewReader(client)
	for {
		request, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return
		}
		if _, err := fmt.Fprintf(client, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status); err != nil {
			return
		}
	}
}

// reset ends a connection as a crash does: a cut, not a polite goodbye.
func reset(connection net.Conn) {
	if tcp, is := connection.(*net.TCPConn); is {
		_ = tcp.SetLinger(0)
	}
	connection.Close()
}
