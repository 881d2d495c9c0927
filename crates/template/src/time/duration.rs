//! `time.Duration.String`, for example `1h15m30.918273645s`.

/// Appends a length in nanoseconds as Go prints it.
pub fn write(out: &mut Vec<u8>, nanoseconds: i64) {
    let total = nanoseconds.unsigned_abs();
    if nanoseconds < 0 {
        out.push(b'-');
    }
    match total {
        0 => out.extend_from_slice(b"0s"),
        1..1_000 => with_fraction(out, total, 1, "ns"),
        1_000..1_000_000 => with_fraction(out, total, 1_000, "µs"),
        1_000_000..1_000_000_000 => with_fraction(out, total, 1_000_000, "ms"),
        _ => {
            let seconds = total / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            if hours > 0 {
                out.extend_from_slice(format!("{hours}h").as_bytes());
            }
            if seconds >= 60 {
                out.extend_from_slice(format!("{minutes}m").as_bytes());
            }
            with_fraction(out, total % 60_000_000_000, 1_000_000_000, "s");
        }
    }
}

/// A length in nanoseconds as Go prints it.
pub fn string(nanoseconds: i64) -> String {
    let mut out = Vec::new();
    write(&mut out, nanoseconds);
    String::from_utf8(out).unwrap_or_default()
}

fn with_fraction(out: &mut Vec<u8>, amount: u64, unit: u64, name: &str) {
    out.extend_from_slice((amount / unit).to_string().as_bytes());
    let rest = amount % unit;
    if rest > 0 {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{rest:0digits$}");
        out.push(b'.');
        out.extend_from_slice(fraction.trim_end_matches('0').as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::string;

    #[test]
    fn lengths_of_time_print_as_in_go() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (245_000_000_000, "4m5s"),
            (245_001_000_000, "4m5.001s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (3_600_000_000_000, "1h0m0s"),
            (-90_000_000_000, "-1m30s"),
            (i64::MAX, "2562047h47m16.854775807s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(string(nanoseconds), text);
        }
    }
}
