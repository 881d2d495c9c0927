package receivers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// jsonLines is rsyslog as a server that takes one JSON document a line, as Logstash's tcp input with the codec json_lines does.
// Logstash itself is not to be had from Debian, PyPI or Maven Central.
type jsonLines struct {
	*Server
	root string
}

func (r *jsonLines) Start(t *testing.T) {
	modules, _ := filepath.Glob(filepath.Join(r.root, "usr/lib/*/rsyslog"))
	config := fmt.Sprintf(`
global(workDirectory="%[1]s" maxMessageSize="128k")
module(load="imtcp")
template(name="raw" type="string" string="%%rawmsg%%\n")
input(type="imtcp" address="127.0.0.1" port="%[2]d" ruleset="lines")
ruleset(name="lines") { action(type="omfile" file="%[1]s/lines" template="raw" asyncWriting="off") }
`, r.Dir, r.Port)
	path := filepath.Join(r.Dir, "rsyslog.conf")
	must(t, os.WriteFile(path, []byte(config), 0o644))
	r.Launch(t, []string{libraries(r.root)}, filepath.Join(r.root, "usr/sbin/rsyslogd"),
		"-n", "-f", path, "-i", filepath.Join(r.Dir, "pid"), "-M", strings.Join(modules, ":"))
}

func (r *jsonLines) Config(address string) string {
	return fmt.Sprintf("logstash: {address: \"%s\", timeout: 3s}", address)
}

func (r *jsonLines) Received(t *testing.T) []Record {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Dir, "lines"))
	if !os.IsNotExist(err) {
		must(t, err)
	}
	var whole []string
	for line := range strings.Lines(string(text)) {
		// What a cut left of a line is no event.
		if strings.HasPrefix(line, `{"@timestamp":"`) && strings.HasSuffix(line, "}\n") {
			whole = append(whole, line)
		}
	}
	return Documents(t, strings.Join(whole, ""))
}

func TestLogstashOverTCP(t *testing.T) {
	t.Parallel()
	Battery(t, &jsonLines{Server: NewServer(t), root: Debian(t, "rsyslog")})
}

func TestLogstashOverHTTP(t *testing.T) {
	t.Parallel()
	Battery(t, &web{kind: "logstash", key: "address"})
}
