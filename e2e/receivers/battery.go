package receivers

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"
)

// How long is waited, at most. The lanes' own pauses grow from a second to a minute while nothing succeeds, so a receiver
// that is back is met again soon after a short outage.
const (
	arrival  = 60 * time.Second
	noticing = 45 * time.Second
	outage   = 5 * time.Second
)

// Battery starts the receiver and asks it for what must hold for every one: all that happens arrives, whatever happens to
// the server, and nothing comes twice with another id.
func Battery(t *testing.T, receiver Receiver) {
	t.Helper()
	receiver.Start(t)
	address, proxy := "", (*Proxy)(nil)
	if addressed, is := receiver.(Addressed); is {
		at := "127.0.0.1:0"
		if advertised, is := receiver.(Advertised); is {
			at = advertised.ProxyAddress()
		}
		proxy = StartProxy(t, at, addressed.Address())
		address = proxy.Address()
	}
	tidings := Run(t, receiver.Config(address))

	step(t, "everything arrives", func(t *testing.T) {
		tidings.Feed(200)
		tidings.expect(t, receiver)
	})
	if stoppable, is := receiver.(Stoppable); is {
		step(t, "the server is down, and comes back", func(t *testing.T) {
			stoppable.Stop(t)
			tidings.Feed(50)
			tidings.waitForState(t, "retrying")
			tidings.Feed(50)
			time.Sleep(outage)
			receiver.Start(t)
			tidings.expect(t, receiver)
		})
	}
	for _, fault := range faults(receiver, proxy) {
		step(t, "the proxy "+fault.String(), func(t *testing.T) {
			proxy.Do(fault)
			tidings.Feed(20)
			tidings.waitForState(t, "retrying")
			tidings.Feed(20)
			proxy.Do(Pass)
			tidings.expect(t, receiver)
		})
	}
	step(t, "Tidings is killed", func(t *testing.T) {
		tidings.Feed(20)
		tidings.Kill()
		tidings.Start()
		tidings.FeedAgain()
		tidings.Feed(20)
		tidings.expect(t, receiver)
	})
	step(t, "Tidings ends when its input does", func(t *testing.T) {
		if code := tidings.End(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		tidings.expect(t, receiver)
	})
	if guarded, is := receiver.(Guarded); is {
		step(t, "a wrong credential blocks, and is not shown", func(t *testing.T) { wrongCredential(t, receiver, guarded) })
	}
}

// step runs a part, and ends the test when it failed: what follows would only repeat it.
func step(t *testing.T, name string, run func(*testing.T)) {
	t.Helper()
	if !t.Run(name, run) {
		t.FailNow()
	}
}

func faults(receiver Receiver, proxy *Proxy) []Fault {
	if proxy == nil {
		return nil
	}
	faults := []Fault{Refuse, Cut, Hang}
	if _, is := receiver.(HTTP); is {
		faults = append(faults, TooMany, Broken)
	}
	return faults
}

func wrongCredential(t *testing.T, receiver Receiver, guarded Guarded) {
	address := ""
	if addressed, is := receiver.(Addressed); is {
		address = addressed.Address()
	}
	before := len(receiver.Received(t))
	config, secret := guarded.Wrong(address)
	tidings := Run(t, config)
	tidings.Feed(3)
	tidings.waitForLog(t, "receiver refuses us")
	log := tidings.Log()
	if strings.Contains(log, secret) {
		t.Errorf("the log shows the secret:\n%s", log)
	}
	tidings.Kill()
	if after := len(receiver.Received(t)); after != before {
		t.Errorf("%d records came in with the wrong credential", after-before)
	}
}

// expect waits until everything that was fed has arrived, and asks that nothing else has.
func (x *Tidings) expect(t *testing.T, receiver Receiver) {
	t.Helper()
	var missing, strangers []string
	var records []Record
	for deadline := time.Now().Add(arrival); ; time.Sleep(300 * time.Millisecond) {
		records = receiver.Received(t)
		if missing, strangers = x.compare(records); len(missing) == 0 || time.Now().After(deadline) {
			break
		}
	}
	t.Logf("%d events, %d records, %d missing, %d with a strange id", len(x.fed), len(records), len(missing), len(strangers))
	report(t, "missing", missing)
	report(t, "with an id that no event has", strangers)
	if t.Failed() {
		t.Logf("the log of Tidings:\n%s", x.Log())
	}
}

func (x *Tidings) compare(records []Record) (missing, strangers []string) {
	arrived := map[string]bool{}
	for _, record := range records {
		arrived[record.ID] = true
		if !x.fed[record.ID] {
			strangers = append(strangers, record.ID)
		}
	}
	for id := range x.fed {
		if !arrived[id] {
			missing = append(missing, id)
		}
	}
	return missing, strangers
}

func report(t *testing.T, what string, found []string) {
	t.Helper()
	if len(found) > 0 {
		sort.Strings(found)
		t.Errorf("%d %s, such as %s", len(found), what, fmt.Sprint(found[:min(5, len(found))]))
	}
}
