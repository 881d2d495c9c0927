package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"regexp"
	"strings"

	"tidings/e2e/oracle/exporter"
	"tidings/e2e/oracle/kube"
)

// request is one question. Which fields count is said at the operation.
type request struct {
	Op       string            `json:"op"`
	Text     string            `json:"text"`
	Env      map[string]string `json:"env"`
	Path     string            `json:"path"`
	Cluster  string            `json:"cluster"`
	Receiver int               `json:"receiver"`
	From     int               `json:"from"`
	To       int               `json:"to"`
	Step     int               `json:"step"`
	DeDot    bool              `json:"deDot"`
	Brief    bool              `json:"brief"`
	Texts    []string          `json:"texts"`
	Patterns []string          `json:"patterns"`
}

// session is what earlier requests left: the events that are asked about.
type session struct {
	events []*kube.EnhancedEvent
}

func (s *session) carryOut(request *request) outcome {
	var result any
	var err error
	switch request.Op {
	case "expand":
		result = exporter.Expand(request.Text, request.Env)
	case "load":
		result, err = load(request)
	case "events":
		result, err = s.read(request)
	case "route":
		result, err = s.route(request)
	case "document":
		result = s.documents(request)
	case "render":
		result, err = s.render(request)
	case "template":
		result = s.templates(request)
	case "regex":
		result = searches(request)
	default:
		err = errors.New("no such operation: " + request.Op)
	}
	var refusal *exporter.Refusal
	switch {
	case errors.As(err, &refusal):
		return outcome{Verdict: "error", Step: refusal.Step, Error: refusal.Err.Error()}
	case err != nil:
		return outcome{Verdict: "error", Error: err.Error()}
	}
	return outcome{Verdict: "ok", Result: result}
}

// load: does a file (text, env) get a start past its receivers, and what was understood?
func load(request *request) (any, error) {
	config, sinks, err := exporter.Load(request.Text, request.Env)
	if err != nil {
		return nil, err
	}
	return normal(config, sinks), nil
}

// events: reads lines of {event, found} from the file at path; the later operations ask about them.
// Answers with the reason for each event that client-go refuses to read.
func (s *session) read(request *request) (any, error) {
	file, err := os.Open(request.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	s.events = nil
	refused := map[int]string{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			Event json.RawMessage `json:"event"`
			Found kube.Found      `json:"found"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, err
		}
		event, err := kube.Decode(line.Event, line.Found, "")
		if err != nil {
			refused[len(s.events)] = err.Error()
		}
		s.events = append(s.events, event)
	}
	return map[string]any{"events": len(s.events), "refused": refused}, lines.Err()
}

// of gives the events from..to, every one or each `step`th, with their cluster's name; nil for what was
// refused.
func (s *session) of(request *request) []*kube.EnhancedEvent {
	events := []*kube.EnhancedEvent{}
	for at := request.From; at < min(request.To, len(s.events)); at += max(request.Step, 1) {
		event := s.events[at]
		if event != nil {
			event.ClusterName = request.Cluster
		}
		events = append(events, event)
	}
	return events
}

// route: which receivers does each event reach, in order and with repeats? Many events reach the same,
// so `reached` lists each answer once and `events` points into it.
func (s *session) route(request *request) (any, error) {
	config, _, err := exporter.Load(request.Text, request.Env)
	if err != nil {
		return nil, err
	}
	numbers, reached := map[string]int{}, [][]string{}
	of := []int{}
	for _, event := range s.of(request) {
		if event == nil {
			of = append(of, -1)
			continue
		}
		names := []string{}
		config.Route.Decide(event, func(name string) { names = append(names, name) })
		key := strings.Join(names, "\x00")
		number, known := numbers[key]
		if !known {
			number = len(reached)
			numbers[key] = number
			reached = append(reached, names)
		}
		of = append(of, number)
	}
	return map[string]any{"reached": reached, "events": of}, nil
}

// document: the JSON of each event, as receivers without a layout get it.
func (s *session) documents(request *request) any {
	documents := []string{}
	for _, event := range s.of(request) {
		switch {
		case event == nil:
			documents = append(documents, "")
		case request.DeDot:
			plain := event.DeDot()
			documents = append(documents, string(plain.ToJSON()))
		default:
			documents = append(documents, string(event.ToJSON()))
		}
	}
	return documents
}

// rendered is one text, or why there is none. Brief answers have a hash of it.
type rendered struct {
	Hash    string      `json:"hash,omitempty"`
	Text    string      `json:"text,omitempty"`
	Error   string      `json:"error,omitempty"`
	Headers [][2]string `json:"headers,omitempty"`
}

func (request *request) rendered(text string, err error) rendered {
	if err != nil {
		return rendered{Error: err.Error()}
	}
	if request.Brief {
		hash := fnv.New64a()
		io.WriteString(hash, text)
		return rendered{Hash: fmt.Sprintf("%016x", hash.Sum64())}
	}
	return rendered{Text: text}
}

// render: what the receiver with this number in the file sends of each event.
func (s *session) render(request *request) (any, error) {
	_, sinks, err := exporter.Load(request.Text, request.Env)
	if err != nil {
		return nil, err
	}
	if request.Receiver >= len(sinks) {
		return nil, errors.New("no such receiver")
	}
	sink := sinks[request.Receiver]
	answers := []rendered{}
	for _, event := range s.of(request) {
		if event == nil {
			answers = append(answers, rendered{})
			continue
		}
		body, err := sink.Body(event)
		answer := request.rendered(string(body), err)
		for name, value := range sink.Headers {
			answer.Headers = append(answer.Headers, [2]string{name, exporter.Header(event, value)})
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// template: what each text becomes with each event; the answers of the first text come first.
func (s *session) templates(request *request) any {
	answers := []rendered{}
	for _, text := range request.Texts {
		for _, event := range s.of(request) {
			if event == nil {
				answers = append(answers, rendered{})
				continue
			}
			answers = append(answers, request.rendered(exporter.Text(event, text)))
		}
	}
	return answers
}

// regex: for each pattern null when it is invalid, else for each text whether it is found there: a
// string of 0 and 1.
func searches(request *request) any {
	answers := []*string{}
	for _, pattern := range request.Patterns {
		compiled, err := regexp.Compile(pattern)
		if err != nil {
			answers = append(answers, nil)
			continue
		}
		marks := make([]byte, len(request.Texts))
		for i, text := range request.Texts {
			marks[i] = '0'
			if compiled.MatchString(text) {
				marks[i] = '1'
			}
		}
		answer := string(marks)
		answers = append(answers, &answer)
	}
	return answers
}
