package receivers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// loki is Grafana Loki, compiled from its module, with its own limits on what is too old.
type loki struct {
	*Server
	program string
	other   int
	more    string // of the config
}

func newLoki(t *testing.T, more string) *loki {
	t.Helper()
	return &loki{Server: NewServer(t), program: Go(t, "loki"), other: FreePort(t), more: more}
}

func (l *loki) Start(t *testing.T) {
	t.Helper()
	config := filepath.Join(l.Dir, "loki.yaml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `auth_enabled: true
server: {http_listen_address: 127.0.0.1, http_listen_port: %[1]d, grpc_listen_address: 127.0.0.1, grpc_listen_port: %[2]d, log_level: warn}
common:
  instance_addr: 127.0.0.1
  path_prefix: %[3]s/data
  storage: {filesystem: {chunks_directory: %[3]s/chunks, rules_directory: %[3]s/rules}}
  replication_factor: 1
  ring: {kvstore: {store: inmemory}}
schema_config:
  configs: [{from: 2020-10-24, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}]
analytics: {reporting_enabled: false}
limits_config: {max_entries_limit_per_query: 100000}
`, l.Port, l.other, l.Dir), 0o644))
	l.Launch(t, nil, l.program, "-config.file="+config)
	WaitFor(t, 2*time.Minute, "loki is ready", func() bool {
		answer, err := direct.Get("http://" + l.Address() + "/ready")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

func (l *loki) SpeaksHTTP() {}

func (l *loki) Config(address string) string {
	return fmt.Sprintf("loki: {url: \"http://%s/loki/api/v1/push\", tenantID: shop, timeout: 5s, streamLabels: {job: events, kind: \"{{ .InvolvedObject.Kind }}\"}%s}",
		address, l.more)
}

// A line of Loki: when it stands in its stream, and what it says.
type line struct {
	time time.Time
	text string
}

// lines asks for every line of the last ten days.
func (l *loki) lines(t *testing.T) []line {
	t.Helper()
	query := url.Values{
		"query": {`{job="events"}`}, "limit": {"100000"}, "start": {fmt.Sprint(time.Now().Add(-240 * time.Hour).UnixNano())},
		"end": {fmt.Sprint(time.Now().Add(time.Hour).UnixNano())},
	}
	request, err := http.NewRequest("GET", "http://"+l.Address()+"/loki/api/v1/query_range?"+query.Encode(), nil)
	must(t, err)
	request.Header.Set("X-Scope-OrgID", "shop")
	answer, err := direct.Do(request)
	must(t, err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	must(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%d: %s", answer.StatusCode, said)
	}
	var found struct {
		Data struct {
			Result []struct {
				Values [][2]string `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	must(t, json.Unmarshal(said, &found))
	var lines []line
	for _, stream := range found.Data.Result {
		for _, value := range stream.Values {
			var nanoseconds int64
			_, err := fmt.Sscan(value[0], &nanoseconds)
			must(t, err)
			lines = append(lines, line{time.Unix(0, nanoseconds), value[1]})
		}
	}
	return lines
}

func (l *loki) Received(t *testing.T) []Record {
	t.Helper()
	var records []Record
	for _, line := range l.lines(t) {
		record, err := Document(line.text)
		must(t, err)
		records = append(records, record)
	}
	return records
}

func TestLokiFromGo(t *testing.T) {
	t.Parallel()
	l := newLoki(t, "")
	Battery(t, l)
	seen := map[string]bool{}
	for _, record := range l.Received(t) {
		if seen[record.ID] {
			t.Errorf("%s has two lines", record.ID)
		}
		seen[record.ID] = true
	}
}

func TestWhatLokiFindsTooOldGoesToNowAndSaysItsTimeFromGo(t *testing.T) {
	t.Parallel()
	l := newLoki(t, `, layout: {metadata: {uid: "{{ .UID }}", resourceVersion: "{{ .ResourceVersion }}"}}`)
	l.Start(t)
	tidings := Run(t, l.Config(l.Address()))
	tidings.Feed(10)
	tidings.expect(t, l)
	// Older than Loki takes (a week), and older than the newest line of its stream allows (an hour).
	for index, age := range []time.Duration{9 * 24 * time.Hour, 5 * time.Hour} {
		uid := fmt.Sprintf("01d00000-0000-4000-8000-%012d", index)
		happened := time.Now().Add(-age).UTC().Format(time.RFC3339)
		_, err := fmt.Fprintf(tidings.input, event+"\n", uid, 900000+index, happened, 1)
		must(t, err)
		tidings.fed[fmt.Sprintf("%s/%d", uid, 900000+index)] = true
	}
	tidings.Feed(10)
	tidings.expect(t, l)
	late := 0
	for _, line := range l.lines(t) {
		if strings.Contains(line.text, `"eventTimestamp"`) {
			late++
			if age := time.Since(line.time); age > time.Hour {
				t.Errorf("a late line stands %s ago: %s", age, line.text)
			}
		}
	}
	if late < 2 {
		t.Errorf("%d late lines say their time", late)
	}
}
