package main

import (
	"slices"
	"strings"
)

// What the parameters are tried with.
var (
	texts   = pool{`""`, `"a"`, `"hello world"`, `"Hello, World!"`, `.uni`, `.blank`, `.text`, `.camel`, `.lines`, `"foo_bar-baz.qux"`, `"日本語"`, `.html`, `"ÄÖÜ straße ǆ ǅ İı"`, `"--__ x"`, `"123abc456"`, `"a\x00b\u2028"`, `"ﬁne Σίσυφος"`, `"MixedCASE words In_Here"`, `"\tq\"uote\\"`, `"12.50€"`}
	shorts  = pool{`""`, `"a"`, `"l"`, `"lo"`, `"ü"`, `" "`, `","`, `"Hello"`, `"世"`, `"xyz"`}
	small   = pool{`0`, `1`, `2`, `3`, `5`, `7`, `10`, `-1`, `-2`, `-5`, `100`}
	count   = pool{`0`, `1`, `2`, `3`, `5`, `10`, `-1`}
	numbers = pool{`0`, `1`, `-1`, `7`, `.int`, `.neg`, `.i32`, `.i64`, `.u`, `.u8`, `.u64`, `.f`, `.nf`, `.big`, `"12"`, `"0x1F"`, `"017"`, `"1_000"`, `"-8"`, `"3.9"`, `"abc"`, `""`, `.yes`, `.no`, `.nil`, `.ef`, `1.5`, `-2.5`, `.list`, `.time`, `.dur`, `" 1"`, `"0b11"`, `"9223372036854775808"`}
	floats  = pool{`0`, `1`, `1.5`, `-2.5`, `0.1`, `0.2`, `.f`, `.nf`, `.int`, `.u64`, `1e10`, `1e-7`, `"2.5"`, `"1e3"`, `"0x1p-2"`, `"abc"`, `""`, `.yes`, `.nil`, `3.14159265358979`, `123456789.987654321`, `"1_0.5"`, `.ef`, `"  1"`, `"-0"`, `1e300`}
	lists   = pool{`.list`, `.strs`, `.ints`, `.emptylist`, `.nested`, `(list)`, `(list 1 2 3)`, `(list "a")`, `.bytes`, `(list nil)`, `(list 1 1.0 "1" 1)`, `(splitList "," "x,y,z")`, `(until 4)`}
	dicts   = pool{`.dict`, `.emptydict`, `.one`, `(dict)`, `(dict "a" 1)`, `(dict "b" 2 "a" "x")`, `(dict "k" (dict "l" (list 1)))`, `(dict "odd")`, `(dict 1 2)`}
	keys    = pool{`"a"`, `"k"`, `"zz"`, `""`, `"b"`, `"c"`, `"n"`}
	values  = pool{`1`, `"x"`, `nil`, `.nil`, `true`, `.list`, `.dict`, `2.5`, `""`, `.missing`, `.time`, `.nolabels`, `.labels`, `.strs`, `.zerotime`, `.bytes`, `.u64`, `.dur`, `.ints`, `0`, `false`, `.emptylist`, `.emptydict`, `"two"`}
	times   = pool{`.time`, `.winter`, `.zerotime`}
	dates   = pool{`.time`, `.winter`, `.zerotime`, `0`, `1700000000`, `-1`, `.i64`, `.i32`, `.int`}
	layouts = pool{`"2006-01-02"`, `"2006-01-02T15:04:05Z07:00"`, `"Mon, 02 Jan 2006 15:04:05 MST"`, `"3:04PM"`, `"Jan _2 06 .000 .999999999"`, `""`, `"Monday January 2 2006"`, `"02.01.06 15h04m05.000000s"`, `"pm PM am"`, `"-0700 -07:00 -07 Z0700 Z07 Z070000 -07:00:00"`, `"002 __2 _2 1 01"`, `"15:04:05,000"`, `"stdlib 2006 \u00fc"`, `"2006-01-02 15:04:05.999999999 -0700 MST"`, `"05.00 5 4 3 2 1"`, `"January Janet Month Mon Monday"`}
	zones   = pool{`"UTC"`, `"Local"`, `"Europe/Berlin"`, `"America/New_York"`, `"Asia/Kathmandu"`, `"Nowhere/Land"`, `""`, `"Australia/Lord_Howe"`, `"europe/berlin"`, `"EST"`, `"Etc/GMT+5"`}
	spans   = pool{`"1h"`, `"-1.5h"`, `"2h45m"`, `"1ms"`, `"1us"`, `"1µs"`, `"3ns"`, `""`, `"x"`, `"1d"`, `"-"`, `"0"`, `"+5m30s"`, `".5s"`, `"1h 2m"`, `"99999999h"`, `"1"`, `"10s5"`}
	paths   = pool{`""`, `"/"`, `"a"`, `"a/b"`, `"/a/b/"`, `"../a"`, `"a/../b"`, `"./x.tar.gz"`, `"//a//b"`, `"/.."`, `"/../a"`, `"."`, `".."`, `".hidden"`, `"a/b/.."`, `"x."`, `"dir.d/file"`, `"a/./b/../../c"`, `"/a/b/c.ext"`, `"ü/é.txt"`, `"///"`}
	regexes = pool{`"a"`, `"l+"`, `"(\\w+) (\\w+)"`, `"^.*$"`, `"(?i)THE"`, `"[aeiou]"`, `""`, `"x*"`, `"(?m)^\\w"`, `"(?P<first>\\w)(?P<rest>\\w*)"`, `"\\bo"`, `"a("`, `"*"`, `"(?U)o.+"`, `".+?o"`, `"[[:upper:]]"`, `"\\p{L}ü"`, `"(a|ab)(c|bcd)?"`, `"\\s+"`, `"(?s)one.two"`, `","`, `"[^a-z]"`, `"世|界"`, `"\\d{2,3}"`}
	repls   = pool{`""`, `"X"`, `"$1"`, `"${1}x"`, `"$1x"`, `"<$0>"`, `"$first-$rest"`, `"${rest}${first}"`, `"$$"`, `"$"`, `"${"`, `"$2 $1"`, `"\\1"`, `"$9"`, `"é$"`}
	semvers = pool{`"1.2.3"`, `"v1.2.3"`, `"1"`, `"1.2"`, `"1.2.3-beta.1"`, `"1.2.3-beta.11+build.5"`, `"1.2.3+meta"`, `""`, `"x"`, `"1.2.3.4"`, `"01.2.3"`, `"1.2.3-01"`, `"99999999999999999999.1.1"`, `"0.0.0"`, `"2.0.0-alpha"`, `"1.2.03"`, `" 1.2.3"`, `"1.2.3-"`, `"v2"`, `"0.2.9"`}
	ranges  = pool{`"*"`, `"^1.2"`, `"~1.2.3"`, `">=1.0.0"`, `"<2"`, `"1.2.x"`, `">1, <3"`, `"1.2 - 1.4.5"`, `"!=1.2.3"`, `"^0.2.3"`, `"^0.0.3"`, `"~1"`, `"= 1.2.3"`, `">=1.2.3-alpha"`, `"<1.0 || >=2.0"`, `""`, `"bad"`, `">1.2"`, `"=>1.2.3"`, `"=<1.2"`, `"~>1.2"`, `"^1.2.3-beta.2"`, `">= 1.2.3 < 2"`, `"!=1.x"`, `"^0"`, `"^0.0"`, `"1 || 2"`, `"<=1.2"`, `">0.1.0"`, `"!=1.2.x"`}
	urls    = pool{`"http://user:pa%20ss@example.com:8080/a/b?x=1&y=2#frag"`, `""`, `"/path/only"`, `"mailto:joe@example.com"`, `"https://[::1]:80/"`, `"//host/path"`, `"http://host"`, `"http://ho st/"`, `"%zz"`, `"http://h/%2f%20?%zz#%41"`, `"a:b:c"`, `":foo"`, `"http://h:x/"`, `"1http://x"`, `"http://u@h"`, `"http://:p@h/"`, `"http://üx.de/ä?ö#ß"`, `"http://a/b c"`, `"?q"`, `"#f"`, `"http://h/?"`, `"http://u:p:q@h/"`, `"http://[fe80::1%25en0]:80/"`, `"http://[x/"`, `"a b"`, `"http://h\x7f/"`, `"foo.html#a%20b"`, `"http://x:"`}
	jsons   = pool{`"{}"`, `"null"`, `"[1,2.5,\"x\",true,null]"`, `"{\"b\":1,\"a\":{\"c\":[1e3,-0.5]}}"`, `"\"\\u00e9\\n\\ud83d\\ude00 \\ud800\""`, `"1"`, `"1e400"`, `""`, `"{"`, `"[1,]"`, `"nul"`, `"{\"a\":1,\"a\":2}"`, `" true "`, `"1 2"`, `"01"`, `"\"\t\""`, `"{\"a\" 1}"`, `"12345678901234567890"`, `"-"`, `"[[[]]]"`, `"\"\\x\""`, `"{'a':1}"`, `"{1:2}"`, `"[1 2]"`, `"1."`, `"\"abc"`, `"1e"`, `"tru"`, `"{\"a\":}"`}
	datas   = append(append(pool{}, values...), `.html`, `.uni`, `.nested`, `.f`, `.nan`, `.inf`, `.ef`, `1e-7`, `1e20`, `100000.0`, `"a\u2028\x01\x7f\"\\"`, `(dict "z" 1 "a" (list "<" 2.5 nil))`, `.i32`, `(until 3)`, `(semver "1.2.3")`, `.emptystr`, `123456789.0`, `0.000001`)
)

func nums(n int) []pool {
	out := make([]pool, n)
	for i := range out {
		out[i] = numbers
	}
	return out
}

func functions() map[string]function {
	f := map[string]function{}
	same := func(spec function, names ...string) {
		for _, name := range names {
			f[name] = spec
		}
	}
	must := func(names []string, spec function) {
		for _, name := range names {
			f[name] = spec
			f["must"+string(name[0]-'a'+'A')+name[1:]] = spec
		}
	}

	// strings
	same(function{params: []pool{texts}}, "upper", "lower", "title", "untitle", "trim", "nospace", "initials", "swapcase",
		"snakecase", "camelcase", "kebabcase", "b64enc", "b32enc", "sha1sum", "sha256sum", "adler32sum", "regexQuoteMeta")
	f["camelcase"] = function{params: []pool{append(pool{`"some_words"`, `"_complex__case_"`, `"some words"`, `"a"`, `"_"`, `"__"`, `"a_"`, `"http-server ab"`, `"x-Y-z"`, `"été_là"`}, texts...)}}
	caseish := function{params: []pool{append(pool{`"FirstName"`, `"NoHTTPS"`, `"GO_PATH"`, `"GO PATH"`, `"http2xx"`, `"HTTP20xOK"`, `"Duration2m3s"`, `"Bld4Floor3rd"`, `"a1B2c3"`, `"ABC"`, `"Abc def"`, `"x_Y-Z 1"`, `"é1É2"`, `"_-_"`, `"A"`, `"1"`, `"a.b.C"`, `"foo!Bar?"`, `"①②x"`, `"世界Abc"`, `"a❤b"`, `"Ab12.3Cd"`, `"9Lives"`, `"X1"`, `"x12y_34Z"`}, texts...)}}
	same(caseish, "snakecase", "kebabcase")
	same(function{params: []pool{shorts, texts}}, "contains", "hasPrefix", "hasSuffix", "trimAll", "trimall", "trimPrefix", "trimSuffix", "splitList", "split")
	f["splitn"] = function{params: []pool{shorts, append(pool{`-1`}, count...), texts}, extra: []string{`{{ (splitn "," 2 "a,b,c")._1 }}`}}
	f["trunc"] = function{params: []pool{small, texts}}
	f["abbrev"] = function{params: []pool{append(pool{`4`, `6`, `8`, `20`}, small...), texts}}
	f["abbrevboth"] = function{params: []pool{small, append(pool{`4`, `6`, `8`, `20`}, small...), texts}, extra: []string{`{{ abbrevboth 5 10 "1234 5678 9123" }}`, `{{ abbrevboth 12 10 .text }}`, `{{ abbrevboth 5 7 .text }}`, `{{ abbrevboth 40 10 .text }}`, `{{ abbrevboth 0 3 .text }}`, `{{ abbrevboth -4 9 .text }}`, `{{ abbrevboth 1000 9 .text }}`}}
	f["substr"] = function{params: []pool{small, small, texts}, extra: []string{`{{ substr 0 5 .text }}`, `{{ substr -1 5 .text }}`, `{{ substr 3 -1 .text }}`, `{{ substr 5 3 .text }}`, `{{ substr 900 -1 .text }}`, `{{ substr -1 900 .text }}`, `{{ substr 4 900 .text }}`, `{{ substr 900 901 .text }}`}}
	f["repeat"] = function{params: []pool{count, shorts}}
	f["wrap"] = function{params: []pool{append(pool{`12`, `20`}, count...), append(pool{`.text`, `"a  b   c    d"`, `"http://a.very.long/url/here and more"`, `"   lead"`}, texts...)}}
	f["wrapWith"] = function{params: []pool{append(pool{`12`, `20`}, count...), pool{`""`, `"\n"`, `"\t"`, `"<br>"`, `"ü"`}, append(pool{`.text`, `"a  b   c    d"`, `"http://a.very.long/url/here and more"`}, texts...)}}
	f["indent"] = function{params: []pool{count, texts}}
	f["nindent"] = function{params: []pool{count, texts}}
	f["replace"] = function{params: []pool{shorts, shorts, texts}}
	f["plural"] = function{params: []pool{pool{`"one anchovy"`, `""`}, pool{`"many anchovies"`, `"x"`}, append(pool{`.int`, `(len .text)`}, small...)}}
	same(function{params: []pool{values, datas}}, "quote", "squote", "cat")
	f["cat"] = function{params: []pool{values, datas}, extra: []string{`{{ cat "%d" "100%" }}`, `{{ cat }}`, `{{ cat nil nil }}`, `{{ cat " a" "b " }}`}}
	f["quote"] = function{params: []pool{values, datas}, extra: []string{`{{ quote }}`, `{{ quote nil }}`, `{{ quote "\u00a0\ufeff\u200b\U0001F600\x7f" }}`, `{{ quote (fromJson "{") }}`}}
	f["shuffle"] = function{skipWrong: true, params: []pool{pool{`""`, `"a"`, `"aaa"`, `"üü"`}}, extra: []string{`{{ shuffle "abc" | len }}`, `{{ shuffle nil }}`, `{{ shuffle .nil }}`, `{{ shuffle 1 }}`, `{{ shuffle .list }}`, `{{ shuffle .dict }}`, `{{ shuffle true }}`, `{{ shuffle "zz" }}`, `{{ shuffle .uni | len }}`, `{{ contains "b" (shuffle "abc") }}`}}

	// conversion and numbers
	// Numbers exactly between the two shortest texts that read back.
	ties := []string{`{{ FUNC 875541101572080.25 }}`, `{{ FUNC 1135943218495917.25 }}`, `{{ FUNC -655352776537089.25 }}`, `{{ FUNC 655352776537089.75 }}`, `{{ FUNC 1e23 }}`, `{{ FUNC 5e-324 }}`, `{{ FUNC 1.7976931348623157e308 }}`, `{{ FUNC 9007199254740993.0 }}`, `{{ FUNC 0.1 }}`, `{{ FUNC 1e20 }}`, `{{ FUNC 123456789012345680000.0 }}`}
	of := func(templates []string, name string) []string {
		var out []string
		for _, t := range templates {
			out = append(out, strings.ReplaceAll(t, "FUNC", name))
		}
		return out
	}
	f["toString"] = function{params: []pool{datas}, extra: of(ties, "toString")}
	f["toStrings"] = function{params: []pool{append(append(pool{}, lists...), datas...)}}
	f["atoi"] = function{params: []pool{pool{`""`, `"1"`, `"-17"`, `"+4"`, `"abc"`, `"1.5"`, `"0x10"`, `"010"`, `" 7"`, `"9223372036854775807"`, `"9223372036854775808"`, `"-9223372036854775808"`, `"1_000"`, `"１"`, `"7 "`, `"--1"`, `.num`, `"00"`, `"-0"`, `"1e3"`}}}
	same(function{params: []pool{numbers}}, "int", "int64", "add1")
	same(function{params: []pool{append(append(pool{}, floats...), `.inf`, `.nan`, `"inf"`, `"NaN"`, `"-Infinity"`, `"1e400"`, `".5"`, `"5."`, `"0x10"`, `"+1"`, `.dur`, `.big`)}}, "float64", "ceil", "floor")
	f["toDecimal"] = function{params: []pool{pool{`"777"`, `777`, `"0777"`, `8`, `"abc"`, `""`, `-17`, `.nil`, `1.5`, `.yes`, `"0o17"`, `.list`, `"1_7"`, `0`, `.u8`, `"7777777777777777777777777"`, `" 7"`, `"+7"`, `.i32`, `10`}}}
	f["seq"] = function{params: []pool{pool{`0`, `1`, `5`, `-3`, `2`, `10`, `.int`, `.i64`, `1.0`}}, extra: []string{`{{ seq }}`, `{{ seq 0 2 10 }}`, `{{ seq 0 -2 -5 }}`, `{{ seq 5 1 0 }}`, `{{ seq 2 5 }}`, `{{ seq 5 2 }}`, `{{ seq 1 2 3 4 }}`, `{{ seq 0 0 5 }}`, `{{ seq 1 1 1 }}`, `{{ seq 3 3 }}`, `{{ seq 10 -3 1 }}`, `{{ seq 1 -1 5 }}`, `{{ seq 1 "x" }}`}}
	f["until"] = function{params: []pool{small}}
	f["untilStep"] = function{params: []pool{pool{`0`, `3`, `-4`, `10`}, pool{`0`, `9`, `-9`, `5`}, pool{`1`, `2`, `3`, `0`, `-1`, `-2`}}}
	same(function{params: nums(2), extra: []string{`{{ add }}`, `{{ add 1 }}`, `{{ add 1 2 3 4 }}`, `{{ mul 2 3 4 }}`, `{{ mul 5 }}`, `{{ max 1 5 2 }}`, `{{ min 4 }}`}}, "add", "sub", "mul", "max", "min", "biggest")
	same(function{params: []pool{numbers, pool{`1`, `3`, `-2`, `0`, `"7"`, `.u`, `"x"`, `.i32`}}, extra: []string{`{{ div -9223372036854775808 -1 }}`, `{{ mod -7 3 }}`, `{{ mod 7 -3 }}`, `{{ div 1 0 }}`}}, "div", "mod")
	f["randInt"] = function{params: []pool{pool{`0`, `5`, `-3`}, pool{`1`, `6`, `-2`}}, unstable: true, extra: []string{`{{ randInt 5 6 }}`, `{{ randInt 5 5 }}`, `{{ randInt 6 5 }}`, `{{ randInt -2 -1 }}`, `{{ randInt "a" 1 }}`, `{{ randInt 1 }}`, `{{ lt (randInt 0 10) 10 }}`, `{{ ge (randInt 3 10) 3 }}`, `{{ randInt }}`, `{{ randInt 1 2 3 }}`, `{{ randInt 1.0 2 }}`, `{{ randInt 1.5 2 }}`, `{{ randInt .i32 42 }}`, `{{ randInt .nil 2 }}`, `{{ randInt nil 2 }}`, `{{ randInt .int 8 }}`, `{{ randInt 0 1 | typeOf }}`, `{{ randInt 0 1 | add 5 }}`, `{{ 1 | randInt 0 }}`, `{{ randInt .missing 1 }}`}}
	f["add1f"] = function{params: []pool{append(pool{`.inf`, `.nan`}, floats...)}}
	decimal := function{params: []pool{floats, floats}, extra: []string{`{{ addf 0.1 0.2 }}`, `{{ addf 1.1 2.2 3.3 }}`, `{{ addf }}`, `{{ subf 7.5 2 3 }}`, `{{ divf 10 2 4 }}`, `{{ divf 10 3 }}`, `{{ divf 1 0 }}`, `{{ divf -1 3 }}`, `{{ divf 2 3 }}`, `{{ divf 1e-20 3 }}`, `{{ divf 1e300 7 }}`, `{{ mulf 1e300 1e300 }}`, `{{ mulf 1.1 1.1 }}`, `{{ mulf 5e-324 0.5 }}`, `{{ subf 1 }}`, `{{ addf .nan 1 }}`, `{{ addf 1 .inf }}`, `{{ divf 1e17 3 }}`, `{{ divf 0.00000000000000001 2 }}`, `{{ divf -0.00000000000000003 2 }}`}}
	same(decimal, "addf", "subf", "mulf", "divf")
	same(function{params: []pool{floats, append(pool{`.nan`, `.inf`, `"-0"`}, floats...)}, extra: []string{`{{ maxf 1 2 3.5 }}`, `{{ minf 1 2 -3.5 }}`, `{{ maxf 1 }}`, `{{ minf 0.0 "-0" }}`}}, "maxf", "minf")
	f["round"] = function{params: []pool{append(pool{`123.5555`, `2.345`, `-2.345`, `-0.5`, `0.5`, `1.005`, `"3.999"`}, floats...), pool{`0`, `1`, `2`, `3`, `-1`, `-2`, `10`, `400`}}, extra: []string{`{{ round 123.5555 3 0.4 }}`, `{{ round 10.55 1 0.6 }}`, `{{ round 5 0 1 }}`, `{{ round 5.5 0 .nan }}`, `{{ round .inf 1 }}`, `{{ round .nan 1 }}`, `{{ round 1e300 10 }}`, `{{ round 5.5 0 0.5 0.7 }}`, `{{ round 5.5 0 .i32 }}`}}

	// lists
	must([]string{"first", "rest", "last", "initial", "reverse", "uniq", "compact"}, function{params: []pool{lists}, extra: []string{}})
	same(function{params: []pool{lists}}, "sortAlpha")
	f["push"], f["mustPush"] = function{params: []pool{lists, values}}, function{params: []pool{lists, values}}
	must([]string{"append", "prepend"}, function{params: []pool{lists, values}})
	must([]string{"without"}, function{params: []pool{lists, pool{`1`, `"two"`, `"apple"`, `nil`, `3`, `""`, `1.0`, `(list 1 2)`}}, extra: []string{`{{ without .list "two" 1 }}`, `{{ without .list }}`, `{{ without .ints 3 1 }}`}})
	must([]string{"has"}, function{params: []pool{pool{`1`, `"two"`, `"apple"`, `nil`, `3`, `""`, `1.0`, `(list 1 2)`, `.i32`, `(dict "k" "v")`}, lists}, extra: []string{`{{ has 1 nil }}`, `{{ has 1 .nil }}`}})
	must([]string{"slice"}, function{params: []pool{lists, pool{`0`, `1`, `2`}, pool{`1`, `2`, `3`, `"2"`}}, extra: []string{`{{ slice .list }}`, `{{ slice .list 2 }}`, `{{ slice .list 1 90 }}`, `{{ slice .list 3 1 }}`, `{{ slice .list -1 }}`, `{{ slice .list 1 2 3 }}`, `{{ slice .emptylist 5 }}`, `{{ mustSlice .list 7 }}`, `{{ mustSlice .list 8 }}`, `{{ mustSlice .strs 1 3 | typeOf }}`, `{{ slice "text" 1 2 }}`}})
	must([]string{"chunk"}, function{params: []pool{pool{`1`, `2`, `3`, `10`}, lists}, extra: []string{`{{ chunk 0 .list }}`, `{{ chunk -1 .list }}`, `{{ chunk 2 .emptylist }}`, `{{ chunk -2 .emptylist }}`, `{{ chunk 2 .list | len }}`}})
	f["concat"] = function{params: []pool{lists, lists}, extra: []string{`{{ concat }}`, `{{ concat .list .strs .ints }}`, `{{ concat .nil }}`}}
	same(function{params: []pool{values, values}, extra: []string{`{{ list }}`, `{{ tuple }}`, `{{ list 1 2 3 | len }}`, `{{ index (list 1 "b") 1 }}`}}, "list", "tuple")
	source := f["list"]
	source.extra = append(source.extra, `{{ printf "%#v" (list .time .bytes .dur .winter) }}`, `{{ printf "%#v" .zerotime }} {{ printf "%#v" .bytes }}`, `{{ printf "%#v" (toDate "2006-01-02T15:04:05Z07:00" "2024-06-01T10:00:00+02:00") }}`)
	f["list"] = source
	f["join"] = function{params: []pool{shorts, append(append(pool{}, lists...), datas...)}}

	// dicts
	f["dict"] = function{params: []pool{keys, values}, extra: []string{`{{ dict }}`, `{{ dict "a" }}`, `{{ dict 1 2 "x" 3 }}`, `{{ dict "a" 1 "a" 2 }}`, `{{ dict .list 1 }}`, `{{ (dict "a" 1).b }}`, `{{ (dict "a" (dict "b" 2)).a.b }}`, `{{ dict nil 1 }}`}}
	f["get"] = function{params: []pool{dicts, keys}}
	f["hasKey"] = function{params: []pool{dicts, keys}}
	f["unset"] = function{params: []pool{dicts, keys}, extra: []string{`{{ $d := dict "a" 1 "b" 2 }}{{ $_ := unset $d "a" }}{{ $d }}`}}
	f["set"] = function{params: []pool{dicts, keys, values}, extra: []string{`{{ $d := dict "a" 1 }}{{ $_ := set $d "b" 2 }}{{ $d }}`, `{{ $d := dict }}{{ $e := $d }}{{ $_ := set $d "x" 1 }}{{ $e }}`, `{{ $d := dict "in" (dict "x" 1) }}{{ $_ := set $d.in "y" 2 }}{{ $d }}`, `{{ $d := dict }}{{ range list 1 2 }}{{ $_ := set $d (toString .) . }}{{ end }}{{ $d }}`, `{{ $l := list (dict "a" 1) }}{{ $_ := set (first $l) "a" 2 }}{{ $l }}`}}
	f["pluck"] = function{params: []pool{keys, dicts, dicts}, extra: []string{`{{ pluck "a" }}`}}
	f["keys"] = function{params: []pool{dicts, dicts}, wrap: "sortAlpha %s", extra: []string{`{{ keys }}`, `{{ keys .one | typeOf }}`, `{{ keys .one .one }}`}}
	f["values"] = function{params: []pool{dicts}, wrap: "sortAlpha %s", extra: []string{`{{ values .one }}`, `{{ values .one | typeOf }}`, `{{ values (dict "x" nil) }}`}}
	same(function{params: []pool{dicts, keys, keys}, extra: []string{`{{ pick .dict }}`, `{{ omit .one }}`, `{{ pick .dict "a" "a" }}`}}, "pick", "omit")
	merges := function{params: []pool{
		pool{`(dict)`, `(dict "a" 1)`, `(dict "a" "" "b" 2)`, `(dict "m" (dict "x" 1))`, `(dict "l" (list 1))`, `(dict "m" "text")`, `(dict "n" nil "z" 0)`, `(dict "l" (list))`},
		pool{`(dict)`, `(dict "a" 2 "c" 3)`, `(dict "m" (dict "x" 9 "y" 2))`, `(dict "l" (list 7 8))`, `(dict "m" 5)`, `(dict "n" 1 "z" 2)`, `(dict "a" nil)`, `(dict "a" "")`, `(dict "t" .time)`, `(dict "l" (dict "k" 1))`, `(dict "m" (list 1))`, `(dict "m" (dict))`, `(dict "l" (list))`}},
		extra: []string{
			`{{ $d := dict "a" 1 }}{{ $_ := merge $d (dict "b" 2) (dict "b" 3 "c" 4) }}{{ $d }}`,
			`{{ $s := dict "m" (dict "x" 1) }}{{ $d := merge (dict) $s }}{{ $_ := set $d.m "y" 2 }}{{ $s }}`,
			`{{ $d := mergeOverwrite (dict "a" 1) (dict "a" 2) (dict "a" 3) }}{{ $d }}`,
			`{{ merge (dict "a" (dict "b" (dict "c" 1))) (dict "a" (dict "b" (dict "d" 2) "e" 3)) }}`,
			`{{ mergeOverwrite (dict "a" (dict "b" (dict "c" 1))) (dict "a" (dict "b" (dict "c" 2) "e" 3)) }}`,
			`{{ mustMerge (dict "a" .labels) (dict "a" (dict "b" 1)) }}`,
			`{{ mustMergeOverwrite (dict "a" (dict "b" 1)) (dict "a" .labels) }}`,
			`{{ merge (dict) }}`, `{{ mustMerge (dict) .nil }}`, `{{ merge (dict "a" 1) .labels }}`, `{{ merge (dict) .nolabels }}`,
			`{{ mergeOverwrite (dict "a" 0) (dict "a" false) }}`, `{{ merge (dict "a" false) (dict "a" true) }}`,
			`{{ merge (dict "a" .time) (dict "a" .winter) }}`, `{{ mergeOverwrite (dict "a" .time) (dict "a" .winter) }}`,
			`{{ mustMergeOverwrite (dict "a" 5) (dict "a" (dict "x" 1)) }}`, `{{ mustMerge (dict "a" "s") (dict "a" (dict "x" 1)) }}`,
		}}
	must([]string{"merge", "mergeOverwrite"}, merges)
	f["dig"] = function{params: []pool{pool{`"a"`, `"c"`, `"zz"`, `"n"`}, pool{`"default"`, `nil`, `1`}, dicts}, extra: []string{`{{ dig }}`, `{{ dig "a" }}`, `{{ dig "c" "d" "e" "none" .dict }}`, `{{ dig "c" "d" "q" "none" .dict }}`, `{{ dig "a" "x" "none" .dict }}`, `{{ dig "n" "x" "none" .dict }}`, `{{ dig 1 "none" .dict }}`, `{{ dig "a" "none" "text" }}`, `{{ dig "app" "none" .labels }}`, `{{ dig "a" "none" .nil }}`, `{{ dig "k" "l" "none" (dict "k" .labels) }}`, `{{ dig .i32 "none" .dict }}`, `{{ dig "a" "x" "d" (dict "a" .list) }}`, `{{ dig "a" "x" "d" (dict "a" .time) }}`}}

	// defaults and reflection
	f["default"] = function{params: []pool{values, values}, extra: []string{`{{ default "x" .missing }}`, `{{ default "x" .labels.nope }}`, `{{ .missing | default "x" }}`, `{{ default "x" .zerotime }}`, `{{ default 1 0.0 }}`, `{{ default }}`, `{{ default 1 }}`}}
	f["empty"] = function{params: []pool{datas}}
	same(function{params: []pool{values, values}, extra: []string{`{{ coalesce }}`, `{{ all }}`, `{{ any }}`, `{{ coalesce 0 "" nil .missing 7 }}`, `{{ coalesce 0 "" }}`, `{{ all 1 "x" .list }}`, `{{ any 0 "" .emptylist }}`}}, "coalesce", "all", "any")
	f["ternary"] = function{params: []pool{values, values, pool{`true`, `false`, `.yes`, `.no`}}}
	// A copied version loses its fields in the original: they are private.
	copied := slices.DeleteFunc(slices.Clone(datas), func(value string) bool { return strings.HasPrefix(value, "(semver") })
	must([]string{"deepCopy"}, function{params: []pool{copied}, extra: []string{`{{ $d := dict "a" (dict "b" 1) }}{{ $c := deepCopy $d }}{{ $_ := set $c.a "b" 2 }}{{ $d }} {{ $c }}`}})
	same(function{params: []pool{datas}}, "typeOf", "kindOf")
	same(function{params: []pool{pool{`"string"`, `"int"`, `"map[string]interface {}"`, `"[]interface {}"`, `"float64"`, `"<nil>"`, `"slice"`, `"map"`, `"invalid"`, `"time.Time"`, `"struct"`}, datas}}, "typeIs", "typeIsLike", "kindIs")
	f["deepEqual"] = function{params: []pool{values, values}, extra: []string{`{{ deepEqual .list .list }}`, `{{ deepEqual 1 1 }}`, `{{ deepEqual 1 1.0 }}`, `{{ deepEqual .dict .dict }}`, `{{ deepEqual (list 1 (dict "a" 2)) (list 1 (dict "a" 2)) }}`, `{{ deepEqual nil nil }}`, `{{ deepEqual .nolabels .nolabels }}`, `{{ deepEqual .emptydict .nolabels }}`, `{{ deepEqual .nan .nan }}`, `{{ deepEqual .time .time }}`, `{{ deepEqual .emptylist (list) }}`}}
	f["fail"] = function{params: []pool{texts}}
	f["hello"] = function{extra: append([]string{`{{ hello }}`, `{{ hello | upper }}`, `{{ "x" | hello }}`}, composed("hello")...)}

	// JSON
	must([]string{"fromJson"}, function{params: []pool{jsons}, extra: []string{`{{ (fromJson "{\"a\":[1,2]}").a }}`, `{{ fromJson "1" | typeOf }}`, `{{ fromJson "[1]" | typeOf }}`, `{{ fromJson "1e21" }}`, `{{ fromJson "1234567" }}`, `{{ fromJson "{\"a\":1234567890123}" | toJson }}`}})
	must([]string{"toJson", "toPrettyJson", "toRawJson"}, function{params: []pool{datas}, extra: append(of(ties, "toJson"), `{{ toJson (dict "a" .nan) }}`, `{{ toRawJson .html }}`, `{{ mustToJson .inf }}`, `{{ toRawJson .nan }}`, `{{ mustToPrettyJson (list (dict) (list)) }}`, `{{ toPrettyJson (dict "b" (list 1 (dict "c" nil)) "a" "x") }}`, `{{ mustToJson (list 1e21 1e20 1e-6 1e-7 123456789.125 -0.0) }}`)})

	// regular expressions
	must([]string{"regexMatch", "regexFind"}, function{params: []pool{regexes, texts}, skipWrong: false})
	must([]string{"regexFindAll"}, function{params: []pool{regexes, texts, pool{`-1`, `1`, `2`, `0`}}})
	must([]string{"regexSplit"}, function{params: []pool{regexes, texts, pool{`-1`, `1`, `2`, `0`, `3`}}})
	must([]string{"regexReplaceAll", "regexReplaceAllLiteral"}, function{params: []pool{regexes, texts, repls}, extra: []string{`{{ regexReplaceAll "(\\w+) (\\w+)" "hello world" "$2 $1" }}`, `{{ regexReplaceAll "(?P<first>\\w)(?P<rest>\\w*)" .text "${rest}-$first" }}`, `{{ regexReplaceAll "x*" "abc" "-" }}`, `{{ regexReplaceAll "" "日本" "-" }}`, `{{ regexReplaceAll "(a)(b)?" "abac" "[$1|$2]" }}`, `{{ regexReplaceAll "\\Bo" .text "0" }}`}})

	// encoding
	f["b64dec"] = function{params: []pool{pool{`""`, `"aGVsbG8="`, `"aGVsbG8"`, `"aGVs\nbG8="`, `"!!!!"`, `"R3LDvMOfZQ=="`, `"aGVsbG8=="`, `"a"`, `"_-_-"`, `"YQ=="`, `"YR=="`, `"YWI="`, `" YQ=="`, `"YQ==YQ=="`, `"===="`, `"é"`, `"YWJj"`, `"YWJjZA"`, `"Y Q=="`, `"YQ=\n="`}}}
	f["b32dec"] = function{params: []pool{pool{`""`, `"NBSWY3DP"`, `"MFRGG==="`, `"MFRGG"`, `"mfrgg==="`, `"18======"`, `"ME======"`, `"MFRA===="`, `"M"`, `"MF"`, `"MFRGG===\n"`, `"MFRGG====="`, `"========"`, `"MFRGGZA="`, `"M1======"`, `"MZ======"`, `"NBSWY3DP\nNBSWY3DP"`, `"é"`, `"MFRGGZDF"`, `"NBSWY3DPEB3W64TMMQ======"`}}}

	// paths, URLs, versions
	same(function{params: []pool{paths}}, "base", "dir", "clean", "ext", "isAbs", "osBase", "osClean", "osDir", "osExt", "osIsAbs")
	f["urlParse"] = function{params: []pool{urls}, extra: []string{`{{ urlParse "http://u:p:qh/" }}`, `{{ urlParse "http://a:b:80/" }}`, `{{ urlParse "https://.::1]:80/" }}`, `{{ (urlParse "http://a:1/b").hostname }}`, `{{ urlParse "http://u:p@h/p?q#f" | urlJoin }}`}}
	f["urlJoin"] = function{params: []pool{pool{
		`(dict "scheme" "http" "host" "h:80" "path" "/p" "query" "q=1" "fragment" "f" "userinfo" "u:p")`, `(dict)`, `(dict "host" "h")`, `(dict "path" "a b")`, `(dict "path" "a:b")`, `(dict "scheme" "mailto" "opaque" "x@y")`, `(dict "host" "h" "path" "p")`, `(dict "scheme" "http" "path" "//p")`, `(dict "userinfo" "a b" "host" "h")`, `(dict "userinfo" "u:p%20q" "host" "h" "scheme" "s")`, `(dict "userinfo" "u%zz")`, `(dict "path" 1)`, `(dict "scheme" nil)`, `(dict "fragment" "a b#")`, `(dict "query" "a b&ü")`, `(dict "host" "h%ü[")`, `(dict "path" "/ü?#%")`, `(dict "scheme" "s" "host" "" "path" "/x")`, `(dict "host" "[::1]:80" "scheme" "http")`, `(urlParse "http://u:p@h:1/p%2Fq?x#y")`, `(dict "path" "//x" "host" "")`, `(dict "path" "*")`, `(dict "userinfo" "x" "path" "y")`, `(dict "query" .list)`, `(dict "scheme" "http" "opaque" "//h/p" "userinfo" "u")`}}}
	f["semver"] = function{params: []pool{semvers}, extra: []string{`{{ (semver "1.2.3-b.1+m").Prerelease }}`, `{{ (semver "1.2.3-b.1+m").Metadata }}`, `{{ (semver "v1.2.3").Major }}`, `{{ (semver "v1.2").Original }}`, `{{ (semver "1.2.3").Minor }} {{ (semver "1.2.3").Patch }}`, `{{ (semver "1.2.3").Compare (semver "1.2.4") }}`, `{{ semver "1.2.3" | toJson }}`, `{{ (semver "1.2.3").IncPatch }}`, `{{ (semver "1.2.3").LessThan (semver "1.3") }}`, `{{ (semver "1.2.3").nope }}`}}
	f["semverCompare"] = function{params: []pool{ranges, semvers}, extra: semverExtra()}

	// dates
	f["date"] = function{params: []pool{layouts, dates}, skipWrong: true, extra: []string{`{{ date "2006" "x" | len }}`, `{{ date "2006" now | len }}`, `{{ date 1 .time }}`, `{{ .time | date "15:04" }}`, `{{ date "2006" .u64 | len }}`}}
	same(function{params: []pool{layouts, dates, zones}, skipWrong: true, extra: []string{`{{ dateInZone "15:04 MST" .time "Etc/GMT+5" }}`, `{{ dateInZone "15:04 MST -0700" .winter "Australia/Lord_Howe" }}`, `{{ dateInZone "15:04 MST" .time "Asia/Kathmandu" }}`, `{{ dateInZone "15:04 MST" .time "America/Sao_Paulo" }}`, `{{ dateInZone "2006" .nil "UTC" | len }}`, `{{ dateInZone "2006" .time 1 }}`}}, "dateInZone", "date_in_zone")
	f["htmlDate"] = function{params: []pool{append(pool{`1717236000`, `86399`, `86400`, `-86400`, `1e9`, `253402200000`, `951782400`, `4102444800`, `-62135596800`, `(toDate "2006-01-02" "2020-02-29")`}, dates...)}, skipWrong: true}
	f["htmlDateInZone"] = function{params: []pool{dates, zones}, skipWrong: true}
	same(function{params: []pool{spans, times}}, "dateModify", "date_modify", "mustDateModify", "must_date_modify")
	f["ago"] = function{unstable: true, params: nil, extra: []string{`{{ ago now }}`, `{{ ago "x" }}`, `{{ ago nil }}`, `{{ ago .zerotime }}`, `{{ ago .i32 | len }}`, `{{ ago (now | dateModify "-90s") }}`, `{{ ago (now | dateModify "-100h") }}`, `{{ ago (now | dateModify "36h") }}`, `{{ ago .f }}`, `{{ ago }}`, `{{ ago 1 2 }}`, `{{ now | ago }}`, `{{ ago .list }}`, `{{ ago .dict }}`, `{{ ago .missing }}`, `{{ ago (now | dateModify "-1h1m1s") }}`, `{{ ago .yes }}`, `{{ ago .u64 }}`, `{{ ago .dur }}`, `{{ ago (now | dateModify "-59s") }}`}}
	f["now"] = function{unstable: true, params: nil, extra: []string{`{{ now | typeOf }}`, `{{ now | kindOf }}`, `{{ now.IsZero }}`, `{{ gt now.Unix 1700000000 }}`, `{{ now 1 }}`, `{{ now | unixEpoch | len }}`, `{{ (now | dateModify "1h").After now }}`, `{{ now | date "2006" | len }}`, `{{ now | htmlDate | len }}`, `{{ empty now }}`, `{{ "x" | now }}`, `{{ now now }}`, `{{ now nil }}`, `{{ kindIs "struct" now }}`, `{{ typeIs "time.Time" now }}`, `{{ default 1 now | typeOf }}`, `{{ now.Nope }}`, `{{ now.UTC.Unix | lt 1700000000 }}`, `{{ now.Year | le 2024 }}`, `{{ if now }}yes{{ end }}`, `{{ now | toJson | hasPrefix "\"" }}`, `{{ trunc 3 now }}`}}
	f["duration"] = function{params: []pool{pool{`"0"`, `"1"`, `"60"`, `"3600"`, `"95"`, `"-5"`, `"x"`, `""`, `95`, `.i64`, `.i32`, `.int`, `"86400"`, `"1.5"`, `(int64 90)`, `(int64 -3661)`, `(int64 0)`, `.dur`, `"9223372036854775807"`, `"0x10"`, `(int64 .big)`}}}
	f["durationRound"] = function{params: []pool{pool{`"2h10m5s"`, `"2400h10m5s"`, `"45s"`, `"1s"`, `"1.5s"`, `"500ms"`, `""`, `"x"`, `"-3h"`, `"8761h"`, `"721h"`, `"24h"`, `"25h"`, `"60s"`, `"61s"`, `(int64 5000000000)`, `.dur`, `5`, `.i64`, `"99999h"`, `.nil`, `(int64 -9223372036854775808)`}}, extra: []string{`{{ durationRound (now | dateModify "-3h") }}`, `{{ durationRound .winter | hasSuffix "y" }}`}, skipWrong: true}
	f["toDate"] = function{params: []pool{pool{`"2006-01-02"`, `"2006-01-02 15:04:05"`, `"02 Jan 06 15:04 MST"`, `"2006-01-02T15:04:05Z07:00"`, `"3:04PM"`}, pool{`"2024-02-29"`, `"2023-02-29"`, `"2024-06-01 10:04:05"`, `"01 Jun 24 10:00 UTC"`, `"2024-06-01T10:00:00+02:00"`, `"2024-06-01T10:00:00Z"`, `"7:15PM"`, `""`, `"x"`, `"2024-13-01"`, `"2024-06-01x"`}}, extra: dateExtra("toDate")}
	f["mustToDate"] = function{params: f["toDate"].params, extra: dateExtra("mustToDate")}
	f["unixEpoch"] = function{params: []pool{append(pool{`(toDate "2006" "1969")`, `(dateModify "1.9s" .time)`, `(dateModify "-999999h" .time)`}, times...)}, extra: []string{`{{ unixEpoch now | len }}`}}

	// environment
	f["env"] = function{params: []pool{pool{`"GREETING"`, `"EMPTY"`, `"NOPE"`, `"UNI_1"`, `""`, `"A=B"`, `"greeting"`, `"GREETING "`, `"$GREETING"`, `"TZ"`}}}
	f["expandenv"] = function{params: []pool{pool{`"$GREETING"`, `"${GREETING}!"`, `"$NOPE."`, `"$$"`, `"$"`, `"a$"`, `"${"`, `"${}"`, `"${GREETING"`, `"$1 $* $@ $-"`, `"$GREETINGx"`, `"${UNI_1}ü$UNI_1"`, `""`, `"plain"`, `"$ü"`, `"${GREETING}${NOPE}$EMPTY|"`, `"$.x"`, `"$GREETING$GREETING"`, `"${ x}"`, `"\\$GREETING"`}}}
	f["getHostByName"] = function{unstable: true, extra: []string{`{{ getHostByName }}`, `{{ getHostByName 1 }}`, `{{ getHostByName "127.0.0.1" }}`, `{{ getHostByName "::1" }}`, `{{ getHostByName "a.invalid" }}`, `{{ getHostByName "" }}`, `{{ getHostByName nil }}`, `{{ getHostByName "1.2.3.4" "x" }}`, `{{ getHostByName .list }}`, `{{ "10.0.0.1" | getHostByName }}`, `{{ getHostByName "fe80::1" | len }}`, `{{ getHostByName .missing }}`, `{{ getHostByName "127.0.0.1" | typeOf }}`, `{{ getHostByName .nil }}`, `{{ getHostByName true }}`, `{{ getHostByName .dict }}`, `{{ getHostByName 1.5 }}`, `{{ getHostByName .bytes }}`, `{{ getHostByName .time }}`, `{{ getHostByName "::ffff:1.2.3.4" | len | lt 6 }}`, `{{ getHostByName "0.0.0.0" }}`}}

	cryptoFunctions(f)
	return f
}

// composed uses a function without parameters inside of others.
func composed(name string) []string {
	var out []string
	for _, t := range []string{`{{ NAME | typeOf }}`, `{{ NAME | kindOf }}`, `{{ NAME | len }}`, `{{ NAME 1 }}`, `{{ NAME nil }}`, `{{ NAME .list }}`, `{{ NAME "a" "b" }}`, `{{ NAME NAME }}`, `{{ empty NAME }}`, `{{ default "x" NAME | len }}`, `{{ list NAME | len }}`, `{{ if NAME }}yes{{ end }}`, `{{ with NAME }}{{ . | len }}{{ end }}`, `{{ $x := NAME }}{{ eq $x $x }}`, `{{ NAME.Field }}`, `{{ printf "%T" NAME }}`, `{{ NAME | toString | kindIs "string" }}`, `{{ toJson NAME | len }}`, `{{ add NAME 1 }}`, `{{ index NAME "k" }}`, `{{ .list | NAME }}`} {
		out = append(out, strings.ReplaceAll(t, "NAME", name))
	}
	return out
}

// dateExtra are parses of every element of a layout.
func dateExtra(name string) []string {
	var out []string
	for _, pair := range [][2]string{
		{"Mon Jan _2 15:04:05 2006", "Sat Jun  1 10:04:05 2024"}, {"Monday, 02-Jan-06 15:04:05 MST", "Saturday, 01-Jun-24 10:04:05 CEST"},
		{"2006-01-02T15:04:05.999999999Z07:00", "2024-06-01T10:04:05.123Z"}, {"2006-01-02T15:04:05Z07:00", "2024-06-01T10:04:05.5-03:30"},
		{"2006-002", "2024-366"}, {"2006-002", "2023-366"}, {"15:04:05.000", "10:04:05.12"}, {"03PM", "12am"}, {"3pm", "13pm"}, {"-0700", "+0530"}, {"-07:00:00", "+05:30:15"},
		{"Z0700", "Z"}, {"Jan 2 2006", "jun 1 2024"}, {"January 2 2006", "JUNE 31 2024"}, {"Mon 2006", "Foo 2024"}, {"06", "69"}, {"06", "68"}, {"2006", "20240"}, {"2006", "99"}, {"15", "24"}, {"04", "60"}, {"05", "60"},
		{"2006-01-02 MST", "2024-06-01 GMT+3"}, {"2006-01-02 MST", "2024-06-01 xyz"}, {"2006-01-02 MST", "2024-06-01 PDT"}, {"1/2/2006", "6/1/2024"}, {"_2 Jan", "31 Feb"}, {"2006-01-02", " 2024-06-01"}, {"15:04:05,000", "10:04:05,123"}, {"2006 01", "2024  01"}, {"-0700", "+0x99"}, {"-0700", "+2599"}, {"-07:00:00", "+25:61:61"}, {"-07:00", "*01:00"}, {"-07", "-2"},
	} {
		out = append(out, "{{ "+name+" "+quoted(pair[0])+" "+quoted(pair[1])+" }}")
	}
	return out
}

func quoted(s string) string { return "`" + s + "`" }

// semverExtra checks every range against versions around it.
func semverExtra() []string {
	var out []string
	for _, r := range ranges {
		for _, v := range []string{"1.2.3", "1.2.4", "1.3.0", "2.0.0", "0.2.4", "0.0.3", "1.2.3-beta.3"} {
			out = append(out, `{{ semverCompare `+r+` "`+v+`" }}`)
		}
	}
	return out
}
