package exporter

import (
	"regexp"

	"tidings/e2e/oracle/kube"
)

// patterns keeps compiled patterns; see Remember.
var patterns = map[string]*regexp.Regexp{}

// found says whether a pattern is found in a text; one that does not compile is found nowhere.
func found(pattern, text string) bool {
	if !Remember {
		matched, err := regexp.MatchString(pattern, text)
		return err == nil && matched
	}
	compiled, known := patterns[pattern]
	if !known {
		compiled, _ = regexp.Compile(pattern)
		patterns[pattern] = compiled
	}
	return compiled != nil && compiled.MatchString(text)
}

func (r *Rule) matches(event *kube.EnhancedEvent) bool {
	for _, it := range [...]struct{ pattern, text string }{
		{r.Message, event.Message},
		{r.APIVersion, event.InvolvedObject.APIVersion},
		{r.Kind, event.InvolvedObject.Kind},
		{r.Namespace, event.Namespace},
		{r.Reason, event.Reason},
		{r.Type, event.Type},
		{r.Component, event.Source.Component},
		{r.Host, event.Source.Host},
	} {
		if it.pattern != "" && !found(it.pattern, it.text) {
			return false
		}
	}
	return allFound(r.Labels, event.InvolvedObject.Labels) &&
		allFound(r.Annotations, event.InvolvedObject.Annotations) &&
		event.Count >= r.MinCount
}

func allFound(asked, present map[string]string) bool {
	for key, pattern := range asked {
		value, there := present[key]
		if !there || !found(pattern, value) {
			return false
		}
	}
	return true
}

// Decide calls `send` with a receiver's name as often, and in the order, in which the tree reaches it.
func (r *Route) Decide(event *kube.EnhancedEvent, send func(string)) {
	for i := range r.Drop {
		if r.Drop[i].matches(event) {
			return
		}
	}
	open := true
	for i := range r.Match {
		rule := &r.Match[i]
		switch {
		case !rule.matches(event):
			open = false
		case rule.Receiver != "":
			send(rule.Receiver)
		}
	}
	if !open {
		return
	}
	for i := range r.Routes {
		r.Routes[i].Decide(event, send)
	}
}
