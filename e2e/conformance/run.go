package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	serializerjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	serializerprotobuf "k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/framer"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes/scheme"
)

// An Answer is what a server said to one call.
type Answer struct {
	Name        string `json:"name"`
	Status      int    `json:"status"`
	ContentType string `json:"contentType"`
	Body        any    `json:"body,omitempty"`
	Watch       []any  `json:"watch,omitempty"` // the messages of a watch
}

const (
	longestCall = 5 * time.Minute
	mostRepeats = 180 // seconds that RepeatTill waits
)

// A Server is whom the script is asked of.
type Server struct {
	Client *http.Client
	URL    string
	Forget func() error // makes the server compact; nil: it does so by itself
	Log    func(string, ...any)
}

// Run asks every call of the script and returns the answers as they came, not yet normalised.
func Run(ctx context.Context, server Server) ([]Answer, error) {
	r := runner{client: server.Client, server: strings.TrimSuffix(server.URL, "/"), values: map[string]string{}}
	var answers []Answer
	for _, call := range Calls {
		started := time.Now()
		if call.RepeatTill != 0 && server.Forget != nil {
			if err := server.Forget(); err != nil {
				return answers, err
			}
		}
		answer, err := r.ask(ctx, call)
		if err != nil {
			return answers, fmt.Errorf("call %q: %w", call.Name, err)
		}
		for name, path := range call.Save {
			// A value that is missing makes later calls fail visibly; the difference is reported at this one too.
			r.values[name] = lookUp(answer.Body, path)
		}
		answers = append(answers, answer)
		if took := time.Since(started); took > 3*time.Second {
			server.Log("%q took %s", call.Name, took.Round(time.Second))
		}
	}
	return answers, nil
}

type runner struct {
	client *http.Client
	server string
	values map[string]string
}

func (r *runner) ask(ctx context.Context, call Call) (Answer, error) {
	if call.RepeatTill == 0 {
		return r.askOnce(ctx, call)
	}
	for range mostRepeats {
		answer, err := r.askOnce(ctx, call)
		if err != nil || answer.Status == call.RepeatTill {
			return answer, err
		}
		time.Sleep(time.Second)
	}
	return r.askOnce(ctx, call)
}

func (r *runner) askOnce(ctx context.Context, call Call) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, longestCall)
	defer cancel()
	method := call.Method
	if method == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(ctx, method, r.server+r.fill(call.Path), strings.NewReader(r.fill(call.Body)))
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set("Accept", orElse(call.Accept, "application/json"))
	if call.Body != "" {
		request.Header.Set("Content-Type", orElse(call.Type, "application/json"))
	}
	response, err := r.client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	answer := Answer{Name: call.Name, Status: response.StatusCode, ContentType: response.Header.Get("Content-Type")}
	watch := strings.Contains(call.Path, "watch=true") || strings.Contains(call.Path, "/watch/")
	if watch && response.StatusCode == http.StatusOK {
		answer.Watch, err = readWatch(response, call.StopAfter)
		return answer, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer, err
	}
	answer.Body = decode(answer.ContentType, body)
	return answer, nil
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func (r *runner) fill(text string) string {
	for name, value := range r.values {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// decode turns a body into what its JSON form would be; protobuf is decoded by the types of Kubernetes.
func decode(contentType string, body []byte) any {
	if strings.HasPrefix(contentType, protobuf) {
		object, err := decodeProtobuf(body)
		if err != nil {
			return "undecodable protobuf: " + err.Error()
		}
		return object
	}
	var value any
	if err := utiljson.Unmarshal(body, &value); err != nil {
		return string(body)
	}
	return value
}

var codecs = serializer.NewCodecFactory(scheme.Scheme)

func decodeProtobuf(body []byte) (any, error) {
	object, kind, err := codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil, err
	}
	object.GetObjectKind().SetGroupVersionKind(*kind)
	return asJSON(object)
}

func asJSON(object any) (any, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var value any
	return value, utiljson.Unmarshal(text, &value)
}

// readWatch reads the messages of a watch until the server ends it, or until so many DELETED have come.
func readWatch(response *http.Response, stopAfter int) ([]any, error) {
	inProtobuf := strings.HasPrefix(response.Header.Get("Content-Type"), protobuf)
	var frames io.ReadCloser
	if inProtobuf {
		frames = framer.NewLengthDelimitedFrameReader(response.Body)
	} else {
		frames = serializerjson.Framer.NewFrameReader(response.Body)
	}
	messages := []any{}
	deleted := 0
	buffer := make([]byte, 1<<20)
	for {
		n, err := frames.Read(buffer)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return messages, nil
		}
		if err != nil {
			return messages, err
		}
		message, err := decodeFrame(buffer[:n], inProtobuf)
		if err != nil {
			return messages, err
		}
		messages = append(messages, message)
		if kind, _ := message.(map[string]any)["type"].(string); kind == "DELETED" {
			deleted++
		}
		if stopAfter > 0 && deleted == stopAfter {
			return messages, nil
		}
	}
}

var rawProtobuf = serializerprotobuf.NewRawSerializer(scheme.Scheme, scheme.Scheme)

func decodeFrame(frame []byte, inProtobuf bool) (any, error) {
	if !inProtobuf {
		var value any
		return value, utiljson.Unmarshal(frame, &value)
	}
	var message metav1.WatchEvent
	if _, _, err := rawProtobuf.Decode(frame, nil, &message); err != nil {
		return nil, err
	}
	object, err := decodeProtobuf(message.Object.Raw)
	return map[string]any{"type": message.Type, "object": object}, err
}

// lookUp reads the value at a dotted path.
func lookUp(value any, path string) string {
	for _, name := range strings.Split(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, _ := value.(string)
	return text
}
