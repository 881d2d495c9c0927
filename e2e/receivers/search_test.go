package receivers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// direct asks each server over a connection of its own: one that was kept would not live through a restart.
var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

// documents is a node of Elasticsearch or OpenSearch from Maven Central, without the plugins that know users.
type documents struct {
	*Server
	name, libraries string
	more            string // of the config
	other           int
	ids             bool // a document's id is the event's
}

func newDocuments(t *testing.T, name, more string) *documents {
	t.Helper()
	return &documents{Server: NewServer(t), name: name, libraries: Maven(t, name), more: more, other: FreePort(t), ids: true}
}

func (d *documents) Start(t *testing.T) {
	t.Helper()
	// The launcher compiles the few lines of Embedded.java itself.
	d.Launch(t, nil, "java", "-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", filepath.Join(d.libraries, "*"),
		filepath.Join(d.name, "Embedded.java"), d.Dir, fmt.Sprint(d.Port), fmt.Sprint(d.other))
	WaitFor(t, time.Minute, d.name+" has its indices", func() bool {
		status, _ := d.ask(t, "GET", "/_cluster/health?wait_for_status=yellow&timeout=10s", "")
		return status == http.StatusOK
	})
}

func (d *documents) SpeaksHTTP() {}

func (d *documents) Config(address string) string {
	return fmt.Sprintf("%s: {hosts: [\"http://%s\"], index: events, timeout: 5s%s}", d.name, address, d.more)
}

// ask sends a request and returns its answer; 0 is none.
func (d *documents) ask(t *testing.T, method, path, body string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+d.Address()+path, strings.NewReader(body))
	must(t, err)
	request.Header.Set("Content-Type", "application/json")
	answer, err := direct.Do(request)
	if err != nil {
		return 0, nil
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, said
}

func (d *documents) Received(t *testing.T) []Record {
	t.Helper()
	if status, said := d.ask(t, "POST", "/events/_refresh", ""); status == http.StatusNotFound {
		return nil
	} else if status != http.StatusOK {
		t.Fatalf("%d: %s", status, said)
	}
	status, said := d.ask(t, "GET", "/events/_search?size=10000", "")
	if status != http.StatusOK {
		t.Fatalf("%d: %s", status, said)
	}
	var found struct {
		Hits struct {
			Hits []struct {
				ID     string          `json:"_id"`
				Source json.RawMessage `json:"_source"`
			} `json:"hits"`
		} `json:"hits"`
	}
	must(t, json.Unmarshal(said, &found))
	var records []Record
	for _, hit := range found.Hits.Hits {
		record, err := Document(string(hit.Source))
		must(t, err)
		if hit.ID != record.ID && d.ids {
			t.Errorf("the document of %s has the id %s", record.ID, hit.ID)
		}
		records = append(records, record)
	}
	return records
}

// expectOnce asks that no event has two documents.
func (d *documents) expectOnce(t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, record := range d.Received(t) {
		if seen[record.ID] {
			t.Errorf("%s has two documents", record.ID)
		}
		seen[record.ID] = true
	}
}

// refuse lets the index take only field paths that are numbers, or none.
func (d *documents) refuse(t *testing.T) {
	t.Helper()
	mapping := `{"mappings": {"properties": {"involvedObject": {"properties": {"fieldPath": {"type": "integer"}}}}}}`
	if status, said := d.ask(t, "PUT", "/events", mapping); status != http.StatusOK {
		t.Fatalf("%d: %s", status, said)
	}
}

func TestElasticsearchFromMaven(t *testing.T) {
	t.Parallel()
	d := newDocuments(t, "elasticsearch", "")
	Battery(t, d)
	d.expectOnce(t)
}

func TestOpenSearchFromMaven(t *testing.T) {
	t.Parallel()
	d := newDocuments(t, "opensearch", "")
	Battery(t, d)
	d.expectOnce(t)
}

// stream is a data stream, which takes nothing but new documents with a time.
type stream struct{ *documents }

func (s stream) Start(t *testing.T) {
	t.Helper()
	s.documents.Start(t)
	template := `{"index_patterns": ["events"], "data_stream": {}, "template": {"settings": {"number_of_replicas": 0}}}`
	if status, said := s.ask(t, "PUT", "/_index_template/events", template); status != http.StatusOK {
		t.Fatalf("%d: %s", status, said)
	}
}

func TestDataStreamOfOpenSearchFromMaven(t *testing.T) {
	t.Parallel()
	s := stream{newDocuments(t, "opensearch", ", dataStream: true")}
	Battery(t, s)
	s.expectOnce(t)
	if _, said := s.ask(t, "GET", "/_data_stream/events", ""); !bytes.Contains(said, []byte(`"name":"events"`)) {
		t.Errorf("there is no data stream: %s", said)
	}
}

func TestADataStreamThatIsNotToldBlocksAndSaysSoFromMaven(t *testing.T) {
	t.Parallel()
	s := stream{newDocuments(t, "opensearch", "")}
	s.Start(t)
	tidings := Run(t, s.Config(s.Address()))
	tidings.Feed(3)
	tidings.waitForLog(t, "set `dataStream: true`")
	if records := s.Received(t); len(records) != 0 {
		t.Errorf("%d records", len(records))
	}
}

func TestADocumentThatTheIndexRefusesIsParkedAndTheRestArrivesFromMaven(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"elasticsearch", "opensearch"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDocuments(t, name, `, layout: {metadata: {uid: "{{ .UID }}", resourceVersion: "{{ .ResourceVersion }}"}, involvedObject: {fieldPath: "{{ .InvolvedObject.FieldPath }}"}}`)
			d.Start(t)
			d.refuse(t)
			tidings := Run(t, d.Config(d.Address()))
			tidings.Feed(10)
			odd := fmt.Sprintf(event, "0dd0dd00-0000-4000-8000-000000000000", 999999, time.Now().UTC().Format(time.RFC3339), 1)
			_, err := tidings.input.WriteString(strings.Replace(odd, `"uid":"22bb"`, `"uid":"22bb","fieldPath":"no number"`, 1) + "\n")
			must(t, err)
			tidings.Feed(10)
			tidings.expect(t, d)
			tidings.waitForLog(t, "parked")
		})
	}
}
