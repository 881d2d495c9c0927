use proptest::prelude::*;

use crate::{Pattern, Place, Regex, go};

/// One row of `go_regexp.tsv`.
struct Verdict {
    says: &'static str,
    pattern: String,
    /// What is searched, or the error.
    text: String,
}

fn go_verdicts() -> impl Iterator<Item = Verdict> {
    let lines = include_str!("go_regexp.tsv").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with("# ")).map(|line| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().expect("three columns");
        let (says, pattern, text) = (next(), unescape(next()), unescape(next()));
        Verdict { says, pattern, text }
    })
}

fn unescape(column: &str) -> String {
    let mut out = String::new();
    let mut chars = column.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('u') => {
                let digits: String = chars.by_ref().take_while(|c| *c != '}').skip(1).collect();
                let point = u32::from_str_radix(&digits, 16).unwrap();
                out.push(char::from_u32(point).unwrap());
            }
            other => out.extend(other),
        }
    }
    out
}

fn matches(pattern: &str, text: &str) -> bool {
    Pattern::compile(pattern).unwrap().is_match(text)
}

#[test]
fn every_pattern_is_accepted_rejected_and_matched_as_in_go() {
    let mut rows = 0;
    for Verdict { says, pattern, text } in go_verdicts() {
        let ours = match Pattern::compile(&pattern) {
            Err(why) => {
                assert_eq!(why.to_string(), text, "{pattern:?}");
                "err"
            }
            Ok(compiled) if compiled.is_match(&text) => "yes",
            Ok(_) => "no",
        };
        assert_eq!(ours, says, "{pattern:?} on {text:?}");
        rows += 1;
    }
    assert!(rows > 500, "{rows} rows");
}

#[test]
fn the_patterns_of_most_rules_are_plain_words() {
    let place = |pattern: &str| match Pattern::compile(pattern).unwrap() {
        Pattern::Words(place, words) => Some((place, words.len())),
        _ => None,
    };
    assert_eq!(place("Warning"), Some((Place::Anywhere, 1)));
    assert_eq!(place(".*test.*"), Some((Place::Anywhere, 1)));
    assert_eq!(place("Pod|Deployment|ReplicaSet"), Some((Place::Anywhere, 3)));
    assert_eq!(place("^kube-(system|public)$"), Some((Place::Whole, 2)));
    assert_eq!(place("^kube-"), Some((Place::Start, 1)));
    assert_eq!(place("^kube-.*"), Some((Place::Start, 1)));
    assert_eq!(place(r"\.zone$"), Some((Place::End, 1)));
    assert_eq!(place(".*"), Some((Place::Anywhere, 1)));
    assert_eq!(place("^kube-.*-system$"), None);
    assert_eq!(place(r"\bkube\b"), None);
    assert_eq!(place("(?i)warning"), None);
}

#[test]
fn scripts_with_an_underscore_are_known_as_they_were_before_go_1_25() {
    assert!(matches(r"\p{Old_Italic}", "\u{10300}"));
    assert!(Pattern::compile(r"\p{olditalic}").is_err());
}

#[test]
fn a_pattern_may_be_nested_deeply_but_not_endlessly() {
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(matches(&nested(100), "a"));
    let error = Pattern::compile(&nested(100_000)).unwrap_err();
    assert!(error.to_string().starts_with("too large or too deeply nested"));
    assert!(Pattern::compile(r"\pL{1000}").is_err());
}

#[test]
fn an_invalid_pattern_comes_with_a_proposal() {
    let hint = |pattern: &str| Pattern::compile(pattern).unwrap_err().hint(pattern);
    let check = |pattern: &str, expected: &str| {
        assert_eq!(hint(pattern).as_deref(), Some(expected), "{pattern}");
    };
    check("*test*", "this is a regex and no glob: write `.*test.*`, or just `test`");
    check("*.log", r"this is a regex and no glob: write `.*\.log$`, or just `\.log$`");
    check("*a*b*", "this is a regex and no glob: write `.*a.*b.*`, or just `a.*b`");
    check("*", "write `.*`, or leave the condition out, to match everything");
    check("+x", r"write what is to be repeated before the operator, or `\*` for the character");
    check("a**", "write one repetition operator, or put the first into parentheses");
    check("a{1001}", "a repetition is `{min,max}`, at most 1000, nested ones multiplied");
    check("(a", r"close the parenthesis, or write `\(` for the character");
    check("a)", r"write `\)` for the character");
    check("[a", r"close the bracket, or write `\[` for the character");
    check("[z-a]", "write the lower end of the range first");
    check("[[:foo:]]", "name a class such as `[:alpha:]`");
    check(r"\p{Foo}", r"name a Unicode category or script, such as `\p{L}` or `\p{Greek}`");
    check(r"(a)\1", "there are no back-references; write out what must repeat");
    check(r"\u00e9", r"write a code point as `\x{e9}`");
    check(r"\xg", r"write two hexadecimal digits, or `\x{e9}`");
    check(r"a\Z", "write `$` for the end of the text");
    check(r"[\b]", "inside of brackets this has no meaning, or no place in a range");
    check(r"\q", "leave out the backslash to match the letter");
    check(r"a\", r"write `\\` for the character");
    check("^(?!kube)", "there is no look-around; to exclude something, write a `drop` rule");
    check("(?P<é>a)", "a name is made of letters, digits and `_`, as in `(?P<name>…)`");
    check("(?x)a", "groups are `(…)`, `(?:…)`, `(?P<name>…)` and `(?i)` with the flags i, m, s, U");
    check(r"\pL{1000}", "split the pattern over several rules");
}

fn regex(pattern: &str) -> Regex {
    Regex::compile(pattern).unwrap()
}

#[test]
fn the_leftmost_match_is_the_first_alternative_or_the_laziest_if_asked() {
    assert_eq!(regex("ab?|abc").find("xabc"), Some("ab"));
    assert_eq!(regex("a+?").find("aaa"), Some("a"));
    assert_eq!(regex("(?U)a+").find("aaa"), Some("a"));
    assert_eq!(regex("(?U)a+?").find("aaa"), Some("aaa"));
    assert_eq!(regex("(?U:a+)a*").find("aaa"), Some("aaa"));
    assert_eq!(regex("z").find("aaa"), None);
}

#[test]
fn an_empty_match_next_to_a_match_is_none() {
    let all = |pattern: &str, text: &'static str, limit| {
        regex(pattern).find_all(text, limit).collect::<Vec<_>>()
    };
    assert_eq!(all("x*", "axxb", None), ["", "xx", ""]);
    assert_eq!(all("x*", "axxb", Some(2)), ["", "xx"]);
    assert_eq!(all("", "é", None), ["", ""]);
    assert!(all("a", "aaa", Some(0)).is_empty());
}

#[test]
fn a_text_is_split_as_in_go() {
    let split = |pattern: &str, text: &'static str, limit| regex(pattern).split(text, limit);
    assert_eq!(split("a", "banana", None), ["b", "n", "n", ""]);
    assert_eq!(split("a", "banana", Some(2)), ["b", "nana"]);
    assert_eq!(split("a", "banana", Some(1)), ["banana"]);
    assert!(split("a", "banana", Some(0)).is_empty());
    assert_eq!(split("z+", "pizza", None), ["pi", "a"]);
    assert_eq!(split("", "héy", None), ["h", "é", "y"]);
    assert_eq!(split("a", "", None), [""]);
    assert!(split("", "", None).is_empty());
}

#[test]
fn a_replacement_names_groups_as_in_go() {
    let replace =
        |pattern: &str, text, with: &str| regex(pattern).replace_all(text, with).into_owned();
    let two = r"(?P<first>\w+) (?P<second>\w+)";
    assert_eq!(replace(two, "hello world", "$second ${first}s"), "world hellos");
    assert_eq!(replace(two, "hello world", "$2_$1"), "hello");
    assert_eq!(replace(two, "hello world", "${2}_$1|$0|$3|$x"), "world_hello|hello world||");
    assert_eq!(replace("l", "hello", "$$ $ ${ ${} $01"), "he$ $ ${ ${} $ $ ${ ${} o");
    assert_eq!(replace("(a)|(b)", "ab", "[$1$2]"), "[a][b]");
    assert_eq!(replace("(?P<n>a)|(?P<n>b)", "ab", "[$n]"), "[a][b]");
    assert_eq!(replace("x*", "abc", "-"), "-a-b-c-");
    assert_eq!(regex("l").replace_all_literal("hello", "$0"), "he$0$0o");
}

/// Pieces of patterns, valid and not.
fn pattern_like() -> impl Strategy<Value = String> {
    let pieces = go_verdicts().map(|row| row.pattern).collect::<Vec<_>>();
    let piece = prop_oneof![prop::sample::select(pieces), r"[a-cK\\()\[\]{}^$.|*+?:,0-9 é-]{1,3}"];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_pattern_makes_us_panic(pattern in prop_oneof![any::<String>(), pattern_like()]) {
        drop(Pattern::compile(&pattern));
    }

    #[test]
    fn both_forms_find_a_match_in_the_same_texts(pattern in pattern_like(), text in "[a-cK \n]{0,6}") {
        // A text with characters of several bytes could have `\\B` inside of one.
        if let (Ok(whether), Ok(place)) = (Pattern::compile(&pattern), Regex::compile(&pattern)) {
            prop_assert_eq!(whether.is_match(&text), place.is_match(&text), "{}", pattern);
        }
    }

    #[test]
    fn an_escaped_text_is_found_where_the_text_is(word in ".{0,6}", text in ".{0,12}", at in 0usize..12) {
        let mut holds_word = text.clone();
        let at = text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
        holds_word.insert_str(at, &word);
        let escaped = regex::escape(&word);
        prop_assert!(matches(&escaped, &holds_word));
        prop_assert_eq!(matches(&escaped, &text), text.contains(&word));
        prop_assert_eq!(matches(&format!("^{escaped}$"), &text), text == word);
        if !word.contains(r"\E") {
            prop_assert_eq!(matches(&format!(r"\Q{word}"), &text), text.contains(&word));
        }
    }

    #[test]
    fn the_shortcut_for_words_finds_what_the_regex_finds(
        pattern in r"\^?(\.\*)?(\(?[ab]{0,2}(\|[abK]{1,2}){0,3}\)?)?[ab]{0,2}(c\*|\.\*)?\$?",
        text in "[abcK\n]{0,5}",
    ) {
        let Ok(translated) = go::translate(&pattern, go::Keep::Matches) else { return Ok(()) };
        let regex = regex::Regex::new(&translated.regex).unwrap();
        prop_assert_eq!(matches(&pattern, &text), regex.is_match(&text), "{}", pattern);
    }
}
