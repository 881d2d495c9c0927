//! `tidings test`: a config, events, and what is expected of them. Offline, and with the code of a run.

use std::path::Path;

use event::Stop;

use crate::settings::{Finding, Loaded, Reading, process};

mod file;

mod outcome;

mod trying;

pub(crate) use outcome::Outcome;

/// Tries every test of the file at `path`, or says what is wrong with the file or its config.
pub(crate) async fn run(path: &Path, stop: &Stop) -> Result<Vec<Outcome>, Vec<Finding>> {
    let (mut document, file) = file::read(path);
    if !document.is_usable() {
        return Err(document.findings);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let environment = |name: &str| file.env.get(name).cloned().or_else(|| process(name));
    let reading = Reading { strict: false, environment: &environment };
    let Loaded { settings, findings, .. } = Loaded::from_file(&folder.join(&file.config), reading);
    let Some(settings) = settings else {
        return Err(findings.into_iter().filter(Finding::is_mistake).collect());
    };
    let mut outcomes = Vec::new();
    for (index, case) in file.tests.iter().enumerate() {
        let at = format!("tests[{index}]");
        let Some(event) = file::event(case, &at, folder, &mut document, stop).await else {
            continue;
        };
        file::check_names(case, &at, &settings, &mut document);
        let now = file::now(case, &file, &event);
        match trying::run(case, event, now, &settings).await {
            Ok(failures) => {
                let line = document.line(&format!("{at}.name"));
                outcomes.push(Outcome { name: case.name.clone(), line, failures });
            }
            Err(why) => document.mistake(&at, why, "`tidings check` says more about the config"),
        }
    }
    if document.is_usable() { Ok(outcomes) } else { Err(document.findings) }
}
