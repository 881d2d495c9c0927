//! What `docs/reference/differences.md` says of templates, row by row: where they do not do as in Go. Those of D31
//! are in `sprig_limits.rs`.

use jiff::{Timestamp, tz::TimeZone};
use template::{Context, Map, Sealed, Template, Value};

fn run(text: &str) -> Result<String, String> {
    let now = "2026-11-20T09:00:00.5Z".parse::<Timestamp>().expect("a time");
    let context = Context { now, zone: &TimeZone::UTC, environment: &Sealed };
    let template = Template::parse("t", text).map_err(|error| error.to_string())?;
    let data = Value::Map(Map::Nil(Map::ANY));
    template.execute(&data, &context).map_err(|error| error.to_string())
}

#[track_caller]
fn fails_with(text: &str, part: &str) {
    let error = run(text).expect_err(text);
    assert!(error.contains(part), "{text}: {error}");
}

#[test]
fn d72_a_date_has_four_digits_of_year() {
    fails_with("{{ date \"2006\" 1717236000000 }}", "outside of the years -9999 to 9999");
}

#[test]
fn d73_there_are_no_dsa_keys() {
    let key = run("{{ genPrivateKey \"dsa\" }}");
    let why = "failed to generate private key: DSA is out of use; take rsa, ecdsa or ed25519";
    assert_eq!(key.as_deref(), Ok(why));
}

#[test]
fn d74_there_are_no_complex_numbers() {
    fails_with("{{ 1i }}", "complex numbers are not supported: 1i");
}

#[test]
fn d75_what_newer_go_reads_is_read() {
    assert_eq!(run("{{ with \"\" }}a{{ else with \"b\" }}{{ . }}{{ end }}").as_deref(), Ok("b"));
    assert_eq!(run("{{ range 3 }}{{ . }}{{ end }}").as_deref(), Ok("012"));
}

#[test]
fn d76_now_prints_without_the_clock_of_the_process() {
    assert_eq!(run("{{ now }}").as_deref(), Ok("2026-11-20 09:00:00.5 +0000 UTC"));
}
