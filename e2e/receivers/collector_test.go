package receivers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// collector is an OpenTelemetry collector, compiled from its modules, that writes what it takes to a file.
type collector struct {
	*Server
	program string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	return &collector{Server: NewServer(t), program: Go(t, "collector")}
}

func (c *collector) Start(t *testing.T) {
	t.Helper()
	config := filepath.Join(c.Dir, "collector.yaml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters: {file: {path: "%s/logs.json"}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], exporters: [file]}}
`, c.Port, c.Dir), 0o644))
	c.Launch(t, nil, c.program, "--config", "file:"+config)
}

func (c *collector) SpeaksHTTP() {}

func (c *collector) Config(address string) string {
	return fmt.Sprintf("otlp: {endpoint: \"http://%s\", timeout: 5s}", address)
}

func (c *collector) Received(t *testing.T) []Record {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Dir, "logs.json"))
	if !os.IsNotExist(err) {
		must(t, err)
	}
	type value struct{ StringValue string }
	type attributes []struct {
		Key   string
		Value value
	}
	var records []Record
	for request := range strings.Lines(string(text[:strings.LastIndexByte(string(text), '\n')+1])) {
		var logs struct {
			ResourceLogs []struct {
				Resource  struct{ Attributes attributes }
				ScopeLogs []struct {
					LogRecords []struct {
						SeverityText string
						Body         value
						Attributes   attributes
					}
				}
			}
		}
		must(t, json.Unmarshal([]byte(request), &logs))
		for _, resource := range logs.ResourceLogs {
			for _, record := range resource.ScopeLogs[0].LogRecords {
				if record.SeverityText != "Warning" || !strings.HasPrefix(record.Body.StringValue, "back-off restarting") {
					t.Errorf("this is not what happened: %+v", record)
				}
				found := map[string]string{}
				for _, attribute := range append(record.Attributes, resource.Resource.Attributes...) {
					found[attribute.Key] = attribute.Value.StringValue
				}
				if found["k8s.object.kind"] != "Pod" || found["k8s.event.reason"] != "BackOff" {
					t.Errorf("these are not its attributes: %v", found)
				}
				records = append(records, Record{ID: found["tidings.event.id"], Body: record.Body.StringValue})
			}
		}
	}
	return records
}

func TestCollectorFromGo(t *testing.T) {
	t.Parallel()
	Battery(t, newCollector(t))
}
