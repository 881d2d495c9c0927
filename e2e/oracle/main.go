// The oracle answers what kubernetes-event-exporter does: a request of JSON a line on stdin, an answer
// of JSON a line on stdout. See README.md for what in here is the original's and what is ours.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// An answer that takes longer than this is a hang.
const patience = 20 * time.Second

func main() {
	// Times are printed in the local zone by some of the original's functions.
	time.Local = time.UTC
	requests := bufio.NewReaderSize(os.Stdin, 1<<20)
	answers := bufio.NewWriterSize(os.Stdout, 1<<20)
	session := session{}
	for {
		line, err := requests.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "oracle:", err)
			os.Exit(1)
		}
		if err := write(answers, session.answer(line)); err != nil {
			fmt.Fprintln(os.Stderr, "oracle:", err)
			os.Exit(1)
		}
	}
}

func write(answers *bufio.Writer, answer any) error {
	encoder := json.NewEncoder(answers)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return err
	}
	return answers.Flush()
}

// outcome is what every answer says first: ok, error, panics or hangs.
type outcome struct {
	Verdict string `json:"verdict"`
	Step    string `json:"step,omitempty"`
	Error   string `json:"error,omitempty"`
	Result  any    `json:"result,omitempty"`
}

func (s *session) answer(line []byte) outcome {
	var request request
	if err := json.Unmarshal(line, &request); err != nil {
		return outcome{Verdict: "refused", Error: err.Error()}
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() {
			if panicked := recover(); panicked != nil {
				done <- outcome{Verdict: "panics", Error: fmt.Sprint(panicked)}
			}
		}()
		done <- s.carryOut(&request)
	}()
	// Only the loading of a file may hang; all else ends, and may be much.
	if request.Op != "load" {
		return <-done
	}
	select {
	case outcome := <-done:
		return outcome
	case <-time.After(patience):
		return outcome{Verdict: "hangs"}
	}
}
