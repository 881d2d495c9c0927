package exporter

import (
	"bytes"
	"encoding/json"
	"text/template"

	"github.com/Masterminds/sprig/v3"

	"tidings/e2e/oracle/kube"
)

// Remember says whether patterns are compiled and templates parsed once, for one goroutine alone. The
// original does it anew for every event, to the same effect: whoever measures what that costs turns it
// off.
var Remember = true

type parsed struct {
	*template.Template
	err error
}

var templates = map[string]parsed{}

func parse(text string) (it parsed) {
	it.Template, it.err = template.New("template").Funcs(sprig.TxtFuncMap()).Parse(text)
	return it
}

func remembered(text string) parsed {
	it, known := templates[text]
	if !known {
		it = parse(text)
		templates[text] = it
	}
	return it
}

// Text renders one template.
func Text(event *kube.EnhancedEvent, text string) (string, error) {
	get := parse
	if Remember {
		get = remembered
	}
	it := get(text)
	if it.err != nil {
		return "", it.err
	}
	var out bytes.Buffer
	if err := it.Execute(&out, event); err != nil {
		return "", err
	}
	return out.String(), nil
}

// Shaped renders a layout: texts are templates, mappings and lists are walked, all else is null.
func Shaped(value interface{}, event *kube.EnhancedEvent) (interface{}, error) {
	switch value := value.(type) {
	case string:
		return Text(event, value)
	case map[string]interface{}:
		result := make(map[string]interface{}, len(value))
		for key, part := range value {
			rendered, err := Shaped(part, event)
			if err != nil {
				return nil, err
			}
			result[key] = rendered
		}
		return result, nil
	case []interface{}:
		result := make([]interface{}, len(value))
		for i, part := range value {
			rendered, err := Shaped(part, event)
			if err != nil {
				return nil, err
			}
			result[i] = rendered
		}
		return result, nil
	}
	return nil, nil
}

// Body is what the sink sends of an event: its layout, else the whole document.
func (s Sink) Body(event *kube.EnhancedEvent) ([]byte, error) {
	if s.DeDot {
		plain := event.DeDot()
		event = &plain
	}
	body := event.ToJSON()
	if s.Layout != nil {
		document, err := Shaped(s.Layout, event)
		if err != nil {
			return nil, err
		}
		if body, err = json.Marshal(document); err != nil {
			return nil, err
		}
	}
	if s.Newline {
		body = append(body, '\n')
	}
	return body, nil
}

// Header renders a header's value; one that fails is sent as it was written.
func Header(event *kube.EnhancedEvent, text string) string {
	if rendered, err := Text(event, text); err == nil {
		return rendered
	}
	return text
}
