package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tidings/e2e/emitter"
)

// oldNames are those of kubernetes-event-exporter, which have to stay as they are although no linter likes them.
var oldNames = []string{
	"event_exporter_events_sent", "event_exporter_events_discarded", "event_exporter_watch_errors",
	"event_exporter_send_event_errors", "event_exporter_kube_api_read_cache_hits", "event_exporter_kube_api_read_cache_misses",
}

// TestPromtoolFindsNothingInTheMetrics does what `promtool check metrics` does, with its own packages.
func TestPromtoolFindsNothingInTheMetrics(t *testing.T) {
	t.Parallel()
	s := sharedScene(t)
	namespace := s.namespace(t, "metrics")
	x := newTidings(t, "metrics", grantAccess(t, "metrics", s.Cluster, s.URL), "protobuf")
	config, err := os.ReadFile(filepath.Join(x.dir, "config.yaml"))
	must(t, err)
	all := "metricsNamePrefix: event_exporter_\n" + strings.Replace(string(config), "omitLookup: true\n", "", 1)
	must(t, os.WriteFile(filepath.Join(x.dir, "config.yaml"), []byte(all), 0o644))
	x.env = append(x.env, "TIDINGS_METRICS_ADDRESS=127.0.0.1:0")
	x.start()
	from := s.mark(t)
	must(t, emitter.Pods(context.Background(), s.Client, namespace, 20, 0))
	upTo := s.mark(t)
	x.waitFor(routed(s.Between(from, upTo)), 90*time.Second)
	text := scrape(t, x.logSince())
	x.stop()

	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	must(t, err)
	for _, problem := range problems {
		if !slices.Contains(oldNames, problem.Metric) {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	must(t, err)
	series := 0
	for name, family := range families {
		if !strings.HasPrefix(name, "tidings_") && !strings.HasPrefix(name, "process_") && !strings.HasPrefix(name, "event_exporter_") {
			t.Errorf("%s has a name of its own", name)
		}
		series += len(family.Metric)
	}
	for _, name := range append(oldNames, "tidings_event_occurrences_total", "tidings_api_request_duration_seconds", "process_resident_memory_bytes") {
		if families[name] == nil {
			t.Errorf("%s is not served", name)
		}
	}
	t.Logf("%d families with %d series, %d remarks about names that have to stay", len(families), series, len(problems))
	if t.Failed() {
		t.Logf("%s", text)
	}
}

var servedAt = regexp.MustCompile(`metrics and health at (http://\S+)/`)

// scrape reads the metrics as Prometheus does, which would take OpenMetrics too. The address stands in the log.
func scrape(t *testing.T, log string) []byte {
	t.Helper()
	found := servedAt.FindStringSubmatch(log)
	if found == nil {
		t.Fatal("the log does not say where metrics are served")
	}
	request, err := http.NewRequest(http.MethodGet, found[1]+"/metrics", nil)
	must(t, err)
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	kind := answer.Header.Get("Content-Type")
	if answer.StatusCode != http.StatusOK || kind != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("the metrics come with %s and as %s", answer.Status, kind)
	}
	return text
}
