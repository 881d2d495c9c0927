package cluster

import (
	"net"
	"strings"
	"sync"
)

// A Proxy stands in front of the API server and cuts or freezes connections on command. It passes bytes, so the client
// talks TLS with the server itself.
type Proxy struct {
	URL string

	target   string
	listener net.Listener

	mutex    sync.Mutex
	refusing bool
	links    map[*link]struct{}
}

// A link is one connection of a client and the one to the server that belongs to it.
type link struct {
	client, server net.Conn

	mutex  sync.Mutex // held while it is frozen: nothing passes, and nobody is told
	frozen bool
}

// StartProxy starts a proxy for the cluster.
func (c *Cluster) StartProxy() (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		URL:    "https://" + listener.Addr().String(),
		target: strings.TrimPrefix(c.URL, "https://"), listener: listener, links: map[*link]struct{}{},
	}
	go p.accept()
	return p, nil
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		l := &link{client: client, server: server}
		if !p.add(l) {
			l.end()
			continue
		}
		go p.pass(l, client, server)
		go p.pass(l, server, client)
	}
}

func (p *Proxy) add(l *link) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.refusing {
		p.links[l] = struct{}{}
	}
	return !p.refusing
}

func (p *Proxy) pass(l *link, from, to net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		l.mutex.Lock() // waits here while frozen
		l.mutex.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	p.mutex.Lock()
	delete(p.links, l)
	p.mutex.Unlock()
	l.end()
}

// end resets both ends: a cut, not a polite goodbye.
func (l *link) end() {
	for _, connection := range []net.Conn{l.client, l.server} {
		if tcp, ok := connection.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		connection.Close()
	}
}

// Cut drops every connection in the middle of whatever it carries. New ones are served at once.
func (p *Proxy) Cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for l := range p.links {
		l.thaw()
		l.end()
	}
	clear(p.links)
}

// Freeze lets nothing pass on the connections of now, for good, and keeps them open: what a router does that forgot
// them. New ones are served.
func (p *Proxy) Freeze() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for l := range p.links {
		if !l.frozen {
			l.frozen = true
			l.mutex.Lock()
		}
	}
}

func (l *link) thaw() {
	if l.frozen {
		l.frozen = false
		l.mutex.Unlock()
	}
}

// Refuse cuts every connection and takes no new ones, until it is told otherwise.
func (p *Proxy) Refuse(refusing bool) {
	p.mutex.Lock()
	p.refusing = refusing
	p.mutex.Unlock()
	if refusing {
		p.Cut()
	}
}

// Close ends the proxy.
func (p *Proxy) Close() {
	p.listener.Close()
	p.Cut()
}
