package receivers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// alertmanager is Prometheus' Alertmanager from Debian, with a password. It keeps alerts in memory only, so those that it had
// before a stop are asked for then.
type alertmanager struct {
	*Server
	had []Record
}

const alertmanagerPassword = "correct-horse-battery"

// Debian's build reads its templates below the first of these, which is there only where the package is installed. The copy
// that is tested reads them below the second, of the same length.
const (
	alertmanagerData = "/usr/share/prometheus/alertmanager"
	alertmanagerCopy = "/tmp/tidings-e2e-alertmanager-data"
)

func TestAlertmanager(t *testing.T) {
	t.Parallel()
	a := &alertmanager{Server: NewServer(t)}
	root := Debian(t, "prometheus-alertmanager")
	program, err := os.ReadFile(filepath.Join(root, "usr/bin/prometheus-alertmanager"))
	must(t, err)
	program = bytes.ReplaceAll(program, []byte(alertmanagerData), []byte(alertmanagerCopy))
	must(t, os.WriteFile(a.program(), program, 0o755))
	os.Remove(alertmanagerCopy)
	must(t, os.Symlink(root+alertmanagerData, alertmanagerCopy))
	t.Cleanup(func() { os.Remove(alertmanagerCopy) })
	Battery(t, a)
}

func (a *alertmanager) program() string { return filepath.Join(a.Dir, "alertmanager") }

func (a *alertmanager) Start(t *testing.T) {
	t.Helper()
	config, web := filepath.Join(a.Dir, "alertmanager.yaml"), filepath.Join(a.Dir, "web.yaml")
	// Nobody is notified; what is asked for is what it has.
	must(t, os.WriteFile(config, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o644))
	// The hash of alertmanagerPassword.
	must(t, os.WriteFile(web, []byte("basic_auth_users: {ann: \"$2a$04$1nm2mp650wNqQzw7MQX3w.JHpj9jKratjoJ2utM4dvAzX8jhi1UrG\"}\n"), 0o644))
	a.Launch(t, nil, a.program(), "--config.file="+config, "--web.config.file="+web,
		"--storage.path="+a.Dir, "--web.listen-address="+a.Server.Address(), "--cluster.listen-address=")
}

func (a *alertmanager) Stop(t *testing.T) {
	t.Helper()
	a.had = a.Received(t)
	a.Server.Stop(t)
}

func (a *alertmanager) SpeaksHTTP() {}

func (a *alertmanager) Config(address string) string { return a.config(address, alertmanagerPassword) }

// config gives each event an alert of its own: with the usual labels, those about one object are one.
func (a *alertmanager) config(address, password string) string {
	return fmt.Sprintf("alertmanager: {url: \"http://ann:%s@%s\", labels: {event: \"{{ .ID }}\"}, endsAfter: 1h, timeout: 3s}", password, address)
}

func (a *alertmanager) Wrong(address string) (config, secret string) {
	secret = "wrong-horse-battery"
	return a.config(address, secret), secret
}

func (a *alertmanager) Received(t *testing.T) []Record {
	t.Helper()
	request, err := http.NewRequest("GET", fmt.Sprintf("http://%s/api/v2/alerts", a.Server.Address()), nil)
	must(t, err)
	request.SetBasicAuth("ann", alertmanagerPassword)
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Do(request)
	must(t, err)
	defer answer.Body.Close()
	var alerts []struct {
		Labels, Annotations map[string]string
	}
	must(t, json.NewDecoder(answer.Body).Decode(&alerts))
	records := append([]Record(nil), a.had...)
	for _, alert := range alerts {
		if alert.Labels["alertname"] != "BackOff" || alert.Labels["namespace"] != "shop" {
			t.Fatalf("an alert has other labels: %v", alert.Labels)
		}
		records = append(records, Record{ID: alert.Annotations["event_id"], Body: alert.Annotations["description"]})
	}
	return records
}
