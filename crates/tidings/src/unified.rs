//! Two texts that should be one, as a unified diff.

use similar::TextDiff;

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// What must change in `old`, named first, to become `new`; JSON is laid out, so that lines are short.
pub(crate) fn diff(
    (old_name, old): (&str, &str),
    (new_name, new): (&str, &str),
    color: bool,
) -> String {
    let (old, new) = laid_out(old, new);
    let diff = TextDiff::from_lines(&*old, &*new);
    let text = diff.unified_diff().context_radius(2).header(old_name, new_name).to_string();
    let paint = |line: &str| {
        let color = match line.as_bytes().first() {
            Some(b'-') if color => RED,
            Some(b'+') if color => GREEN,
            Some(b'@') if color => CYAN,
            _ => return format!("{line}\n"),
        };
        format!("{color}{line}{RESET}\n")
    };
    text.lines().map(paint).collect()
}

/// Both as pretty JSON, if that shows the difference; else as they are. Each line has an end, so that a missing one
/// is no difference.
fn laid_out(old: &str, new: &str) -> (String, String) {
    let pretty = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        (value.is_object() || value.is_array()).then(|| format!("{value:#}\n"))
    };
    let ended = |text: &str| match text {
        "" => String::new(),
        _ => format!("{}\n", text.strip_suffix('\n').unwrap_or(text)),
    };
    match (pretty(old), pretty(new)) {
        (Some(old), Some(new)) if old != new => (old, new),
        _ => (ended(old), ended(new)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, color: bool, expected: &str) {
        assert_eq!(diff(("theirs", old), ("ours", new), color), expected);
    }

    #[test]
    fn json_is_laid_out_and_only_what_differs_is_shown() {
        check(
            r#"{"a":1,"b":null,"c":[1,2]}"#,
            "{\"a\":1,\"b\":7,\"c\":[1,2]}\n",
            false,
            "--- theirs\n+++ ours\n@@ -1,5 +1,5 @@\n {\n   \"a\": 1,\n-  \"b\": null,\n+  \"b\": 7,\n   \"c\": [\n     1,\n",
        );
    }

    #[test]
    fn json_in_another_order_is_shown_as_it_is() {
        check(
            r#"{"a":1,"b":2}"#,
            r#"{"b":2,"a":1}"#,
            true,
            "\x1b[31m--- theirs\x1b[0m\n\x1b[32m+++ ours\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n\
             \x1b[31m-{\"a\":1,\"b\":2}\x1b[0m\n\x1b[32m+{\"b\":2,\"a\":1}\x1b[0m\n",
        );
    }

    #[test]
    fn a_missing_line_end_is_no_difference() {
        check("a\nb", "a\nb\n", false, "");
        check("", "a", false, "--- theirs\n+++ ours\n@@ -0,0 +1 @@\n+a\n");
    }
}
