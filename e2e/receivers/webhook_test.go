package receivers

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// web is a web server that takes documents, or arrays of them, from those who have a password.
type web struct {
	kind, key, more string // of the config

	address string
	server  *http.Server

	mutex   sync.Mutex
	records []Record
}

const webPassword = "correct-horse-battery"

func (w *web) Start(t *testing.T) {
	t.Helper()
	first := w.address == ""
	if first {
		w.address = fmt.Sprintf("127.0.0.1:%d", FreePort(t))
	}
	listener, err := net.Listen("tcp", w.address)
	must(t, err)
	w.server = &http.Server{Handler: w}
	if first {
		t.Cleanup(func() { w.server.Close() })
	}
	go w.server.Serve(listener)
}

func (w *web) Stop(*testing.T) { w.server.Close() }

func (w *web) Address() string { return w.address }

func (w *web) SpeaksHTTP() {}

func (w *web) Config(address string) string { return w.config(address, webPassword) }

func (w *web) config(address, password string) string {
	return fmt.Sprintf("%s: {%s: \"http://ann:%s@%s/events\", timeout: 3s%s}", w.kind, w.key, password, address, w.more)
}

func (w *web) Wrong(address string) (config, secret string) {
	secret = "wrong-horse-battery"
	return w.config(address, secret), secret
}

func (w *web) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	user, password, _ := request.BasicAuth()
	if user != "ann" || password != webPassword {
		// Some servers repeat what they were told.
		http.Error(answer, "no such user: "+request.Header.Get("Authorization")+" "+password, http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // cut off in the middle: it will come again
	}
	var documents []json.RawMessage
	if json.Unmarshal(body, &documents) != nil {
		documents = []json.RawMessage{body}
	}
	for _, document := range documents {
		record, err := Document(string(document))
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		w.mutex.Lock()
		w.records = append(w.records, record)
		w.mutex.Unlock()
	}
}

func (w *web) Received(*testing.T) []Record {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return append([]Record(nil), w.records...)
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	Battery(t, &web{kind: "webhook", key: "endpoint"})
}

func TestWebhookWithBatches(t *testing.T) {
	t.Parallel()
	Battery(t, &web{kind: "webhook", key: "endpoint", more: ", batch: true"})
}
