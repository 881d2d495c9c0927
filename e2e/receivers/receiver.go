// Package receivers runs Tidings against real receivers on 127.0.0.1 and asks each of them what arrived. README.md says how
// to add one.
package receivers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A Receiver is a server that a kind of receiver sends to.
type Receiver interface {
	// Start starts the server and waits until it takes something. After a Stop it starts the same one again: same
	// address, with all that it had.
	Start(t *testing.T)
	// Config is what stands beside `name` in the config of Tidings, for a server that is reached at this address. That is
	// the server's own or that of a proxy in front of it.
	Config(address string) string
	// Received asks the server for every record that it has.
	Received(t *testing.T) []Record
}

// A Record is what a receiver has of an event.
type Record struct {
	ID   string // uid/resourceVersion
	Body string // the document, as it is kept there
}

// What the battery asks of a receiver beyond arrival depends on what it is; these are optional.
type (
	// Addressed can be reached through a proxy.
	Addressed interface {
		Address() string // host:port, the same after each start
	}
	// Advertised tells its clients where to connect to, so its proxy must be there.
	Advertised interface {
		ProxyAddress() string
	}
	// Stoppable can be down.
	Stoppable interface {
		Stop(t *testing.T)
	}
	// HTTP can have a proxy that answers 429 and 500 in its place.
	HTTP interface {
		SpeaksHTTP()
	}
	// Guarded takes events only from those who know a secret.
	Guarded interface {
		// Wrong is a Config with another secret, and that secret.
		Wrong(address string) (config, secret string)
	}
)

// Document reads a record out of the JSON document of an event.
func Document(text string) (Record, error) {
	var event struct {
		Metadata struct {
			UID             string `json:"uid"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		return Record{}, fmt.Errorf("a record is no JSON document: %w: %.200s", err, text)
	}
	if event.Metadata.UID == "" {
		return Record{}, fmt.Errorf("a record is no event: %.200s", text)
	}
	return Record{ID: event.Metadata.UID + "/" + event.Metadata.ResourceVersion, Body: text}, nil
}

// Documents reads a record out of each line.
func Documents(t *testing.T, text string) []Record {
	t.Helper()
	var records []Record
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		record, err := Document(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return records
}
