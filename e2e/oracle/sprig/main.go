// Program sprig says what Go's text/template prints with sprig v3.2.3.
//
// It reads requests as NDJSON, `{"t":"{{ upper .word }}"}`, and writes each with its answer:
// `"out"` is what was printed, `"err"` the error. Templates see the values of data.go.
//
//	go run . < requests.ndjson            answers
//	go run . -fixture > sprig.ndjson      answers for the cases of cases.go, for crates/template
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// row is a request with its answer.
type row struct {
	Function string  `json:"f,omitempty"`
	Template string  `json:"t"`
	Out      *string `json:"out,omitempty"`
	Err      *string `json:"err,omitempty"`
}

func (r *row) answer() {
	var out strings.Builder
	parsed, err := template.New("t").Funcs(sprig.TxtFuncMap()).Parse(r.Template)
	if err == nil {
		err = parsed.Execute(&out, data())
	}
	if err != nil {
		text := err.Error()
		r.Err = &text
		return
	}
	text := out.String()
	r.Out = &text
}

func main() {
	fixture := flag.Bool("fixture", false, "answer the cases of cases.go instead of those on stdin")
	flag.Parse()
	// sprig formats dates in the zone of the process.
	if err := os.Setenv("TZ", "UTC"); err != nil {
		fail(err)
	}
	prepareEnvironment()

	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	answer := func(r row) {
		r.answer()
		if err := encoder.Encode(r); err != nil {
			fail(err)
		}
	}
	if *fixture {
		for _, r := range cases() {
			answer(r)
		}
		return
	}
	decoder := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var r row
		err := decoder.Decode(&r)
		if err == io.EOF {
			return
		}
		if err != nil {
			out.Flush()
			fail(err)
		}
		r.Out, r.Err = nil, nil
		answer(r)
	}
}

// prepareEnvironment leaves exactly the variables that the cases name.
func prepareEnvironment() {
	os.Clearenv()
	for name, value := range map[string]string{"TZ": "UTC", "GREETING": "hello", "EMPTY": "", "UNI_1": "grüße"} {
		if err := os.Setenv(name, value); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "sprig:", err)
	os.Exit(1)
}
