package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"k8s.io/client-go/rest"

	"tidings/e2e/cluster"
	"tidings/e2e/conformance"
)

var record = flag.Bool("record", false, "write the answers of the real server to "+recorded)

const recorded = "conformance/testdata/real.json"

// askRealServer runs the script against a cluster of its own: a store that nobody else writes to answers the same twice.
func askRealServer(t *testing.T) []conformance.Answer {
	t.Helper()
	c, err := startCluster("conformance", cluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(c.Admin)
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, conformance.Server{Client: client, URL: c.URL})
}

func ask(t *testing.T, server conformance.Server) []conformance.Answer {
	t.Helper()
	server.Log = t.Logf
	answers, err := conformance.Run(context.Background(), server)
	if err != nil {
		t.Fatal(err)
	}
	return conformance.Normalise(answers)
}

func TestTheRealServerAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	answers := askRealServer(t)
	if *record {
		text, err := json.MarshalIndent(answers, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recorded, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expectSame(t, readRecorded(t), answers)
}

func readRecorded(t *testing.T) []conformance.Answer {
	t.Helper()
	text, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	var answers []conformance.Answer
	if err := json.Unmarshal(text, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

func expectSame(t *testing.T, want, got []conformance.Answer) {
	t.Helper()
	errors, notes := conformance.Differences(want, got)
	for _, text := range notes {
		t.Logf("optional: %s", text)
	}
	for _, text := range errors {
		t.Error(text)
	}
	t.Logf("%d calls, %d differences, %d optional ones", len(conformance.Calls), len(errors), len(notes))
}
