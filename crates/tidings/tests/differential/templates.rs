//! Templates made up from pieces: every field, builtins and functions in all the places where they can
//! stand, right and wrong. What is printed must be the same, and so must the error.

use event::AnySink;
use playground::random::Random;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::kinds;

use super::{
    events::Events,
    loading::context,
    oracle::Oracle,
    tally::{Subject, Table, same_but_addresses},
};

/// So many are made up.
const MADE_UP: usize = 3_000;

/// So many at a time: the answers are long.
const CHUNK: usize = 50;

/// What our error ends with where Go has years of more than four digits.
const OUT_OF_YEARS: &str = "a time outside of the years -9999 to 9999";

/// What data there is, and some that there is not.
const FIELDS: &[&str] = &[
    ".",
    ".ClusterName",
    ".Name",
    ".GenerateName",
    ".Namespace",
    ".UID",
    ".ResourceVersion",
    ".SelfLink",
    ".Generation",
    ".CreationTimestamp",
    ".DeletionTimestamp",
    ".Labels",
    ".Annotations",
    ".OwnerReferences",
    ".Finalizers",
    ".Kind",
    ".APIVersion",
    ".Reason",
    ".Message",
    ".Type",
    ".Action",
    ".ReportingController",
    ".ReportingInstance",
    ".Count",
    ".Source",
    ".Source.Component",
    ".Source.Host",
    ".FirstTimestamp",
    ".LastTimestamp",
    ".EventTime",
    ".FirstTimestamp.Time",
    ".EventTime.Time",
    ".FirstTimestamp.Unix",
    ".LastTimestamp.IsZero",
    ".Series",
    ".Series.Count",
    ".Related",
    ".Related.Kind",
    ".InvolvedObject",
    ".InvolvedObject.Kind",
    ".InvolvedObject.Namespace",
    ".InvolvedObject.Name",
    ".InvolvedObject.UID",
    ".InvolvedObject.APIVersion",
    ".InvolvedObject.ResourceVersion",
    ".InvolvedObject.FieldPath",
    ".InvolvedObject.Labels",
    ".InvolvedObject.Labels.app",
    ".InvolvedObject.Labels.nosuch",
    ".InvolvedObject.Annotations",
    ".InvolvedObject.OwnerReferences",
    ".InvolvedObject.Deleted",
    ".GetTimestampMs",
    ".GetTimestampISO8601",
    ".GetName",
    ".GetNamespace",
    ".GetLabels",
    ".GetUID",
    ".DeDot",
    ".DeDot.Labels",
    ".ObjectMeta",
    ".ObjectMeta.Name",
    ".TypeMeta",
    ".Nothing",
    ".clusterName",
    ".InvolvedObject.labels",
    ".Source.Nothing",
    ".Reason.Length",
    ".Count.x",
    ".Metadata",
    "\"text\"",
    "\"\"",
    "3",
    "0",
    "-1",
    "1.5",
    "true",
    "false",
    "nil",
    "'a'",
    "(len .Reason)",
    "(index .Labels \"a.b\")",
    "$",
    "$.Reason",
    "$x",
];

/// Numbers: Go 1.24 and newer range over them, up to 1 700 000 000 000; the original's Go did not.
const NUMBERS: &[&str] = &[
    ".Generation",
    ".Count",
    ".Series.Count",
    ".FirstTimestamp.Unix",
    ".GetTimestampMs",
    "3",
    "0",
    "-1",
    "1.5",
    "(len .Reason)",
    "'a'",
];

/// Functions of one argument that print the same at every call.
const FUNCTIONS: &[&str] = &[
    "upper",
    "lower",
    "quote",
    "squote",
    "trim",
    "title",
    "toString",
    "len",
    "not",
    "print",
    "println",
    "html",
    "js",
    "urlquery",
    "toJson",
    "toPrettyJson",
    "toRawJson",
    "default \"d\"",
    "printf \"%v\"",
    "printf \"%s\"",
    "printf \"%d\"",
    "printf \"%q\"",
    "printf \"%T\"",
    "printf \"%5.2f\"",
    "printf \"%x\"",
    "printf \"%+v\"",
    "printf \"%t\"",
    "kindOf",
    "typeOf",
    "empty",
    "int",
    "int64",
    "float64",
    "b64enc",
    "sha256sum",
    "first",
    "last",
    "sortAlpha",
    "join \",\"",
    "trunc 5",
    "trunc -3",
    "nindent 2",
    "replace \"a\" \"b\"",
    "contains \"a\"",
    "hasPrefix \"a\"",
    "splitList \"-\"",
    "add 1",
    "mul 1000000",
    "eq 3",
    "eq \"Pod\"",
    "ne 0",
    "lt 2",
    "ge 1.5",
    "index",
    "slice",
    "and 1",
    "or 0",
    "coalesce nil",
    "ternary \"a\" \"b\"",
    "dict \"k\"",
    "list 1",
    "has \"a\"",
    "get",
    "date \"2006-01-02\"",
    "unixEpoch",
    "regexMatch \"^a\"",
    "abbrev 10",
    "nosuchfunction",
];

/// Their answer for one event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Theirs {
    text: String,
    error: String,
}

/// Compares all of them on the made-up events and some real ones.
pub(crate) fn compare(
    oracle: &mut Oracle,
    events: &Events,
    seed: u64,
    table: &mut Table,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kind = kinds::find("stdout").expect("stdout is always built in");
    let mut printed = Subject::new("made-up templates");
    let mut failed = Subject::new("errors of templates");
    let mut random = Random::new(seed);
    let templates: Vec<_> = (0..MADE_UP).map(|_| template(&mut random)).collect();
    let step = (events.first_played / 60).max(1);
    let numbers: Vec<_> = (0..events.first_played).step_by(step).collect();
    for templates in templates.chunks(CHUNK) {
        let question = json!({
            "op": "template", "texts": templates, "cluster": "prod", "to": events.first_played, "step": step,
        });
        let theirs: Vec<Theirs> = oracle.know(&question)?;
        for (template, theirs) in templates.iter().zip(theirs.chunks(numbers.len())) {
            let settings = json!({"layout": {"text": template}});
            printed.about(format!("{template:?}, "));
            failed.about(format!("{template:?}, "));
            let sink = runtime.block_on((kind.connect)(settings, context()));
            for (number, theirs) in numbers.iter().zip(theirs) {
                if events.odd_times.contains(number) || theirs.is_unread() {
                    continue;
                }
                let ours = sink.as_ref().map_err(ToString::to_string);
                let ours = ours.and_then(|sink| render(sink, events, *number));
                let place = || format!("event {number}");
                match (ours, theirs.error.is_empty()) {
                    (Ok(ours), true)
                        if ours != theirs.text && same_but_addresses(&theirs.text, &ours) =>
                    {
                        printed.allowed("D71");
                    }
                    (Ok(ours), true) => printed.compare(place, &theirs.text, &ours),
                    (Err(ours), false) if ours.ends_with(&theirs.error) => failed.equal(),
                    (Err(ours), false) => failed.compare(place, &theirs.error, &ours),
                    (Err(ours), true) if ours.ends_with(OUT_OF_YEARS) => printed.allowed("D72"),
                    (Err(ours), true) => printed.wrong(|| {
                        format!(
                            "{}\n   theirs {:.200}\n   ours   error: {ours}",
                            place(),
                            theirs.text
                        )
                    }),
                    (Ok(ours), false) => printed.wrong(|| {
                        format!(
                            "{}\n   theirs error: {}\n   ours   {ours:.200}",
                            place(),
                            theirs.error
                        )
                    }),
                }
            }
        }
    }
    table.add(printed);
    table.add(failed);
    Ok(())
}

impl Theirs {
    /// Whether the original's client would not have read the event: every template prints something.
    fn is_unread(&self) -> bool {
        self.text.is_empty() && self.error.is_empty()
    }
}

fn render(sink: &AnySink, events: &Events, number: usize) -> Result<String, String> {
    let event = events.with_cluster(number, "prod");
    let payloads = sink.encode(&vec![event]).map_err(|error| error.to_string())?;
    let body = payloads.first().map(|payload| payload.body.clone()).unwrap_or_default();
    let value: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    value["text"].as_str().map(str::to_owned).ok_or_else(|| value.to_string())
}

/// One template; with `=` before, so that something is always printed.
fn template(random: &mut Random) -> String {
    let mut parts = String::from("=");
    for _ in 0..random.between(1, 2) {
        parts.push_str(&action(random));
    }
    parts
}

fn action(random: &mut Random) -> String {
    let (a, b) = (*random.pick(FIELDS), *random.pick(FIELDS));
    let ranged = if NUMBERS.contains(&a) { ".Labels" } else { a };
    let (f, g) = (*random.pick(FUNCTIONS), *random.pick(FUNCTIONS));
    match random.below(18) {
        0 | 1 => format!("{{{{ {a} }}}}"),
        2 | 3 => format!("{{{{ {a} | {f} }}}}"),
        4 => format!("{{{{ {f} {a} }}}}"),
        5 => format!("{{{{ {a} | {f} | {g} }}}}"),
        6 => format!("{{{{ if {a} }}}}yes{{{{ else if {b} }}}}other{{{{ else }}}}no{{{{ end }}}}"),
        7 => format!("{{{{ with {a} }}}}<{{{{ . }}}}>{{{{ else }}}}none{{{{ end }}}}"),
        8 => format!(
            "{{{{ range $k, $v := {ranged} }}}}{{{{ $k }}}}={{{{ $v }}}};{{{{ else }}}}none{{{{ end }}}}"
        ),
        9 => format!("{{{{ range {ranged} }}}}{{{{ . }}}},{{{{ end }}}}"),
        10 => format!("{{{{ eq {a} {b} }}}}"),
        11 => format!("{{{{ lt {a} {b} }}}}"),
        12 => format!("{{{{ printf \"%v|%v\" {a} ({f} {b}) }}}}"),
        13 => format!(
            "{{{{ $x := {a} }}}}{{{{ $x }}}} {{{{- if and $x {b} }}}} both {{{{ end -}}}} ."
        ),
        14 => format!("{{{{ index {a} \"a.b\" }}}}"),
        15 => format!("{{{{ or {a} {b} }}}} {{{{ and {a} {b} }}}}"),
        16 => {
            format!("{{{{ define \"t\" }}}}[{{{{ . }}}}]{{{{ end }}}}{{{{ template \"t\" {a} }}}}")
        }
        _ => format!("{{{{ slice {a} 0 2 }}}}{{{{ {b}"),
    }
}
