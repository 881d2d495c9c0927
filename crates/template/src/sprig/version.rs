//! Versions and constraints of Masterminds/semver 3.2.0.

use std::{cmp::Ordering, fmt, sync::LazyLock};

use regex::{Captures, Regex};

use crate::function::CallError;

/// A version; what was not written is 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) prerelease: String,
    pub(super) metadata: String,
    /// As it was written.
    pub(super) original: String,
}

const SUFFIXES: &str =
    r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";
/// The empty operator is the second, so that it is tried before the longer ones.
const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
const SPACE: &str = r"[\t\n\f\r ]";

fn constrained() -> String {
    let part = r"[0-9|x|X|\*]+";
    format!(r"v?({part})(\.{part})?(\.{part})?{SUFFIXES}")
}

fn compiled(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

static VERSION: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(&format!(r"^v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?{SUFFIXES}$")));
static CONSTRAINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compiled(&format!("^{SPACE}*({OPERATORS}){SPACE}*({}){SPACE}*$", constrained()))
});
static RANGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let version = constrained();
    compiled(&format!("{SPACE}*({version}){SPACE}+-{SPACE}+({version}){SPACE}*"))
});
static FIND: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(&format!("({OPERATORS}){SPACE}*({})", constrained())));
static VALID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let one = format!("({OPERATORS}){SPACE}*({}){SPACE}*", constrained());
    compiled(&format!("^({SPACE}*{one})((?:{SPACE}+|,{SPACE}*){one})*$"))
});

fn group<'t>(groups: &Captures<'t>, number: usize) -> &'t str {
    groups.get(number).map_or("", |group| group.as_str())
}

fn starts_with_zero(number: &str) -> bool {
    number.len() > 1 && number.starts_with('0')
}

fn only_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn only_allowed(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
}

fn check_prerelease(prerelease: &str) -> Result<(), CallError> {
    for part in prerelease.split('.') {
        if only_digits(part) {
            if starts_with_zero(part) {
                return Err(CallError::new("Version segment starts with 0"));
            }
        } else if !only_allowed(part) {
            return Err(CallError::new("Invalid Prerelease string"));
        }
    }
    Ok(())
}

fn segment(text: &str) -> Result<u64, CallError> {
    let digits = text.trim_start_matches('.');
    if digits.is_empty() {
        return Ok(0);
    }
    digits.parse().map_err(|_| {
        CallError::new(format!(
            "Error parsing version segment: strconv.ParseUint: parsing \"{digits}\": \
             value out of range"
        ))
    })
}

impl Version {
    pub(super) fn parse(text: &str) -> Result<Self, CallError> {
        let groups = VERSION.as_ref().and_then(|regex| regex.captures(text));
        let groups = groups.ok_or_else(|| CallError::new("Invalid Semantic Version"))?;
        let version = Self {
            major: segment(group(&groups, 1))?,
            minor: segment(group(&groups, 2))?,
            patch: segment(group(&groups, 3))?,
            prerelease: group(&groups, 5).into(),
            metadata: group(&groups, 8).into(),
            original: text.into(),
        };
        if !version.prerelease.is_empty() {
            check_prerelease(&version.prerelease)?;
        }
        Ok(version)
    }

    /// The order of versions; metadata does not count.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| [version.major, version.minor, version.patch];
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
            }
        })
    }

    fn renamed(mut self, before: &Self) -> Self {
        let v = if before.original.starts_with('v') { "v" } else { "" };
        self.original = format!("{v}{self}");
        self
    }

    fn bare(major: u64, minor: u64, patch: u64) -> Self {
        Self { major, minor, patch, ..Self::default() }
    }

    pub(super) fn next_major(&self) -> Self {
        Self::bare(self.major.wrapping_add(1), 0, 0).renamed(self)
    }

    pub(super) fn next_minor(&self) -> Self {
        Self::bare(self.major, self.minor.wrapping_add(1), 0).renamed(self)
    }

    /// A prerelease is followed by its release.
    pub(super) fn next_patch(&self) -> Self {
        let more = u64::from(self.prerelease.is_empty());
        Self::bare(self.major, self.minor, self.patch.wrapping_add(more)).renamed(self)
    }

    pub(super) fn with_prerelease(&self, prerelease: &str) -> Result<Self, CallError> {
        if !prerelease.is_empty() {
            check_prerelease(prerelease)?;
        }
        Ok(Self { prerelease: prerelease.into(), ..self.clone() }.renamed(self))
    }

    pub(super) fn with_metadata(&self, metadata: &str) -> Result<Self, CallError> {
        if !metadata.split('.').all(only_allowed) {
            return Err(CallError::new("Invalid Metadata string"));
        }
        Ok(Self { metadata: metadata.into(), ..self.clone() }.renamed(self))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// Part by part: numbers before words, a missing part before any.
fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (a, b) = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or(""), b.unwrap_or("")),
        };
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            _ if a == b => Ordering::Equal,
            _ if a.is_empty() => Ordering::Less,
            _ if b.is_empty() => Ordering::Greater,
            (Ok(a), Ok(b)) if a > b => Ordering::Greater,
            (Ok(_), _) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// What a version must be: one of several lists of constraints that must all hold.
pub(super) struct Constraints {
    any_of: Vec<Vec<Constraint>>,
}

struct Constraint {
    version: Version,
    operator: String,
    /// Some part of the version is `x` or missing; the minor, or only the patch.
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

fn improper(text: &str) -> CallError {
    CallError::new(format!("improper constraint: {text}"))
}

impl Constraints {
    pub(super) fn parse(text: &str) -> Result<Self, CallError> {
        let mut rewritten = text.to_owned();
        // `1.2 - 1.4` is `>= 1.2, <= 1.4`.
        for groups in RANGE.iter().flat_map(|range| range.captures_iter(text)) {
            let both = format!(">= {}, <= {}", group(&groups, 1), group(&groups, 11));
            rewritten = rewritten.replacen(group(&groups, 0), &both, 1);
        }
        let mut any_of = Vec::new();
        for part in rewritten.split("||") {
            if !VALID.as_ref().is_some_and(|valid| valid.is_match(part)) {
                return Err(improper(part));
            }
            let found = FIND.iter().flat_map(|find| find.find_iter(part));
            any_of.push(
                found.map(|found| Constraint::parse(found.as_str())).collect::<Result<_, _>>()?,
            );
        }
        Ok(Self { any_of })
    }

    pub(super) fn allow(&self, version: &Version) -> bool {
        self.any_of.iter().any(|all| all.iter().all(|one| one.allows(version)))
    }
}

impl Constraint {
    fn parse(text: &str) -> Result<Self, CallError> {
        let groups = CONSTRAINT.as_ref().and_then(|regex| regex.captures(text));
        let groups = groups.ok_or_else(|| improper(text))?;
        let open = |number| {
            let part = group(&groups, number).trim_start_matches('.');
            matches!(part, "" | "x" | "X" | "*")
        };
        let prerelease = group(&groups, 6);
        let (major, minor) = (group(&groups, 3), group(&groups, 4));
        let (mut dirty, mut minor_dirty, mut patch_dirty) = (true, false, false);
        let version = if open(3) {
            format!("0.0.0{prerelease}")
        } else if open(4) {
            minor_dirty = true;
            format!("{major}.0.0{prerelease}")
        } else if open(5) {
            patch_dirty = true;
            format!("{major}{minor}.0{prerelease}")
        } else {
            dirty = false;
            group(&groups, 2).to_owned()
        };
        let version =
            Version::parse(&version).map_err(|_| CallError::new("constraint Parser Error"))?;
        Ok(Self { version, operator: group(&groups, 1).into(), dirty, minor_dirty, patch_dirty })
    }

    fn allows(&self, version: &Version) -> bool {
        let wants_prerelease = !self.version.prerelease.is_empty();
        // Only `!=` a whole version looks at prereleases that nobody asked for.
        let skipped = !version.prerelease.is_empty() && !wants_prerelease;
        if skipped && (self.operator != "!=" || self.dirty) {
            return false;
        }
        let order = version.compare(&self.version);
        match self.operator.as_str() {
            "!=" => self.not_equal(version, order),
            ">" => self.greater(version, order),
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" => self.at_most(version, order),
            "~" | "~>" => self.tilde(version, order),
            "^" => self.caret(version, order),
            _ if self.dirty => self.tilde(version, order),
            _ => order == Ordering::Equal,
        }
    }

    fn not_equal(&self, version: &Version, order: Ordering) -> bool {
        let own = &self.version;
        if !self.dirty {
            return order != Ordering::Equal;
        }
        if own.major != version.major {
            return true;
        }
        if self.minor_dirty {
            return false;
        }
        if own.minor != version.minor {
            return true;
        }
        if self.patch_dirty {
            let prerelease = !version.prerelease.is_empty() || !own.prerelease.is_empty();
            return prerelease
                && compare_prereleases(&version.prerelease, &own.prerelease) != Ordering::Equal;
        }
        if own.patch != version.patch {
            return true;
        }
        order != Ordering::Equal
    }

    fn greater(&self, version: &Version, order: Ordering) -> bool {
        if !self.dirty {
            return order == Ordering::Greater;
        }
        match version.major.cmp(&self.version.major) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal if self.minor_dirty => false,
            Ordering::Equal if self.patch_dirty => version.minor > self.version.minor,
            Ordering::Equal => order == Ordering::Greater,
        }
    }

    fn at_most(&self, version: &Version, order: Ordering) -> bool {
        if !self.dirty {
            return order != Ordering::Greater;
        }
        match version.major.cmp(&self.version.major) {
            Ordering::Greater => false,
            Ordering::Less => true,
            Ordering::Equal => self.minor_dirty || version.minor <= self.version.minor,
        }
    }

    /// `~1.2.3` is at least that and has the same minor.
    fn tilde(&self, version: &Version, order: Ordering) -> bool {
        if order == Ordering::Less {
            return false;
        }
        let own = &self.version;
        if [own.major, own.minor, own.patch] == [0; 3] && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        own.major == version.major && (self.minor_dirty || own.minor == version.minor)
    }

    /// `^1.2.3` is at least that and has the same first part that is not 0.
    fn caret(&self, version: &Version, order: Ordering) -> bool {
        if order == Ordering::Less {
            return false;
        }
        let own = &self.version;
        if own.major > 0 || self.minor_dirty {
            return own.major == version.major;
        }
        if version.major > 0 {
            return false;
        }
        if own.minor > 0 || self.patch_dirty {
            return own.minor == version.minor;
        }
        version.minor == 0 && own.patch == version.patch
    }
}
