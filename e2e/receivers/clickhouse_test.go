package receivers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// clickhouse is Debian's server. It is old: it knows no token against repeats, no Map and no DateTime64, so its table has
// fewer columns.
type clickhouse struct {
	*Server
	root  string
	other int
}

const clickhousePassword = "correct-horse-battery"

func newClickhouse(t *testing.T) *clickhouse {
	return &clickhouse{Server: NewServer(t), root: Debian(t, "clickhouse-server"), other: FreePort(t)}
}

func (c *clickhouse) Start(t *testing.T) {
	t.Helper()
	config := filepath.Join(c.Dir, "config.xml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>%[1]d</http_port>
  <tcp_port>%[2]d</tcp_port>
  <path>%[3]s/data/</path>
  <tmp_path>%[3]s/tmp/</tmp_path>
  <users_config>%[3]s/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>5368709120</mark_cache_size>
</yandex>
`, c.Port, c.other, c.Dir), 0o644))
	must(t, os.WriteFile(filepath.Join(c.Dir, "users.xml"), fmt.Appendf(nil, `<yandex>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users><tidings>
    <password>%s</password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
  </tidings></users>
</yandex>
`, clickhousePassword), 0o644))
	c.Launch(t, []string{libraries(c.root)}, filepath.Join(c.root, "usr/sbin/clickhouse-server"), "--config-file="+config)
	c.ask(t, "CREATE TABLE IF NOT EXISTS events (id String, time DateTime, kind String, occurrences UInt32, event String) ENGINE = MergeTree ORDER BY id")
}

func (c *clickhouse) SpeaksHTTP() {}

func (c *clickhouse) Config(address string) string { return c.config(address, clickhousePassword) }

func (c *clickhouse) config(address, password string) string {
	return fmt.Sprintf("clickhouse: {url: \"http://%s\", table: default.events, username: tidings, password: %s, deduplicate: false, timeout: 5s}",
		address, password)
}

func (c *clickhouse) Wrong(address string) (config, secret string) {
	secret = "wrong-horse-battery"
	return c.config(address, secret), secret
}

// ask puts a query to the server.
func (c *clickhouse) ask(t *testing.T, query string) string {
	t.Helper()
	request, err := http.NewRequest("POST", "http://"+c.Address()+"/?"+url.Values{"query": {query}}.Encode(), nil)
	must(t, err)
	request.SetBasicAuth("tidings", clickhousePassword)
	answer, err := direct.Do(request)
	must(t, err)
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	must(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d: %s", query, answer.StatusCode, said)
	}
	return string(said)
}

func (c *clickhouse) Received(t *testing.T) []Record {
	t.Helper()
	var records []Record
	for line := range strings.Lines(c.ask(t, "SELECT id, event FROM events FORMAT JSONEachRow")) {
		var row struct{ ID, Event string }
		must(t, json.Unmarshal([]byte(line), &row))
		record, err := Document(row.Event)
		must(t, err)
		if row.ID != record.ID {
			t.Errorf("the row of %s has the id %s", record.ID, row.ID)
		}
		records = append(records, record)
	}
	return records
}

func TestClickhouse(t *testing.T) {
	t.Parallel()
	Battery(t, newClickhouse(t))
}

func TestATableThatIsNotThereBlocksAndNothingIsLost(t *testing.T) {
	t.Parallel()
	c := newClickhouse(t)
	c.Start(t)
	c.ask(t, "DROP TABLE events")
	tidings := Run(t, c.Config(c.Address()))
	tidings.Feed(20)
	tidings.waitForLog(t, "create the table")
	c.ask(t, "CREATE TABLE events (id String, event String) ENGINE = MergeTree ORDER BY id")
	tidings.expect(t, c)
}
