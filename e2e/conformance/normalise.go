package conformance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Normalise replaces what may differ between two servers that behave alike:
//
//   - a resourceVersion of an object becomes its rank among all that the script saw ("r7"); that of a list or a bookmark
//     becomes the rank that it includes ("≥ r7"), since others write to the same store;
//   - uids, generated names, creation times and continue tokens become a word;
//   - managedFields and generations go, which say how an object is written; messages lose their numbers;
//   - DELETED messages of one resourceVersion, which have no order, are sorted by name.
func Normalise(answers []Answer) []Answer {
	ranks := rank(answers)
	var normal []Answer
	for i, answer := range answers {
		if look := Calls[i].Look; look != nil {
			answer.Body = look(answer.Body)
		}
		answer.Body = ranks.clean(answer.Body, "")
		cleaned := []any{}
		for _, message := range answer.Watch {
			cleaned = append(cleaned, ranks.clean(message, ""))
		}
		sortDeleted(cleaned)
		if answer.Watch != nil {
			answer.Watch = cleaned
		}
		normal = append(normal, answer)
	}
	return normal
}

// A ranking knows the resourceVersions of the objects that the script saw, in order.
type ranking []uint64

func rank(answers []Answer) ranking {
	seen := map[uint64]bool{}
	for _, answer := range answers {
		collect(answer.Body, seen)
		for _, message := range answer.Watch {
			collect(message, seen)
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func collect(value any, seen map[uint64]bool) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			collect(item, seen)
		}
	case map[string]any:
		// Only objects of ours: an object has a uid, and a namespace like kube-system is somebody else's.
		metadata, _ := value["metadata"].(map[string]any)
		if metadata["uid"] != nil && metadata["namespace"] == "conformance" {
			text, _ := metadata["resourceVersion"].(string)
			if number, err := strconv.ParseUint(text, 10, 64); err == nil {
				seen[number] = true
			}
		}
		for _, item := range value {
			collect(item, seen)
		}
	}
}

func (r ranking) name(text string) string {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number == 0 {
		return text
	}
	i := sort.Search(len(r), func(i int) bool { return r[i] > number })
	if i > 0 && r[i-1] == number {
		return fmt.Sprintf("r%d", i)
	}
	return fmt.Sprintf("≥ r%d", i)
}

var (
	numbers   = regexp.MustCompile(`\d{2,}`)
	generated = regexp.MustCompile(`^g-[a-z0-9]{5}$`)
)

func (r ranking) clean(value any, field string) any {
	switch value := value.(type) {
	case []any:
		cleaned := []any{}
		for _, item := range value {
			cleaned = append(cleaned, r.clean(item, field))
		}
		return cleaned
	case map[string]any:
		cleaned := map[string]any{}
		for name, item := range value {
			if name != "managedFields" && name != "generation" {
				cleaned[name] = r.clean(item, name)
			}
		}
		// The revision of a list is that of the whole store, so it may equal that of an object by chance only.
		if metadata, ok := cleaned["metadata"].(map[string]any); ok && metadata["uid"] == nil && metadata["resourceVersion"] != nil {
			text := fmt.Sprint(metadata["resourceVersion"])
			metadata["resourceVersion"] = "≥ " + strings.TrimPrefix(text, "≥ ")
		}
		return cleaned
	case string:
		return r.cleanText(value, field)
	default:
		return value
	}
}

func (r ranking) cleanText(text, field string) string {
	switch field {
	case "resourceVersion":
		return r.name(text)
	case "uid", "creationTimestamp", "generateName", "continue":
		if text == "" {
			return text
		}
		return "some " + field
	case "name":
		return generated.ReplaceAllString(text, "some name")
	case "message":
		return numbers.ReplaceAllString(text, "N")
	default:
		return text
	}
}

// sortDeleted gives DELETED messages of one resourceVersion an order.
func sortDeleted(messages []any) {
	place := func(i int) (string, string) {
		message, _ := messages[i].(map[string]any)
		if message["type"] != "DELETED" {
			return "", ""
		}
		return lookUp(message["object"], "metadata.resourceVersion"), lookUp(message["object"], "metadata.name")
	}
	for range messages {
		for i := 1; i < len(messages); i++ {
			before, nameBefore := place(i - 1)
			after, nameAfter := place(i)
			if before != "" && before == after && nameBefore > nameAfter {
				messages[i-1], messages[i] = messages[i], messages[i-1]
			}
		}
	}
}

// Differences names what differs between two runs, one text a call.
func Differences(want, got []Answer) (errors, notes []string) {
	for i, call := range Calls {
		if i >= len(want) || i >= len(got) {
			errors = append(errors, fmt.Sprintf("%q: asked %d of one server and %d of the other", call.Name, len(want), len(got)))
			return errors, notes
		}
		for _, difference := range compare("", asTree(want[i]), asTree(got[i])) {
			text := fmt.Sprintf("%q: %s", call.Name, difference)
			if call.Optional {
				notes = append(notes, text)
			} else {
				errors = append(errors, text)
			}
		}
	}
	return errors, notes
}

func asTree(answer Answer) any {
	tree, err := asJSON(answer)
	if err != nil {
		return err.Error()
	}
	return tree
}

// compare walks two JSON values and names the places where they differ.
func compare(path string, want, got any) []string {
	var found []string
	switch want := want.(type) {
	case map[string]any:
		other, ok := got.(map[string]any)
		if !ok {
			break
		}
		for _, name := range sortedKeys(mergeKeys(want, other)) {
			found = append(found, compare(path+"."+name, want[name], other[name])...)
		}
		return found
	case []any:
		other, ok := got.([]any)
		if !ok || len(other) != len(want) {
			break
		}
		for i := range want {
			found = append(found, compare(fmt.Sprintf("%s[%d]", path, i), want[i], other[i])...)
		}
		return found
	}
	if fmt.Sprintf("%#v", want) != fmt.Sprintf("%#v", got) {
		found = append(found, fmt.Sprintf("%s: want %s, got %s", strings.TrimPrefix(path, "."), brief(want), brief(got)))
	}
	return found
}

func mergeKeys(one, other map[string]any) map[string]any {
	merged := maps.Clone(one)
	maps.Copy(merged, other)
	return merged
}

func brief(value any) string {
	text := fmt.Sprintf("%v", value)
	if value == nil {
		text = "nothing"
	}
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

func sortedKeys(value any) []string {
	object, _ := value.(map[string]any)
	return slices.Sorted(maps.Keys(object))
}
