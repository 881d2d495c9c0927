// Makes the tables of templates and what Go prints for them.
//
//	go run . language < language.txt > ../../../crates/template/fixtures/language.ndjson
//	go run . event < event.txt > ../../../crates/sinks/fixtures/templates.ndjson
//
// A line is a template; one that starts with a double quote is a Go string literal.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

type row struct {
	Template string `json:"template"`
	Data     string `json:"data,omitempty"`
	Output   string `json:"output,omitempty"`
	Error    string `json:"error,omitempty"`
}

type named struct {
	name string
	data any
}

// address is where a pointer points to: another place each time.
var address = regexp.MustCompile(`0x[0-9a-f]{9,}`)

// still gives text with the address that Tidings prints for every pointer. Only events have pointers.
func (n named) still(text string) string {
	if n.name == "" {
		return text
	}
	return address.ReplaceAllString(text, "0xc000000000")
}

func main() {
	// What has no zone is in that of the machine; the table must not be.
	time.Local = time.UTC
	var data []named
	funcs := template.FuncMap{}
	switch {
	case len(os.Args) == 2 && os.Args[1] == "language":
		// With sprig, as in the original: its slice takes the place of the builtin one.
		data, funcs = []named{{"", language()}}, sprig.TxtFuncMap()
	case len(os.Args) == 2 && os.Args[1] == "event":
		data, funcs = events()
	default:
		fmt.Fprintln(os.Stderr, "usage: template language|event < TEMPLATES > TABLE")
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		text := lines.Text()
		if strings.HasPrefix(text, `"`) {
			unquoted, err := strconv.Unquote(text)
			if err != nil {
				fmt.Fprintln(os.Stderr, text, err)
				os.Exit(1)
			}
			text = unquoted
		}
		for _, item := range data {
			if err := out.Encode(run(text, item, funcs)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}

func run(text string, item named, funcs template.FuncMap) row {
	result := row{Template: text, Data: item.name}
	parsed, err := template.New("t").Funcs(funcs).Parse(text)
	if err != nil {
		result.Error = err.Error()
		return result
	}
	var out strings.Builder
	if err := parsed.Execute(&out, item.data); err != nil {
		result.Error = item.still(err.Error())
		return result
	}
	result.Output = item.still(out.String())
	return result
}
