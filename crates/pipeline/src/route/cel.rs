//! `cel:`, a condition as an expression of the Common Expression Language over the event.
//!
//! The crate `cel` parses and evaluates; ours are what an expression sees ([`view`]) and what is checked
//! before the first event ([`check`]): names, types, and that no expression can take long. The language has
//! no loops but those over a list, and with `map` refused no list grows, so that what is left to bound is
//! how many are nested and how long the expression is.

/// What an expression may say, and what it needs.
mod check;

/// The names that it may use.
mod schema;

/// The event as it is read.
mod view;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use cel::{
    Context, Env, ExecutionError, IdedExpr, Value,
    common::{types::CelBool, value::CowVal},
    context::VariableResolver,
    parser::{ParseErrors, Parser},
};
use event::Event;

use self::view::{Part, Wanted};
use super::rule::RuleNeeds;

/// So many bytes may an expression have.
const MAX_BYTES: usize = 4096;

/// So deep may it be nested.
const MAX_DEPTH: u16 = 48;

/// Parsing goes as deep as the text; so much is enough for [`MAX_BYTES`] of it.
const STACK: usize = 64 << 20;

/// A compiled expression.
pub(super) struct Expression {
    root: IdedExpr,
    patterns: Vec<Wanted>,
    env: Arc<Env>,
    pub(super) needs: RuleNeeds,
    /// Where it stands, for the log.
    path: String,
    failed: AtomicU64,
}

/// Something wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// Where in the expression, in bytes.
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Mistake {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl Expression {
    /// Compiles the expression that stands at `path`, or says everything that is wrong with it.
    pub(super) fn compile(text: &str, path: &str) -> Result<Self, Vec<Mistake>> {
        if text.len() > MAX_BYTES {
            let message = format!("an expression has at most {MAX_BYTES} bytes");
            return Err(vec![Mistake::new(0, message).hint("make several rules of it")]);
        }
        let written = text.to_owned();
        // With a stack of its own, and so that a parser that gives up takes nothing with it.
        let parsed = thread::Builder::new()
            .name("cel".into())
            .stack_size(STACK)
            .spawn(move || parse(&written))
            .map_err(|error| error.to_string())
            .and_then(|parsing| parsing.join().map_err(|_| "the parser gave up".to_owned()));
        let checked = parsed
            .unwrap_or_else(|why| Err(vec![Mistake::new(0, format!("cannot be read: {why}"))]));
        let check::Checked { root, patterns, needs } = checked?;
        let (path, failed) = (path.to_owned(), AtomicU64::new(0));
        Ok(Self { root, patterns, env: Arc::new(Env::stdlib()), needs, path, failed })
    }

    /// Whether it holds for `event`. One that cannot be evaluated does not; that is told once, and then
    /// for every tenfold number of events.
    pub(super) fn holds(&self, event: &Event) -> bool {
        self.evaluate(event).unwrap_or_else(|why| {
            let failed = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
            if failed.checked_ilog10().is_some_and(|power| 10_u64.pow(power) == failed) {
                let path = &self.path;
                tracing::warn!(
                    events = failed,
                    "{path}: does not hold where it cannot be evaluated: {why}"
                );
            }
            false
        })
    }

    /// How often it could not be evaluated.
    #[cfg(test)]
    fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    fn evaluate(&self, event: &Event) -> Result<bool, String> {
        let seen = Seen { event: Part::event(event), patterns: &self.patterns };
        let evaluate = || {
            let mut context = Context::with_env(Arc::clone(&self.env));
            context.set_variable_resolver(&seen);
            let value = Value::resolve_val(&self.root, &context).map_err(|error| words(&error))?;
            let bool = value.downcast_ref::<CelBool>().map(|it| *it.inner());
            bool.ok_or_else(|| "it is neither true nor false".to_owned())
        };
        // What one event makes of an expression must not stop the others.
        catch_unwind(AssertUnwindSafe(evaluate))
            .unwrap_or_else(|_| Err("the evaluation gave up".to_owned()))
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expression").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What the names in an expression stand for.
struct Seen<'s> {
    event: Part<'s>,
    patterns: &'s [Wanted],
}

impl VariableResolver for Seen<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if name == schema::EVENT_NAME {
            return Some(CowVal::Borrowed(&self.event));
        }
        let index = name.strip_prefix(check::PATTERN)?;
        let pattern = self.patterns.get(index.parse::<usize>().ok()?)?;
        Some(CowVal::Borrowed(pattern))
    }
}

fn parse(text: &str) -> Result<check::Checked, Vec<Mistake>> {
    let parser = Parser::default().max_recursion_depth(MAX_DEPTH);
    let (root, source) =
        parser.parse_with_source_info(text).map_err(|errors| unreadable(text, &errors))?;
    check::check(root, &source, text)
}

/// The first error of the parser: those behind it follow from it.
fn unreadable(text: &str, errors: &ParseErrors) -> Vec<Mistake> {
    let Some(first) = errors.errors.first() else {
        return vec![Mistake::new(0, "this is no expression")];
    };
    if first.msg.contains("Recursion limit") {
        return vec![check::too_deep()];
    }
    let (line, column) = first.pos;
    let line = usize::try_from(line).unwrap_or(0).saturating_sub(1);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    let column = usize::try_from(column).unwrap_or(0).saturating_sub(1);
    let inside = rest.char_indices().nth(column).map_or(rest.trim_end().len(), |(at, _)| at);
    let message = first.msg.lines().next().unwrap_or_default();
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message.split(" expecting {").next().unwrap_or(message);
    vec![Mistake::new(before + inside, format!("this is no expression: {message}"))]
}

/// Why it could not be evaluated, without the event's own texts.
fn words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("there is no `{key}`"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".into()
        }
        ExecutionError::Overflow(..) => "a number is too large".into(),
        ExecutionError::IndexOutOfBounds(_) => "a list has no such element".into(),
        ExecutionError::FunctionError { function, .. } => format!("`{function}` fails"),
        ExecutionError::NoSuchOverload(error) => format!("`{}` fails", error.function()),
        _ => "a value is not of the kind that is expected".into(),
    }
}

#[cfg(test)]
mod tests;
