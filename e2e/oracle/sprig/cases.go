package main

import (
	"fmt"
	"math/rand"
	"slices"
	"sort"
	"strings"

	"github.com/Masterminds/sprig/v3"
)

// wanted is how many combinations of good arguments a function is tried with.
const wanted = 20

// pool is a list of template expressions that one parameter is tried with.
type pool []string

// function says how to try a function: good values for each parameter, and whole templates.
type function struct {
	params []pool
	// extra are templates that the parameters alone do not reach.
	extra []string
	// unstable results cannot be compared; only the extra templates are.
	unstable bool
	// wrap is a template in which %s is the call.
	wrap string
	// skipWrong leaves out arguments of wrong types.
	skipWrong bool
}

// wrong are values that most parameters refuse, or treat in ways of their own.
var wrong = pool{`nil`, `.nil`, `.missing`, `1`, `-1.5`, `"str"`, `true`, `.f`, `.list`, `.dict`, `.labels`, `.nolabels`, `.time`, `.dur`, `.bytes`, `.u64`, `.i32`, `.strs`, `'x'`}

// cases are the rows of the fixture, without answers, in the order of the names.
func cases() []row {
	var rows []row
	functions := functions()
	var names []string
	for name := range sprig.TxtFuncMap() {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		spec, ok := functions[name]
		if !ok {
			fail(fmt.Errorf("no cases for %s", name))
		}
		rows = append(rows, spec.rows(name)...)
	}
	return rows
}

func (f function) rows(name string) []row {
	random := rand.New(rand.NewSource(int64(len(name))*7919 + int64(name[0])))
	seen := map[string]bool{}
	var rows []row
	add := func(template string) {
		if !seen[template] {
			seen[template] = true
			rows = append(rows, row{Function: name, Template: template})
		}
	}
	call := func(args []string) string {
		expression := strings.Join(append([]string{name}, args...), " ")
		if f.wrap != "" {
			expression = fmt.Sprintf(f.wrap, "("+expression+")")
		}
		return "{{ " + expression + " }}"
	}
	if !f.unstable {
		good := f.combinations(random)
		for i, args := range good {
			add(call(args))
			if i < 4 && f.wrap == "" {
				expression := name + " " + strings.Join(args, " ")
				add(fmt.Sprintf(`{{ printf "%%T %%#v" (%s) (%s) }}`, expression, expression))
			}
			if i == 1 && len(args) > 0 {
				last := len(args) - 1
				head := strings.Join(append([]string{name}, args[:last]...), " ")
				add(fmt.Sprintf("{{ %s | %s }}", args[last], head))
			}
		}
		if len(good) > 0 {
			base := good[len(good)/2]
			add("{{ " + name + " }}")
			add(call(base[:max(len(base)-1, 0)]))
			add(call(append(slices.Clone(base), `"more"`)))
			if !f.skipWrong {
				for i := range base {
					values := wrong
					if len(base) > 1 {
						values = slices.Clone(wrong)
						random.Shuffle(len(values), func(a, b int) { values[a], values[b] = values[b], values[a] })
						values = values[:9]
					}
					for _, value := range values {
						args := slices.Clone(base)
						args[i] = value
						add(call(args))
					}
				}
			}
		}
	}
	for _, template := range f.extra {
		add(template)
	}
	if len(rows) < wanted {
		fail(fmt.Errorf("only %d cases for %s", len(rows), name))
	}
	return rows
}

// combinations are up to the wanted number of arguments: every value of each pool at least once
// where that fits.
func (f function) combinations(random *rand.Rand) [][]string {
	if len(f.params) == 0 {
		return [][]string{{}}
	}
	longest, product := 0, 1
	for _, p := range f.params {
		longest = max(longest, len(p))
		if product < 1000 {
			product *= len(p)
		}
	}
	seen := map[string]bool{}
	var all [][]string
	for i := 0; len(all) < min(max(wanted, longest), product) && i < 2000; i++ {
		args := make([]string, len(f.params))
		for p, values := range f.params {
			at := (i + p*(i/len(values))) % len(values)
			if i >= longest {
				at = random.Intn(len(values))
			}
			args[p] = values[at]
		}
		key := strings.Join(args, "\x00")
		if !seen[key] {
			seen[key] = true
			all = append(all, args)
		}
	}
	return all
}
