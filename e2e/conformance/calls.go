// Package conformance asks a Kubernetes API server what Tidings, client-go and kubectl ask about Events and Leases.
//
// The same script runs against a real kube-apiserver and against `tidings playground`; the normalised answers must be
// equal. calls.go is the script, run.go performs it, normalise.go says what may differ, testdata/real.json holds the
// answers of the real server.
//
// The real server is started with --event-ttl=90s and --etcd-compaction-interval=30s, so it forgets by itself; the
// playground with --ttl 45, and it is told to forget when the script comes to that.
package conformance

import "slices"

// A Call is one request and how its answer is read. Steps run in order, one after the other.
type Call struct {
	Name   string
	Method string // empty: GET
	Path   string // {x} is the value that an earlier call saved as x
	Accept string // empty: application/json
	Type   string // content type of Body; empty: application/json
	Body   string

	Save       map[string]string // name of a value -> path of it in the answer, "metadata.resourceVersion"
	Look       func(any) any     // what of the answer is compared; nil: everything
	RepeatTill int               // ask again each second until the status is this one
	StopAfter  int               // a watch is left after so many DELETED; 0: read until the server ends it
	Optional   bool              // a difference is logged, not an error
}

const (
	protobuf      = "application/vnd.kubernetes.protobuf"
	protobufWatch = "application/vnd.kubernetes.protobuf;stream=watch"
	mergePatch    = "application/merge-patch+json"
	strategic     = "application/strategic-merge-patch+json"
	jsonPatch     = "application/json-patch+json"

	// as kube's discovery and its metadata watches ask
	aggregated   = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
	metadata     = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

	core   = "/api/v1/namespaces/conformance/events"
	events = "/apis/events.k8s.io/v1/namespaces/conformance/events"
	leases = "/apis/coordination.k8s.io/v1/namespaces/conformance/leases"
	sets   = "/apis/apps/v1/namespaces/conformance/replicasets"
	short  = "watch=true&timeoutSeconds=1" // a watch of the past: the server replays, then ends it
)

// coreEvent is an Event as the older client-go recorder writes it.
func coreEvent(name, reason, kind, count string) string {
	return `{"apiVersion":"v1","kind":"Event","metadata":{"name":"` + name + `","namespace":"conformance","labels":{"for":"conformance"}},` +
		`"involvedObject":{"apiVersion":"v1","kind":"Pod","namespace":"conformance","name":"web-0","uid":"6d2fa0a2-0000-4000-8000-000000000001"},` +
		`"reason":"` + reason + `","message":"said by ` + name + `","source":{"component":"kubelet","host":"node-a"},` +
		`"firstTimestamp":"2026-01-02T03:04:05Z","lastTimestamp":"2026-01-02T03:04:06Z","count":` + count + `,"type":"` + kind + `"}`
}

// newEvent is an Event as the events.k8s.io recorder writes it.
func newEvent(name, more string) string {
	return `{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"` + name + `","namespace":"conformance"},` +
		`"eventTime":"2026-01-02T03:04:05.123456Z","reportingController":"scheduler","reportingInstance":"scheduler-0",` +
		`"action":"Binding","reason":"Scheduled","note":"bound","type":"Normal",` +
		`"regarding":{"apiVersion":"v1","kind":"Pod","namespace":"conformance","name":"web-1"}` + more + `}`
}

func lease(name, holder, resourceVersion string) string {
	return `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"` + name + `","namespace":"conformance"` + resourceVersion + `},` +
		`"spec":{"holderIdentity":"` + holder + `","leaseDurationSeconds":15,"acquireTime":"2026-01-02T03:04:05.000000Z","renewTime":"2026-01-02T03:04:05.000000Z","leaseTransitions":0}}`
}

// replicaSet is an object with everything that Tidings reads of one.
const replicaSet = `{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web-1","namespace":"conformance","labels":{"app":"web"},"annotations":{"note":"x"},` +
	`"ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"6d2fa0a2-0000-4000-8000-000000000002","controller":true,"blockOwnerDeletion":true}]},` +
	`"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"app"}]}}}}`

// Calls is the script.
var Calls = []Call{
	// --- who are you -----------------------------------------------------------------------------------------------
	{Name: "version", Path: "/version", Look: keys},
	{Name: "readiness", Path: "/readyz"},
	{Name: "versions of the core group", Path: "/api", Look: only("kind", "versions")},
	{Name: "group events.k8s.io", Path: "/apis/events.k8s.io"},
	{Name: "groups hold events.k8s.io and coordination.k8s.io", Path: "/apis", Look: groups("events.k8s.io", "coordination.k8s.io")},
	{Name: "resource events of the core group", Path: "/api/v1", Look: resource("events")},
	{Name: "resource events of events.k8s.io", Path: "/apis/events.k8s.io/v1", Look: resource("events")},
	{Name: "resource leases", Path: "/apis/coordination.k8s.io/v1", Look: resource("leases")},
	{Name: "groups of what owns pods", Path: "/apis", Look: groups("apps", "batch", "policy")},
	{Name: "resource pods", Path: "/api/v1", Look: resource("pods", "categories")},
	{Name: "resource nodes", Path: "/api/v1", Look: resource("nodes", "categories")},
	{Name: "resource replicasets", Path: "/apis/apps/v1", Look: resource("replicasets", "categories")},
	{Name: "a version that is not served", Path: "/apis/apps/v1beta1", Look: func(any) any { return nil }},
	{Name: "everything of the core group at once", Path: "/api", Accept: aggregated, Look: discovered("", "events", "pods", "nodes", "namespaces")},
	{Name: "everything of the other groups at once", Path: "/apis", Accept: aggregated, Look: discovered("apps", "deployments", "replicasets", "statefulsets", "daemonsets")},
	{Name: "a kind that is asked for one by one", Path: "/apis", Accept: aggregated, Look: discovered("policy", "poddisruptionbudgets")},
	{Name: "aggregated in a version that nobody knows", Path: "/apis", Accept: "application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList", Look: only("kind", "status", "reason", "code")},
	{Name: "no such resource", Path: "/api/v1/namespaces/conformance/nosuchthings"},
	{Name: "no such group", Path: "/apis/nosuch.example/v1/things"},
	{Name: "namespace kube-system, whose uid names the cluster", Path: "/api/v1/namespaces/kube-system", Look: only("kind", "apiVersion")},

	// --- a room of our own -----------------------------------------------------------------------------------------
	{Name: "create the namespace", Method: "POST", Path: "/api/v1/namespaces", Body: `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"conformance"}}`, Look: only("kind", "status")},
	{Name: "create the namespace again", Method: "POST", Path: "/api/v1/namespaces", Body: `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"conformance"}}`},
	{Name: "get a namespace that is not there", Path: "/api/v1/namespaces/nowhere"},

	// --- create ----------------------------------------------------------------------------------------------------
	{Name: "list nothing", Path: core, Save: map[string]string{"start": "metadata.resourceVersion"}},
	{Name: "create a core event", Method: "POST", Path: core, Body: coreEvent("e1", "Pulled", "Normal", "1"),
		Save: map[string]string{"e1": "metadata.resourceVersion", "e1uid": "metadata.uid"}},
	{Name: "create it again", Method: "POST", Path: core, Body: coreEvent("e1", "Pulled", "Normal", "1")},
	{Name: "create a second", Method: "POST", Path: core, Body: coreEvent("e2", "BackOff", "Warning", "1"), Save: map[string]string{"e2": "metadata.resourceVersion"}},
	{Name: "create a third, answer in protobuf", Method: "POST", Path: core, Accept: protobuf, Body: coreEvent("e3", "Started", "Normal", "1")},
	{Name: "create through events.k8s.io", Method: "POST", Path: events, Body: newEvent("n1", ``), Save: map[string]string{"n1": "metadata.resourceVersion"}},
	{Name: "create through events.k8s.io with a series", Method: "POST", Path: events, Body: newEvent("n2", `,"series":{"count":2,"lastObservedTime":"2026-01-02T03:05:05.000001Z"}`)},
	{Name: "events.k8s.io wants an eventTime", Method: "POST", Path: events, Body: `{"metadata":{"name":"n9","namespace":"conformance"},"regarding":{"kind":"Pod","namespace":"conformance","name":"web-1"},"reportingController":"s","reportingInstance":"s-0","action":"a","reason":"r","type":"Normal"}`},
	{Name: "a generated name", Method: "POST", Path: core, Body: `{"metadata":{"generateName":"g-"},"involvedObject":{"kind":"Pod","namespace":"conformance","name":"web-2"},"reason":"Generated","type":"Normal","message":"m"}`, Look: only("kind", "reason", "message"), Save: map[string]string{"generated": "metadata.name"}},
	{Name: "delete the generated one", Method: "DELETE", Path: core + "/{generated}", Look: only("kind", "status")},
	{Name: "create with the namespace of somebody else", Method: "POST", Path: core, Body: `{"metadata":{"name":"e9","namespace":"default"},"involvedObject":{"kind":"Pod","namespace":"default","name":"web-2"},"reason":"r","type":"Normal"}`},
	{Name: "create about an object of another namespace", Method: "POST", Path: core, Body: `{"metadata":{"name":"e9","namespace":"conformance"},"involvedObject":{"kind":"Pod","namespace":"default","name":"web-2"},"reason":"r","type":"Normal"}`},
	{Name: "create in a namespace that is not there", Method: "POST", Path: "/api/v1/namespaces/nowhere/events", Body: `{"metadata":{"name":"e9","namespace":"nowhere"},"involvedObject":{"kind":"Pod","namespace":"nowhere","name":"web-2"},"reason":"r","type":"Normal"}`},
	{Name: "create without a name", Method: "POST", Path: core, Body: `{"metadata":{},"involvedObject":{"kind":"Pod","namespace":"conformance","name":"web-2"},"reason":"r","type":"Normal"}`},
	{Name: "create with broken JSON", Method: "POST", Path: core, Body: `{"metadata":`, Look: only("kind", "status", "reason", "code")},

	// --- read ------------------------------------------------------------------------------------------------------
	{Name: "get", Path: core + "/e1"},
	{Name: "get in protobuf", Path: core + "/e1", Accept: protobuf},
	{Name: "get what is not there", Path: core + "/nosuch"},
	{Name: "get what is not there, in protobuf", Path: core + "/nosuch", Accept: protobuf},
	{Name: "a core event seen through events.k8s.io", Path: events + "/e1"},
	{Name: "an events.k8s.io event seen through core", Path: core + "/n2"},
	{Name: "an Accept that cannot be served", Path: core + "/e1", Accept: "text/html", Look: only("kind", "status", "reason", "code")},
	{Name: "an Accept with a choice", Path: core + "/e1", Accept: "application/cbor;q=0.9,application/json", Look: only("kind")},

	// --- change ----------------------------------------------------------------------------------------------------
	{Name: "merge patch of the count", Method: "PATCH", Path: core + "/e1", Type: mergePatch, Body: `{"count":2,"lastTimestamp":"2026-01-02T03:04:07Z"}`},
	{Name: "strategic merge patch of the count, as client-go does it", Method: "PATCH", Path: core + "/e1", Type: strategic, Body: `{"count":3,"lastTimestamp":"2026-01-02T03:04:08Z"}`, Save: map[string]string{"e1at3": "metadata.resourceVersion"}},
	{Name: "a patch that changes nothing makes no revision", Method: "PATCH", Path: core + "/e1", Type: strategic, Body: `{"count":3}`},
	{Name: "json patch of a label", Method: "PATCH", Path: core + "/e1", Type: jsonPatch, Body: `[{"op":"replace","path":"/metadata/labels/for","value":"json-patch"}]`},
	{Name: "patch with a stale resourceVersion", Method: "PATCH", Path: core + "/e1", Type: mergePatch, Body: `{"metadata":{"resourceVersion":"{e1}"},"count":9}`},
	{Name: "patch of what is not there", Method: "PATCH", Path: core + "/nosuch", Type: strategic, Body: `{"count":3}`},
	{Name: "patch in an unknown language", Method: "PATCH", Path: core + "/e1", Type: "text/plain", Body: `{"count":3}`, Look: only("kind", "status", "reason", "code")},
	{Name: "patch through events.k8s.io: the series may change", Method: "PATCH", Path: events + "/n1", Type: strategic, Body: `{"series":{"count":2,"lastObservedTime":"2026-01-02T03:06:05.000001Z"}}`},
	{Name: "patch through events.k8s.io: the note may not", Method: "PATCH", Path: events + "/n1", Type: strategic, Body: `{"note":"other"}`},
	{Name: "update", Method: "PUT", Path: core + "/e2", Body: coreEvent("e2", "BackOff", "Warning", "2"), Save: map[string]string{"e2at2": "metadata.resourceVersion"}},
	{Name: "update with a stale resourceVersion", Method: "PUT", Path: core + "/e2", Body: `{"metadata":{"name":"e2","namespace":"conformance","resourceVersion":"{e2}"},"involvedObject":{"kind":"Pod","namespace":"conformance","name":"web-0"},"reason":"BackOff","type":"Warning","count":3}`},
	{Name: "update under another name", Method: "PUT", Path: core + "/e2", Body: coreEvent("e3", "BackOff", "Warning", "3")},
	{Name: "update of what is not there creates it", Method: "PUT", Path: core + "/e4", Body: coreEvent("e4", "Killing", "Normal", "1")},

	// --- list ------------------------------------------------------------------------------------------------------
	{Name: "list", Path: core, Save: map[string]string{"listed": "metadata.resourceVersion"}},
	{Name: "list in protobuf", Path: core, Accept: protobuf},
	{Name: "list through events.k8s.io", Path: events},
	{Name: "list through events.k8s.io in protobuf", Path: events, Accept: protobuf},
	{Name: "first page", Path: core + "?limit=3", Save: map[string]string{"page2": "metadata.continue", "paged": "metadata.resourceVersion"}},
	{Name: "second page", Path: core + "?limit=2&continue={page2}", Save: map[string]string{"page3": "metadata.continue"}},
	{Name: "last page", Path: core + "?limit=2&continue={page3}"},
	{Name: "first page in protobuf", Path: core + "?limit=1", Accept: protobuf},
	{Name: "a page with a selector counts no rest", Path: core + "?limit=1&fieldSelector=type%3DNormal"},
	{Name: "a broken continue token", Path: core + "?limit=2&continue=broken", Look: only("kind", "status", "reason", "code")},
	{Name: "continue with a resourceVersion", Path: core + "?limit=2&continue={page2}&resourceVersion={listed}"},
	{Name: "a broken limit", Path: core + "?limit=many", Look: only("kind", "status", "reason", "code")},
	{Name: "select by reason", Path: core + "?fieldSelector=reason%3DBackOff"},
	{Name: "select by object and not by type", Path: core + "?fieldSelector=involvedObject.name%3Dweb-0,type%21%3DWarning"},
	{Name: "select by name", Path: core + "?fieldSelector=metadata.name%3De3"},
	{Name: "select by reporting component", Path: core + "?fieldSelector=reportingComponent%3Dscheduler"},
	{Name: "select through events.k8s.io", Path: events + "?fieldSelector=regarding.name%3Dweb-1"},
	{Name: "select by a field that has no index", Path: core + "?fieldSelector=message%3Dx"},
	{Name: "select by label", Path: core + "?labelSelector=for%3Djson-patch"},
	{Name: "a broken label selector", Path: core + "?labelSelector=%3D%3D", Look: only("kind", "status", "reason", "code")},
	{Name: "resourceVersion 0", Path: core + "?resourceVersion=0&limit=1"},
	{Name: "not older than the list", Path: core + "?resourceVersion={listed}&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3De1"},
	{Name: "exactly as it was", Path: core + "?resourceVersion={e1at3}&resourceVersionMatch=Exact&limit=2"},
	{Name: "exactly at 0", Path: core + "?resourceVersion=0&resourceVersionMatch=Exact"},
	{Name: "a match without a resourceVersion", Path: core + "?resourceVersionMatch=Exact"},
	{Name: "an unknown match", Path: core + "?resourceVersion={listed}&resourceVersionMatch=Roughly"},
	{Name: "a match with a continue", Path: core + "?limit=2&continue={page2}&resourceVersionMatch=Exact"},
	{Name: "a resourceVersion that is no number", Path: core + "?resourceVersion=abc"},
	{Name: "a resourceVersion of the future", Path: core + "?resourceVersion=999999999"},
	{Name: "exactly in the future", Path: core + "?resourceVersion=999999999&resourceVersionMatch=Exact"},
	{Name: "get not older than the future", Path: core + "/e1?resourceVersion=999999999"},
	{Name: "list of all namespaces", Path: "/api/v1/events?fieldSelector=metadata.namespace%3Dconformance,metadata.name%3De1"},

	// --- watch -----------------------------------------------------------------------------------------------------
	{Name: "watch everything since the start", Path: core + "?" + short + "&resourceVersion={start}"},
	{Name: "watch everything since the start, in protobuf", Path: core + "?" + short + "&resourceVersion={start}", Accept: protobufWatch},
	{Name: "watch through events.k8s.io", Path: events + "?" + short + "&resourceVersion={n1}"},
	{Name: "watch of all namespaces", Path: "/api/v1/events?" + short + "&resourceVersion={e1at3}&fieldSelector=metadata.namespace%3Dconformance"},
	{Name: "watch from the present is silent", Path: core + "?" + short + "&resourceVersion={listed}"},
	{Name: "watch from the present asks for bookmarks and gets none", Path: core + "?" + short + "&resourceVersion={listed}&allowWatchBookmarks=true"},
	{Name: "watch without a resourceVersion begins with what is there", Path: core + "?" + short},
	{Name: "watch from 0 begins with what is there", Path: core + "?" + short + "&resourceVersion=0"},
	{Name: "watch of a selection", Path: core + "?" + short + "&resourceVersion={start}&fieldSelector=reason%3DBackOff"},
	{Name: "watch of one name", Path: core + "?" + short + "&resourceVersion={start}&fieldSelector=metadata.name%3De1"},
	{Name: "watch of a label: what leaves the selection is DELETED", Path: core + "?" + short + "&resourceVersion={start}&labelSelector=for%3Dconformance&fieldSelector=metadata.name%3De1"},
	{Name: "watch of a label: what enters the selection is ADDED", Path: core + "?" + short + "&resourceVersion={start}&labelSelector=for%3Djson-patch"},
	{Name: "watch of the future waits", Path: core + "?" + short + "&resourceVersion=999999999"},
	{Name: "watch from what is no number", Path: core + "?" + short + "&resourceVersion=abc"},
	{Name: "watch with a broken selector", Path: core + "?" + short + "&fieldSelector=message%3Dx"},
	{Name: "watch with a match but no sendInitialEvents", Path: core + "?" + short + "&resourceVersion={listed}&resourceVersionMatch=NotOlderThan"},
	{Name: "initial events and their end", Path: core + "?" + short + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"},
	{Name: "initial events and their end, in protobuf", Path: core + "?" + short + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", Accept: protobufWatch},
	{Name: "initial events through events.k8s.io", Path: events + "?" + short + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dn1"},
	{Name: "initial events not older than the list", Path: core + "?" + short + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion={listed}&fieldSelector=metadata.name%3De1"},
	{Name: "initial events without a match", Path: core + "?" + short + "&sendInitialEvents=true&allowWatchBookmarks=true"},
	{Name: "initial events with an exact match", Path: core + "?" + short + "&sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion={listed}&allowWatchBookmarks=true"},
	{Name: "initial events without bookmarks", Path: core + "?" + short + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3De1"},
	{Name: "initial events on a list", Path: core + "?sendInitialEvents=true&resourceVersionMatch=NotOlderThan"},
	{Name: "a watch in an encoding that cannot be served", Path: core + "?" + short, Accept: "text/html", Look: only("kind", "status", "reason", "code")},

	// --- delete ----------------------------------------------------------------------------------------------------
	{Name: "delete with the uid of another", Method: "DELETE", Path: core + "/e1", Body: `{"preconditions":{"uid":"00000000-0000-4000-8000-000000000000"}}`, Look: only("kind", "status", "reason", "code")},
	{Name: "delete", Method: "DELETE", Path: core + "/e4"},
	{Name: "delete again", Method: "DELETE", Path: core + "/e4"},
	{Name: "watch of the deletion", Path: core + "?" + short + "&resourceVersion={listed}"},
	{Name: "delete a selection", Method: "DELETE", Path: core + "?fieldSelector=reason%3DBackOff"},
	{Name: "list after the deletions", Path: core},

	// --- leases ----------------------------------------------------------------------------------------------------
	{Name: "create a lease", Method: "POST", Path: leases, Body: lease("leader", "a", ""), Save: map[string]string{"lease1": "metadata.resourceVersion"}},
	{Name: "create a lease again", Method: "POST", Path: leases, Body: lease("leader", "b", "")},
	{Name: "get a lease", Path: leases + "/leader"},
	{Name: "renew a lease", Method: "PUT", Path: leases + "/leader", Body: lease("leader", "a", `,"resourceVersion":"{lease1}"`), Save: map[string]string{"lease2": "metadata.resourceVersion"}},
	{Name: "take a lease with the resourceVersion just read", Method: "PUT", Path: leases + "/leader", Body: lease("leader", "b", `,"resourceVersion":"{lease2}"`)},
	{Name: "take a lease too late", Method: "PUT", Path: leases + "/leader", Body: lease("leader", "c", `,"resourceVersion":"{lease1}"`)},
	{Name: "patch a lease", Method: "PATCH", Path: leases + "/leader", Type: mergePatch, Body: `{"metadata":{"annotations":{"position":"7"}},"spec":{"leaseTransitions":1}}`},
	{Name: "patch a lease too late", Method: "PATCH", Path: leases + "/leader", Type: mergePatch, Body: `{"metadata":{"resourceVersion":"{lease1}"},"spec":{"leaseTransitions":2}}`},
	{Name: "list leases", Path: leases},
	{Name: "delete a lease", Method: "DELETE", Path: leases + "/leader"},
	{Name: "get a lease that is gone", Path: leases + "/leader"},

	// --- metadata of what events are about --------------------------------------------------------------------------
	{Name: "metadata of none", Path: sets + "?limit=500", Accept: metadataList, Save: map[string]string{"setsStart": "metadata.resourceVersion"}},
	{Name: "create a replica set", Method: "POST", Path: sets, Body: replicaSet, Look: only("kind", "apiVersion")},
	{Name: "label it", Method: "PATCH", Path: sets + "/web-1", Type: mergePatch, Body: `{"metadata":{"labels":{"tier":"front"}}}`, Look: only("kind", "apiVersion")},
	{Name: "metadata of a replica set", Path: sets + "/web-1", Accept: metadata},
	{Name: "metadata of what is not there", Path: sets + "/nosuch", Accept: metadata},
	{Name: "metadata of all replica sets", Path: sets + "?limit=500", Accept: metadataList},
	{Name: "metadata of all replica sets of all namespaces", Path: "/apis/apps/v1/replicasets?limit=500&fieldSelector=metadata.namespace%3Dconformance", Accept: metadataList},
	{Name: "metadata from the cache", Path: sets + "?limit=500&resourceVersion=0", Accept: metadataList, Look: only("kind", "apiVersion")},
	{Name: "delete the replica set", Method: "DELETE", Path: sets + "/web-1", Look: only("kind", "status")},
	{Name: "watch of metadata", Path: sets + "?" + short + "&allowWatchBookmarks=true&resourceVersion={setsStart}", Accept: metadata},
	{Name: "watch of metadata of the future", Path: sets + "?" + short + "&resourceVersion=abc", Accept: metadata},

	// --- what kubectl and metadata clients ask -----------------------------------------------------------------------
	{Name: "a list as a table", Path: core, Accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Look: columns, Optional: true},
	{Name: "a list of metadata", Path: core, Accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json", Optional: true},
	{Name: "metadata of one", Path: core + "/e1", Accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json", Optional: true},
	{Name: "the old path of a watch", Path: "/api/v1/watch/namespaces/conformance/events?timeoutSeconds=1&resourceVersion={e2at2}", Optional: true},

	// --- time passes -------------------------------------------------------------------------------------------------
	// The events that are left expire, several at one revision: the server takes them away by lease, and the watch says
	// so with one DELETED each that carry the same resourceVersion.
	{Name: "create t1, to expire", Method: "POST", Path: core, Body: coreEvent("t1", "Expiring", "Normal", "1"), Save: map[string]string{"t1": "metadata.resourceVersion"}},
	{Name: "create t2, to expire with t1", Method: "POST", Path: core, Body: coreEvent("t2", "Expiring", "Normal", "1")},
	{Name: "create t3, to expire with t1", Method: "POST", Path: core, Body: coreEvent("t3", "Expiring", "Normal", "1"), Save: map[string]string{"t3": "metadata.resourceVersion"}},
	{Name: "three expire at one revision", Path: core + "?watch=true&timeoutSeconds=240&resourceVersion={t3}&fieldSelector=reason%3DExpiring", StopAfter: 3},
	{Name: "an expired event is not there", Path: core + "/t1"},
	{Name: "the old revision is compacted", Path: core + "?resourceVersion={start}&resourceVersionMatch=Exact", RepeatTill: 410},
	{Name: "create z1, which the old token has not passed yet", Method: "POST", Path: core, Body: coreEvent("z1", "Late", "Normal", "1")},
	{Name: "a continue token grown old", Path: core + "?limit=2&continue={page2}", Save: map[string]string{"inconsistent": "metadata.continue"}},
	{Name: "going on with the inconsistent token", Path: core + "?limit=500&continue={inconsistent}"},
	{Name: "watch from a compacted revision", Path: core + "?watch=true&timeoutSeconds=5&resourceVersion={e1}"},
	{Name: "watch from a compacted revision, in protobuf", Path: core + "?watch=true&timeoutSeconds=5&resourceVersion={e1}", Accept: protobufWatch},
	{Name: "watch from a compacted revision through events.k8s.io", Path: events + "?watch=true&timeoutSeconds=5&resourceVersion={e1}"},
	{Name: "watch from revision 1", Path: core + "?watch=true&timeoutSeconds=5&resourceVersion=1"},
	{Name: "initial events not older than a compacted revision", Path: core + "?" + short + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion={e1}"},
	{Name: "list not older than a compacted revision", Path: core + "?resourceVersion={e1}&resourceVersionMatch=NotOlderThan"},
}

// --- what of an answer is compared -----------------------------------------------------------------------------------

// keys keeps the names of the fields.
func keys(answer any) any {
	var names []any
	for _, name := range sortedKeys(answer) {
		names = append(names, name)
	}
	return names
}

// only keeps the named top-level fields.
func only(names ...string) func(any) any {
	return func(answer any) any {
		object, _ := answer.(map[string]any)
		kept := map[string]any{}
		for _, name := range names {
			if value, ok := object[name]; ok {
				kept[name] = value
			}
		}
		return kept
	}
}

// resource keeps one entry of a discovery document, and nothing of how the server stores it.
func resource(name string, without ...string) func(any) any {
	return func(answer any) any {
		object, _ := answer.(map[string]any)
		entry := find(object["resources"], name)
		for _, field := range append(without, "storageVersionHash") {
			delete(entry, field)
		}
		return map[string]any{"kind": object["kind"], "groupVersion": object["groupVersion"], "entry": entry}
	}
}

// groups keeps the named groups of the discovery document of all groups.
func groups(names ...string) func(any) any {
	return func(answer any) any {
		object, _ := answer.(map[string]any)
		kept := []any{}
		for _, name := range names {
			kept = append(kept, find(object["groups"], name))
		}
		return map[string]any{"kind": object["kind"], "groups": kept}
	}
}

// discovered keeps of an aggregated document what tells how kinds of a group are called.
func discovered(group string, plurals ...string) func(any) any {
	return func(answer any) any {
		object, _ := answer.(map[string]any)
		kept := map[string]any{"kind": object["kind"], "apiVersion": object["apiVersion"]}
		groups, _ := object["items"].([]any)
		for _, item := range groups {
			of, _ := item.(map[string]any)
			if about, _ := of["metadata"].(map[string]any); about["name"] != any(group) && (about["name"] != nil || group != "") {
				continue
			}
			versions, _ := of["versions"].([]any)
			if len(versions) == 0 {
				continue
			}
			preferred, _ := versions[0].(map[string]any)
			kept["version"], kept["freshness"] = preferred["version"], preferred["freshness"]
			resources, _ := preferred["resources"].([]any)
			for _, resource := range resources {
				entry, _ := resource.(map[string]any)
				if plural, _ := entry["resource"].(string); slices.Contains(plurals, plural) {
					delete(entry, "categories")
					delete(entry, "subresources")
					kept[plural] = entry
				}
			}
		}
		return kept
	}
}

// columns keeps the names of the columns of a table; its cells hold ages.
func columns(answer any) any {
	object, _ := answer.(map[string]any)
	names := []any{}
	definitions, _ := object["columnDefinitions"].([]any)
	for _, definition := range definitions {
		column, _ := definition.(map[string]any)
		names = append(names, column["name"])
	}
	return map[string]any{"kind": object["kind"], "columns": names}
}

func find(list any, name string) map[string]any {
	entries, _ := list.([]any)
	for _, entry := range entries {
		if object, _ := entry.(map[string]any); object["name"] == name {
			return object
		}
	}
	return nil
}
