package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"text/template"

	"github.com/Masterminds/sprig/v3"

	"tidings/e2e/oracle/kube"
)

// events are those that crates/sinks/tests/it/template_data.rs reads, too.
func events() ([]named, template.FuncMap) {
	const path = "../../../crates/sinks/fixtures/events.ndjson"
	file, err := os.Open(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var data []named
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var sample struct {
			Name    string          `json:"name"`
			Cluster string          `json:"cluster"`
			Event   json.RawMessage `json:"event"`
			Found   kube.Found      `json:"found"`
		}
		err := json.Unmarshal(lines.Bytes(), &sample)
		if err == nil {
			var event *kube.EnhancedEvent
			event, err = kube.Decode(sample.Event, sample.Found, sample.Cluster)
			data = append(data, named{sample.Name, event})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, path, err)
			os.Exit(1)
		}
	}
	return data, sprig.TxtFuncMap()
}
