package receivers

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rsyslog is a daemon from Debian that writes what it understood of each message into a file.
type rsyslog struct {
	*Server
	root   string
	config string // what Tidings is told beside the address
}

func newRsyslog(t *testing.T, config string) *rsyslog {
	return &rsyslog{Server: NewServer(t), root: Debian(t, "rsyslog"), config: config}
}

func (r *rsyslog) Start(t *testing.T) {
	modules, _ := filepath.Glob(filepath.Join(r.root, "usr/lib/*/rsyslog"))
	if len(modules) != 1 {
		t.Fatalf("rsyslog's modules are not in %s", r.root)
	}
	config := fmt.Sprintf(`
global(workDirectory="%[1]s" maxMessageSize="128k")
module(load="imtcp")
template(name="understood" type="string" string="%%pri%%|%%timereported:::date-rfc3339%%|%%hostname%%|%%programname%%|%%procid%%|%%msgid%%|%%structured-data%%|%%msg%%\n")
input(type="imtcp" address="127.0.0.1" port="%[2]d")
*.* action(type="omfile" file="%[1]s/understood" template="understood" asyncWriting="off")
`, r.Dir, r.Port)
	path := filepath.Join(r.Dir, "rsyslog.conf")
	must(t, os.WriteFile(path, []byte(config), 0o644))
	r.Launch(t, []string{libraries(r.root)}, filepath.Join(r.root, "usr/sbin/rsyslogd"),
		"-n", "-f", path, "-i", filepath.Join(r.Dir, "pid"), "-M", modules[0])
}

func (r *rsyslog) Config(address string) string {
	return fmt.Sprintf("syslog: {network: tcp, address: \"%s\", tag: k8s-events, hostname: node-a, procId: \"7\", timeout: 3s%s}", address, r.config)
}

func (r *rsyslog) lines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Dir, "understood"))
	if !os.IsNotExist(err) {
		must(t, err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		// Its own notes, and what a cut left of a message, are no events.
		if strings.Contains(line, "|k8s-events|") && strings.HasSuffix(line, "}\n") {
			lines = append(lines, line)
		}
	}
	return lines
}

func (r *rsyslog) Received(t *testing.T) []Record {
	t.Helper()
	var records []Record
	for _, line := range r.lines(t) {
		record, err := Document(line[strings.Index(line, "{"):])
		must(t, err)
		records = append(records, record)
	}
	return records
}

// expectHeads asks how rsyslog read what stands in front of the documents.
func (r *rsyslog) expectHeads(t *testing.T, pattern string) {
	t.Helper()
	head := regexp.MustCompile(`^` + pattern + `\{`)
	for _, line := range r.lines(t) {
		if !head.MatchString(line) {
			t.Fatalf("rsyslog understood this head otherwise: %.200s", line)
		}
	}
}

const anyTime = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)`

func TestSyslogAsTheOriginalSendsIt(t *testing.T) {
	t.Parallel()
	r := newRsyslog(t, "")
	Battery(t, r)
	r.expectHeads(t, `128\|`+anyTime+`\|node-a\|k8s-events\|7\|-\|-\| ?`)
}

func TestSyslogOfToday(t *testing.T) {
	t.Parallel()
	r := newRsyslog(t, ", format: rfc5424, framing: octet-counting, facility: daemon")
	Battery(t, r)
	r.expectHeads(t, `28\|`+anyTime+`\|node-a\|k8s-events\|7\|BackOff\|\[tidings@32473 id="[^"]+"\]\| ?`)
}
