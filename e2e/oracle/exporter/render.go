package exporter

import (
	"bytes"
	"encoding/json"
	"text/template"

	"github.com/Masterminds/sprig/v3"

	"tidings/e2e/oracle/kube"
)

// Text renders one template; parsed anew each time, as in the original.
func Text(event *kube.EnhancedEvent, text string) (string, error) {
	parsed, err := template.New("template").Funcs(sprig.TxtFuncMap()).Parse(text)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, event); err != nil {
		return "", err
	}
	return out.String(), nil
}

// Shaped renders a layout: texts are templates, mappings and lists are walked, all else is null.
func shaped(value interface{}, event *kube.EnhancedEvent) (interface{}, error) {
	switch value := value.(type) {
	case string:
		return Text(event, value)
	case map[string]interface{}:
		result := make(map[string]interface{}, len(value))
		for key, part := range value {
			rendered, err := shaped(part, event)
			if err != nil {
				return nil, err
			}
			result[key] = rendered
		}
		return result, nil
	case []interface{}:
		result := make([]interface{}, len(value))
		for i, part := range value {
			rendered, err := shaped(part, event)
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
		document, err := shaped(s.Layout, event)
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
