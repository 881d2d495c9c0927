package main

import (
	"math"
	"time"
)

// data is what the templates of the fixture see. crates/template/tests/it/sprig_data.rs builds the
// same values.
func data() map[string]any {
	return map[string]any{
		"word":      "hello",
		"text":      "The quick brown fox jumps over the lazy dog",
		"camel":     "HTTPServer2xxOk",
		"lines":     "one\ntwo\n\nthree",
		"uni":       "Grüße, Jürgen ❤ 世界",
		"blank":     " \t x  y \n",
		"html":      `<a href="x">&'</a>`,
		"emptystr":  "",
		"num":       "42",
		"yes":       true,
		"no":        false,
		"nil":       nil,
		"int":       7,
		"neg":       -3,
		"zeroint":   0,
		"big":       math.MaxInt64,
		"i32":       int32(41),
		"i64":       int64(1717236000),
		"u":         uint(5),
		"u8":        uint8(200),
		"u64":       uint64(math.MaxUint64),
		"f":         3.75,
		"nf":        -2.5,
		"ef":        1e21,
		"nan":       math.NaN(),
		"inf":       math.Inf(1),
		"bytes":     []byte("abc"),
		"list":      []any{1, "two", 3.5, nil, true, "two", ""},
		"nested":    []any{[]any{1, 2}, []any{}, map[string]any{"k": "v"}},
		"emptylist": []any{},
		"strs":      []string{"banana", "apple", "", "cherry", "apple"},
		"ints":      []int{3, 1, 2, 3},
		"dict":      map[string]any{"a": 1, "b": "two", "c": map[string]any{"d": map[string]any{"e": "deep"}}, "n": nil, "z": ""},
		"one":       map[string]any{"k": "v"},
		"emptydict": map[string]any{},
		"labels":    map[string]string{"app": "api", "env": "prod"},
		"nolabels":  map[string]string(nil),
		"time":      time.Date(2024, 6, 1, 10, 4, 5, 123456789, time.UTC),
		"winter":    time.Date(2023, 1, 9, 23, 59, 59, 0, time.UTC),
		"zerotime":  time.Time{},
		"dur":       90 * time.Minute,
	}
}
