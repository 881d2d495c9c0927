package cluster

import (
	"io"
	"net"
	"strings"
	"sync"
)

// A Proxy stands in front of the API server and cuts connections on command. It passes bytes, so the client talks TLS
// with the server itself.
type Proxy struct {
	URL string

	target   string
	listener net.Listener

	mutex       sync.Mutex
	refusing    bool
	connections map[net.Conn]struct{}
}

// StartProxy starts a proxy for the cluster.
func (c *Cluster) StartProxy() (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		URL:    "https://" + listener.Addr().String(),
		target: strings.TrimPrefix(c.URL, "https://"), listener: listener, connections: map[net.Conn]struct{}{},
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
		if err != nil || !p.add(client, server) {
			client.Close()
			if server != nil {
				server.Close()
			}
			continue
		}
		go p.pass(client, server)
		go p.pass(server, client)
	}
}

func (p *Proxy) pass(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	p.drop(from)
	p.drop(to)
}

func (p *Proxy) add(connections ...net.Conn) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.refusing {
		return false
	}
	for _, connection := range connections {
		p.connections[connection] = struct{}{}
	}
	return true
}

func (p *Proxy) drop(connection net.Conn) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.connections, connection)
	connection.Close()
}

// Cut drops every connection in the middle of whatever it carries. New ones are served at once.
func (p *Proxy) Cut() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	cut := len(p.connections) / 2
	for connection := range p.connections {
		if tcp, ok := connection.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not a polite end
		}
		connection.Close()
	}
	clear(p.connections)
	return cut
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
