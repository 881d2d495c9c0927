//! No call of sprig panics, and none makes more than it may.

use proptest::prelude::*;

use crate::sprig::run;

#[test]
fn a_function_that_would_make_too_much_says_so() {
    let bytes = "makes more than 16777216 bytes";
    let items = "makes more than 262144 elements";
    for (template, why) in [
        (r#"{{ repeat 99999999 "x" }}"#, bytes),
        (r#"{{ repeat 9223372036854775807 "xx" }}"#, bytes),
        (r#"{{ indent 99999999 "x" }}"#, bytes),
        (r#"{{ nindent 9223372036854775807 "x" }}"#, bytes),
        (r#"{{ repeat 10000 "x\n" | indent 10000 }}"#, bytes),
        (r#"{{ replace "" (repeat 10000 "y") (repeat 10000 "x") }}"#, bytes),
        (r#"{{ replace "x" (repeat 10000 "y") (repeat 10000 "x") }}"#, bytes),
        (r#"{{ regexReplaceAll "" (repeat 10000 "x") (repeat 10000 "y") }}"#, bytes),
        (r#"{{ regexReplaceAll "x+" (repeat 10000 "x") (repeat 10000 "$0") }}"#, bytes),
        (r#"{{ wrapWith 1 (repeat 10000 "y") (repeat 10000 "x") }}"#, bytes),
        (r#"{{ join (repeat 10000 "y") (until 10000) }}"#, bytes),
        ("{{ randAlphaNum 9223372036854775807 }}", bytes),
        ("{{ randBytes 9223372036854775807 }}", bytes),
        (r#"{{ b64enc (repeat 16000000 "x") }}"#, bytes),
        ("{{ until 9223372036854775807 }}", items),
        ("{{ untilStep 0 -9223372036854775808 -1 }}", items),
        ("{{ seq 1 9223372036854775806 }}", items),
        (r#"{{ splitList "" (repeat 300000 "x") }}"#, items),
        (r#"{{ regexFindAll "x" (repeat 300000 "x") -1 }}"#, items),
        (r#"{{ regexSplit "x" (repeat 300000 "x") -1 }}"#, items),
        ("{{ $l := list 1 2 }}{{ range until 40 }}{{ $l = concat $l $l }}{{ end }}", items),
        (
            "{{ $n := 1e300 }}{{ range until 200 }}{{ $n = mulf 1e300 1e300 1e300 1e300 }}{{ end }}{{ divf $n $n }}",
            "Cannot create a Decimal from +Inf",
        ),
        (
            r#"{{ fromJson (repeat 200 "[") }}{{ mustFromJson (repeat 200 "[") }}"#,
            "exceeded max depth",
        ),
        (
            "{{ $a := list }}{{ range until 60 }}{{ $a = list $a $a }}{{ end }}{{ deepEqual $a (deepCopy $a) }}",
            "a value with more than 1048576 values in it",
        ),
        (
            "{{ $a := list }}{{ range until 60 }}{{ $a = list $a $a }}{{ end }}{{ toJson $a }}",
            "a value with more than 1048576 values in it",
        ),
        (
            "{{ $a := list }}{{ range until 200 }}{{ $a = list $a }}{{ end }}{{ toJson $a }}",
            "a value nested more than 128 levels deep",
        ),
        (
            r#"{{ $a := dict }}{{ range until 200 }}{{ $a = dict "a" $a }}{{ end }}{{ merge $a (deepCopy $a) }}"#,
            "a value nested more than 128 levels deep",
        ),
        (r#"{{ $a := dict }}{{ set $a "a" $a }}"#, "a map cannot hold itself"),
    ] {
        let error = run(template).expect_err(template);
        assert!(error.ends_with(why), "{template}: {error}");
    }
}

#[test]
fn a_time_that_is_no_time_is_now_and_in_the_zone_asked_for() {
    for (template, text) in [
        (r#"{{ date "2006-01-02 15:04:05" .labels }}"#, "2026-11-20 09:00:00"),
        (r#"{{ dateInZone "15:04 MST" nil "Europe/Berlin" }}"#, "10:00 CET"),
        (r#"{{ dateInZone "15:04 MST" "x" "europe/berlin" }}"#, "09:00 UTC"),
        ("{{ htmlDate now }} {{ unixEpoch now }}", "2026-11-20 1795165200"),
        (r#"{{ ago (now | dateModify "-90.5s") }} {{ ago "" }}"#, "1m31s 0s"),
        (r#"{{ durationRound (now | dateModify "-50h") }}"#, "2d"),
    ] {
        assert_eq!(run(template).unwrap(), text, "{template}");
    }
}

#[test]
fn a_certificate_signed_by_a_ca_names_it() {
    // RSA keys take a while, so there is one.
    let made = run(r#"{{ $k := genPrivateKey "ed25519" }}{{ $ca := genCA "root" 365 }}
        {{- $leaf := genSignedCertWithKey "leaf" (list "10.0.0.1") (list "a.example") 30 $ca $k }}
        {{- trunc 31 $ca.Key }}|{{ eq $leaf.Key $k }}|{{ $ca.Cert }}|{{ $leaf.Cert }}"#)
    .expect("certificates");
    let parts: Vec<&str> = made.split('|').collect();
    assert_eq!(parts[..2], ["-----BEGIN RSA PRIVATE KEY-----", "true"]);
    let der = |pem: &str| x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect("PEM").1;
    let (ca, leaf) = (der(parts[2]), der(parts[3]));
    let (ca, leaf) = (ca.parse_x509().unwrap(), leaf.parse_x509().unwrap());
    assert_eq!((ca.subject().to_string(), ca.is_ca()), ("CN=root".to_owned(), true));
    assert_eq!((leaf.subject().to_string(), leaf.is_ca()), ("CN=leaf".to_owned(), false));
    assert_eq!(leaf.issuer(), ca.subject());
    let days = |of: &x509_parser::certificate::Validity| {
        (of.not_after - of.not_before).map(time::Duration::whole_days)
    };
    assert_eq!((days(ca.validity()), days(leaf.validity())), (Some(365), Some(30)));
    let names = leaf.subject_alternative_name().unwrap().unwrap().value.general_names.len();
    assert_eq!(names, 2);
}

#[test]
fn a_certificate_needs_the_key_of_its_ca() {
    let error = run(r#"{{ $k := genPrivateKey "ecdsa" }}{{ $ca := genCAWithKey "a" 1 $k }}
        {{- $b := genPrivateKey "ecdsa" }}
        {{- $wrong := buildCustomCert (b64enc $ca.Cert) (b64enc $b) }}
        {{- genSignedCertWithKey "leaf" nil nil 30 $wrong $k }}"#)
    .unwrap_err();
    assert!(error.ends_with("provided PrivateKey doesn't match parent's PublicKey"), "{error}");
}

/// Arguments of every type, small and odd.
const ARGUMENTS: &[&str] = &[
    "nil",
    ".nil",
    ".missing",
    "0",
    "1",
    "-1",
    "3",
    "9223372036854775807",
    "-9223372036854775808",
    "1.5",
    "-0.5",
    "1e300",
    ".nan",
    ".inf",
    ".u64",
    ".i32",
    "true",
    "false",
    "\"\"",
    "\"x\"",
    "\"a b\"",
    "\"\\xff\\xfe\"",
    ".uni",
    ".html",
    ".blank",
    "\"1.2.3-rc\"",
    "\"2006-01-02T15:04:05.999Z07:00\"",
    "\"{\\\"a\\\":[1]}\"",
    "\"(a|b)*\"",
    "\"$1${2}$\"",
    "\"\\\\\"",
    "\"%zz\"",
    "\"-1h.5s\"",
    ".list",
    ".strs",
    ".ints",
    ".nested",
    ".emptylist",
    ".dict",
    ".one",
    ".labels",
    ".nolabels",
    ".time",
    ".zerotime",
    ".dur",
    ".bytes",
    "(list nil)",
    "(dict)",
    "(dict \"a\" nil)",
    "(semver \"1\")",
    "'x'",
];

/// Names of the fixture's functions, but for those that take long.
fn functions() -> Vec<String> {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sprig.ndjson");
    let table = std::fs::read_to_string(table).expect("a table of JSON");
    let mut names: Vec<String> = table
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a table of JSON"))
        .map(|row| row["f"].as_str().expect("a table of JSON").to_owned())
        .filter(|name| !name.starts_with("gen") && !SLOW.contains(&name.as_str()))
        .collect();
    names.dedup();
    names
}

const SLOW: &[&str] = &["bcrypt", "htpasswd", "derivePassword", "buildCustomCert"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn no_call_panics(
        name in prop::sample::select(functions()),
        args in prop::collection::vec(prop::sample::select(ARGUMENTS), 0..5),
    ) {
        drop(run(&format!("{{{{ {name} {} }}}}", args.join(" "))));
    }

    #[test]
    fn no_text_panics(
        name in prop::sample::select(functions()),
        text in any::<String>(),
        number in -3_i64..20,
        other in ".{0,8}",
    ) {
        let (text, other) = (format!("{text:?}"), format!("{other:?}"));
        for args in [
            text.clone(), format!("{other} {text}"), format!("{number} {text}"),
            format!("{text} {number}"), format!("{other} {text} {number}"),
            format!("{other} {number} {text}"), format!("{number} {other} {text}"),
            format!("{number} {number} {text}"), format!("{other} {text} {text}"),
        ] {
            drop(run(&format!("{{{{ {name} {args} }}}}")));
        }
    }
}
