//! Regular expressions that a template compiled before: compiling one takes a thousand times as long as a search.

use std::sync::{Arc, Mutex, PoisonError};

use go_regex::{Invalid, Regex};

use crate::context::Environment;

/// Most patterns that a template remembers. Templates have few; more come from the data, and those
/// seldom come again.
const MAX_PATTERNS: usize = 16;

/// The first patterns that a template compiled.
#[derive(Debug, Default)]
pub struct Patterns {
    known: Mutex<Vec<(Box<str>, Compiled)>>,
}

type Compiled = Result<Arc<Regex>, Invalid>;

impl Patterns {
    /// The compiled form of a pattern.
    pub(crate) fn compile(&self, pattern: &str) -> Compiled {
        let find = || {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let found = known.iter().find(|(text, _)| **text == *pattern);
            (found.map(|(_, compiled)| compiled.clone()), known.len())
        };
        let (found, count) = find();
        if let Some(compiled) = found {
            return compiled;
        }
        // Not while others wait for theirs.
        let compiled = Regex::compile(pattern).map(Arc::new);
        if count < MAX_PATTERNS {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.push((pattern.into(), compiled.clone()));
        }
        compiled
    }
}

/// The environment of one template, with what it remembers.
pub(crate) struct Remembering<'r> {
    pub(crate) environment: &'r dyn Environment,
    pub(crate) patterns: &'r Patterns,
}

impl Environment for Remembering<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.variable(name)
    }

    fn addresses(&self, host: &str) -> Vec<String> {
        self.environment.addresses(host)
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.environment.fill_random(bytes);
    }

    fn patterns(&self) -> Option<&Patterns> {
        Some(self.patterns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_compiled_once_and_only_the_first_are_remembered() {
        let patterns = Patterns::default();
        let first = patterns.compile("a+").unwrap();
        assert!(Arc::ptr_eq(&first, &patterns.compile("a+").unwrap()));
        assert!(patterns.compile("(").is_err());
        for number in 0..100 {
            assert!(
                patterns.compile(&format!("a{{{number}}}")).unwrap().is_match("") == (number == 0)
            );
        }
        assert!(patterns.known.lock().unwrap().len() <= MAX_PATTERNS);
        assert!(Arc::ptr_eq(&first, &patterns.compile("a+").unwrap()));
    }
}
