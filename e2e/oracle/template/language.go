package main

import "time"

// language has a value of every kind; crates/template/tests/it/golden.rs builds the same.
func language() any {
	yes := true
	var noBool *bool
	return map[string]any{
		"s": "hello", "empty": "", "html": `<a href="x">&'</a>`, "utf": "häß日本",
		"n": 42, "neg": -7, "zero": 0, "i64": int64(1 << 40), "u8": uint8(200),
		"u64": ^uint64(0), "i32": int32(5),
		"f": 3.25, "bigf": 1e21, "small": 1e-7, "whole": 2.0, "million": 1e6, "tenmillion": 12345678.0, "negf": -1.5,
		"t": true, "fa": false, "nil": nil,
		"list":      []any{1, "two", 3.0, nil, true},
		"strs":      []string{"b", "a"},
		"emptylist": []any{},
		"nillist":   []string(nil),
		"m": map[string]any{
			"a": 1, "b": "x", "nil": nil,
			"nest": map[string]any{"x": "deep", "list": []any{"p", "q"}},
		},
		"ms":     map[string]string{"k": "v", "z": "y"},
		"nilmap": map[string]string(nil),
		"bytes":  []byte("hi"),
		"time":   time.Date(2024, 6, 1, 10, 2, 3, 45_000_000, time.UTC),
		"ztime":  time.Time{},
		"d":      90 * time.Second,
		"month":  time.March, "weekday": time.Tuesday,
		"pb": &yes, "nilpb": noBool,
	}
}
