//! The levels of the original's log, as ours.

/// What `logLevel` means to our log, or nothing when the original refuses it. It takes the names of its
/// library's levels and their numbers.
pub(super) fn of(written: &str) -> Option<&'static str> {
    Some(match written {
        "" | "info" => "info",
        "trace" => "trace",
        "debug" => "debug",
        "warn" => "warn",
        "error" | "fatal" | "panic" => "error",
        "disabled" => "off",
        // As Go's `strconv.Atoi` reads it.
        number => match number.parse::<i32>().ok().filter(|it| (-128..=127).contains(it))? {
            ..=-1 => "trace",
            0 => "debug",
            1 => "info",
            2 => "warn",
            3..=5 => "error",
            _ => "off",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn names_and_numbers_of_the_original_are_known() {
        for (written, level) in [
            ("", "info"),
            ("trace", "trace"),
            ("fatal", "error"),
            ("disabled", "off"),
            ("-128", "trace"),
            ("-1", "trace"),
            ("0", "debug"),
            ("+1", "info"),
            ("5", "error"),
            ("7", "off"),
            ("127", "off"),
        ] {
            assert_eq!(of(written), Some(level), "{written}");
        }
        for refused in ["Info", "WARN", "warning", "128", "-129", "1.5", " info", "verbose"] {
            assert_eq!(of(refused), None, "{refused}");
        }
    }
}
