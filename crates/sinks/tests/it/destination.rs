//! What a destination of a test is, whichever crate has its kind: something the sink can reach, which answers as it is commanded
//! to. The leaves' tests have this file too.

use event::AnySink;
use serde_json::Value;

/// What a destination can be told to do with the next payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Takes it.
    Accept,
    /// An HTTP status; the body repeats the request.
    Status(u16),
    /// 429, and to come back in 7 seconds.
    TooMany,
    /// Nothing comes back.
    Hang,
    /// The connection breaks.
    HangUp,
    /// No space is left.
    Full,
    /// Not for us.
    NotOurs,
}

/// A destination of one kind.
pub(crate) trait Destination {
    /// What the user would write.
    fn settings(&self) -> Value;

    /// Commands it.
    fn answer(&self, answer: Answer);

    /// Everything it has accepted.
    fn received(&self) -> Vec<u8>;

    /// A sink that reaches it.
    fn sink(&self) -> AnySink;

    /// Whether it takes documents in the shape that the user gives them: `layout`, `deDot`, `rawBody`.
    fn takes_shapes(&self) -> bool {
        true
    }

    /// The document in a body that holds one event.
    fn document(&self, body: &[u8]) -> String {
        let body = String::from_utf8(body.to_vec()).unwrap();
        body.trim_matches(['[', ']', '\n']).to_owned()
    }

    /// A body as its golden file shows it.
    fn shown(&self, body: &[u8]) -> String {
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// What of the settings nobody may see.
    fn secrets(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// A kind, how its destination starts, and what that one can be told.
pub(crate) struct Row {
    pub(crate) kind: &'static str,
    /// Also the name of the golden payload.
    pub(crate) name: &'static str,
    pub(crate) start: fn() -> Box<dyn Destination>,
    pub(crate) answers: &'static [Answer],
}
