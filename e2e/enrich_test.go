package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tidings/e2e/cluster"
	"tidings/e2e/emitter"
	"tidings/e2e/witness"
)

// An enriched is one document that arrived at a webhook, and when.
type enriched struct {
	Metadata       metav1.ObjectMeta `json:"metadata"`
	Reason         string            `json:"reason"`
	InvolvedObject struct {
		Kind            string                  `json:"kind"`
		Name            string                  `json:"name"`
		Labels          map[string]string       `json:"labels"`
		OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
		Deleted         bool                    `json:"deleted"`
	} `json:"involvedObject"`
	At time.Time `json:"-"`
}

// arrivals is a webhook that remembers what came and when.
type arrivals struct {
	mutex     sync.Mutex
	documents map[revision]enriched
}

func (a *arrivals) ServeHTTP(_ http.ResponseWriter, request *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(request.Body)
	var document enriched
	if err != nil || json.Unmarshal(body, &document) != nil {
		return
	}
	document.At = now
	var number uint64
	_, _ = fmt.Sscan(document.Metadata.ResourceVersion, &number)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	key := revision{string(document.Metadata.UID), number}
	if _, known := a.documents[key]; !known {
		a.documents[key] = document
	}
}

const enrichConfig = `maxEventAgeSeconds: 60
limits: {perNamespace: off}
route:
  routes:
    - match:
        - receiver: hook
receivers:
  - name: hook
    repeats: every
    webhook:
      endpoint: %s/
`

// Pods come and go by the thousand: rounds times podsARound of them, ten thousand with the defaults.
const (
	rounds     = 10
	podsARound = 1000
)

func TestEnrichTenThousandPodsThatComeAndGo(t *testing.T) {
	ctx := context.Background()
	account := "system:serviceaccount:tidings:tidings"
	s := ownScene(t, "enrich", cluster.Options{Nodes: 15, Audit: account})
	hook := &arrivals{documents: map[revision]enriched{}}
	server := httptest.NewServer(hook)
	defer server.Close()
	x := newTidings(t, "enrich", grantAccess(t, "enrich", s.Cluster, s.URL), "protobuf")
	must(t, os.WriteFile(filepath.Join(x.dir, "config.yaml"), fmt.Appendf(nil, enrichConfig, server.URL), 0o644))
	x.start()

	from := s.mark(t)
	for round := range rounds {
		namespace := s.namespace(t, fmt.Sprintf("enrich-%d", round))
		if err := emitter.Pods(ctx, s.Client, namespace, podsARound, 0); err != nil {
			t.Fatal(err)
		}
		must(t, s.Client.AppsV1().Deployments(namespace).Delete(ctx, "web", metav1.DeleteOptions{}))
	}
	upTo := s.mark(t)
	want := routed(s.Between(from, upTo))

	deadline := time.Now().Add(90 * time.Second)
	for time.Now().Before(deadline) && hook.missing(want) > 0 {
		time.Sleep(time.Second)
	}
	x.stop()
	if missing := hook.missing(want); missing > 0 {
		t.Errorf("%d of %d events did not arrive", missing, len(want))
	}
	hook.check(t, want)
	checkRequests(t, s.AuditLog(), len(want))
}

func (a *arrivals) missing(want map[revision]witness.Sight) int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	missing := 0
	for key := range want {
		if _, arrived := a.documents[key]; !arrived {
			missing++
		}
	}
	return missing
}

// check looks at every event about a pod or what owns pods: it has labels, and it came soon.
func (a *arrivals) check(t *testing.T, want map[revision]witness.Sight) {
	t.Helper()
	a.mutex.Lock()
	defer a.mutex.Unlock()
	kinds := map[string]bool{"Pod": true, "ReplicaSet": true, "Deployment": true}
	var asked, known int
	var without []string
	var late []time.Duration
	for key, sight := range want {
		document, arrived := a.documents[key]
		if !arrived || !kinds[document.InvolvedObject.Kind] || !strings.HasPrefix(document.Metadata.Namespace, "enrich-") {
			continue
		}
		asked++
		owned := document.InvolvedObject.Kind == "Deployment" || len(document.InvolvedObject.OwnerReferences) == 1
		// A Deployment made by the emitter has no labels of its own.
		if owned && (document.InvolvedObject.Kind == "Deployment" || document.InvolvedObject.Labels["app"] == "web") {
			known++
		} else {
			without = append(without, document.Reason+" of "+document.InvolvedObject.Kind+" "+document.InvolvedObject.Name)
		}
		late = append(late, max(0, document.At.Sub(sight.At)))
	}
	if asked < rounds*podsARound {
		t.Errorf("only %d events were about pods and what owns them", asked)
	}
	share := float64(known) / float64(max(1, asked))
	slices.Sort(late)
	p99 := late[len(late)*99/100]
	t.Logf("%d of %d events with labels and owners (%.3f %%); from sight to receiver p50 %v, p99 %v, at most %v", known, asked, share*100, late[len(late)/2], p99, late[len(late)-1])
	if share < 0.999 {
		t.Errorf("only %.3f %% of the events were enriched; without were for example %q", share*100, without[:min(8, len(without))])
	}
	if p99 > time.Second {
		t.Errorf("p99 from sight to receiver is %v", p99)
	}
}

// checkRequests reads from the audit log what Tidings asked for beyond its watches and their lists.
func checkRequests(t *testing.T, path string, events int) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	kinds := map[string]int{}
	beyond := 0
	for line := range bytes.Lines(text) {
		var entry struct {
			Verb       string `json:"verb"`
			RequestURI string `json:"requestURI"`
			ObjectRef  struct {
				Resource string `json:"resource"`
			} `json:"objectRef"`
		}
		if json.Unmarshal(line, &entry) != nil {
			continue
		}
		what := entry.Verb + " " + entry.ObjectRef.Resource
		kinds[what]++
		isGet := entry.Verb == "get" && what != "get namespaces"
		if isGet {
			beyond++
		}
	}
	t.Logf("requests by the audit log, for %d events: %v", events, kinds)
	if kinds["watch pods"] == 0 || kinds["list pods"] == 0 {
		t.Error("pods were not watched")
	}
	if beyond*1000 > events {
		t.Errorf("%d requests beyond the watches for %d events", beyond, events)
	}
}
