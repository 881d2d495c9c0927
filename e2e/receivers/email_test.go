package receivers

import (
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailServer is an SMTP server made of the library go-smtp, with a password; it keeps every mail that it took.
type mailServer struct {
	address string
	server  *smtp.Server

	mutex sync.Mutex
	mails []string
}

const mailPassword = "correct-horse-battery"

func TestEmail(t *testing.T) {
	t.Parallel()
	server := &mailServer{address: fmt.Sprintf("127.0.0.1:%d", FreePort(t))}
	t.Cleanup(func() { server.server.Close() })
	Battery(t, server)
}

func (m *mailServer) Start(t *testing.T) {
	t.Helper()
	server := smtp.NewServer(m)
	server.Domain, server.AllowInsecureAuth = "mail.example.com", true
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	listener, err := net.Listen("tcp", m.address)
	must(t, err)
	m.server = server
	go server.Serve(listener)
}

func (m *mailServer) Stop(*testing.T) { m.server.Close() }

func (m *mailServer) Address() string { return m.address }

func (m *mailServer) Config(address string) string { return m.config(address, mailPassword) }

// config has one mail for each event, which is its document.
func (m *mailServer) config(address, password string) string {
	host, port, _ := net.SplitHostPort(address)
	return fmt.Sprintf("email: {host: %s, port: %s, from: tidings@example.com, to: [ops@example.com, call@example.com], security: none, "+
		"username: ann, password: %s, message: \"{{ toJson . }}\", timeout: 3s}", host, port, password)
}

func (m *mailServer) Wrong(address string) (config, secret string) {
	secret = "wrong-horse-battery"
	return m.config(address, secret), secret
}

func (m *mailServer) Received(t *testing.T) []Record {
	t.Helper()
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var records []Record
	for _, text := range m.mails {
		message, err := mail.ReadMessage(strings.NewReader(text))
		must(t, err)
		body := message.Body
		if message.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(body)
		}
		document, err := io.ReadAll(body)
		must(t, err)
		record, err := Document(string(document))
		must(t, err)
		if id := message.Header.Get("Message-ID"); id != "<"+record.ID+"@tidings>" {
			t.Fatalf("the mail about %s has the id %s", record.ID, id)
		}
		records = append(records, record)
	}
	return records
}

// NewSession begins a dialogue.
func (m *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &mailSession{server: m}, nil
}

// mailSession is a dialogue with one client.
type mailSession struct {
	server     *mailServer
	known      bool
	recipients int
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "ann" || password != mailPassword {
			// Some servers repeat what they were told.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such user: " + user + " " + password}
		}
		s.known = true
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error {
	s.recipients++
	return nil
}

func (s *mailSession) Data(reader io.Reader) error {
	text, err := io.ReadAll(reader)
	if err != nil {
		return err // cut off in the middle: it will come again
	}
	if s.recipients != 2 {
		return fmt.Errorf("%d recipients", s.recipients)
	}
	s.server.mutex.Lock()
	defer s.server.mutex.Unlock()
	s.server.mails = append(s.server.mails, string(text))
	return nil
}

func (s *mailSession) Reset() { s.recipients = 0 }

func (s *mailSession) Logout() error { return nil }
