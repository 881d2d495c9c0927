//! Every message about a config, as people read it: what is said of `NAME.yaml` stands in `NAME.txt`.

use std::fs;

use super::*;

/// Compares with the text; with `UPDATE_TEXTS` in the environment it is rewritten instead.
#[track_caller]
fn check(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/settings/tests/messages");
    let text = fs::read_to_string(folder.join(name).with_extension("yaml")).unwrap();
    let said = said(&text);
    let path = folder.join(name).with_extension("txt");
    if std::env::var_os("UPDATE_TEXTS").is_some() {
        fs::write(&path, &said).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(said, expected, "{name}.txt says otherwise; UPDATE_TEXTS=1 rewrites it");
}

#[test]
fn fifteen_different_mistakes_are_told_in_one_run() {
    check("mistakes");
}

#[test]
fn warnings_about_rules() {
    check("rules");
}

#[test]
fn warnings_about_keys_receivers_and_variables() {
    check("keys");
}

#[test]
fn mistakes_about_how_a_receiver_is_sent_to() {
    check("sending");
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    check("none");
}

#[test]
fn aliases_of_nothing_are_mistakes_where_no_text_can_stand() {
    check("aliases");
}

#[test]
fn mistakes_in_expressions_have_their_line_and_column() {
    check("cel");
}

#[test]
fn an_older_spelling_beside_that_of_today_is_ignored() {
    check("older");
}

#[test]
fn times_of_an_election_that_do_not_fit_together() {
    check("election");
}

#[test]
fn what_is_wrong_about_the_journal() {
    check("journal");
}

#[test]
fn what_is_wrong_about_the_canary() {
    check("canary");
}
