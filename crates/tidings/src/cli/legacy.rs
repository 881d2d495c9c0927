//! The command line of kubernetes-event-exporter, so that only the image changes.

use std::ffi::OsString;

/// Its flags, with one dash or two, and what they are here.
const FLAGS: [(&str, &str); 4] = [
    ("conf", "--config"),
    ("kubeconfig", "--kubeconfig"),
    ("metrics-address", "--metrics-address"),
    ("metrics-tls-config", "--metrics-tls-config"),
];

/// The arguments as they are written today. Without a subcommand, and with a flag of the original first,
/// they mean `run`; without `-conf`, the config is `config.yaml`, as it was.
pub fn translate(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let mut today: Vec<OsString> = arguments.next().into_iter().collect();
    let written: Vec<OsString> = arguments.collect();
    if written.first().and_then(flag).is_none() {
        today.extend(written);
        return today;
    }
    today.push("run".into());
    let mut config = None;
    let mut rest = written.into_iter();
    while let Some(argument) = rest.next() {
        let Some((name, value)) = flag(&argument) else {
            today.push(argument);
            continue;
        };
        let Some(value) = value.or_else(|| rest.next()) else {
            // Without its value: the usual complaint follows.
            today.push(name.into());
            continue;
        };
        if name == "--config" {
            config = Some(value);
        } else if !value.is_empty() {
            // Empty is their default there.
            today.extend([name.into(), value]);
        }
    }
    let config = config.filter(|config| !config.is_empty());
    today.extend(["--config".into(), config.unwrap_or_else(|| "config.yaml".into())]);
    today
}

/// Today's name of a flag of the original, and the value that is written into the same argument.
fn flag(argument: &OsString) -> Option<(&'static str, Option<OsString>)> {
    let text = argument.to_str()?;
    let body = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value.into())),
        None => (body, None),
    };
    FLAGS.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| (*ours, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, today: &str) {
        let arguments = format!("tidings {written}");
        let translated = translate(arguments.split_whitespace().map(Into::into));
        let translated: Vec<_> = translated.iter().skip(1).filter_map(|it| it.to_str()).collect();
        assert_eq!(translated.join(" "), today);
    }

    #[test]
    fn the_flags_of_the_original_mean_run() {
        check("-conf=/data/config.yaml", "run --config /data/config.yaml");
        check("-conf /data/config.yaml", "run --config /data/config.yaml");
        check("--conf=a -kubeconfig b", "run --kubeconfig b --config a");
        check(
            "-metrics-address=:9000 -metrics-tls-config tls.yaml",
            "run --metrics-address :9000 --metrics-tls-config tls.yaml --config config.yaml",
        );
        check("-kubeconfig= -conf a=b", "run --config a=b");
        check("-conf a -conf b --state s", "run --state s --config b");
        check("-kubeconfig", "run --kubeconfig --config config.yaml");
    }

    #[test]
    fn what_is_written_for_today_stays() {
        for same in ["", "--help", "-h", "run --config a", "run -conf a", "demo", "-x", "-", "--"] {
            check(same, same);
        }
    }
}
