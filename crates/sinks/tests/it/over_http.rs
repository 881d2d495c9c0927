//! What a destination that speaks HTTP can be told, whichever crate has its kind.

use crate::{destination::Answer, server::Answer as HttpAnswer};

/// What every HTTP destination can be told.
pub(crate) const HTTP: &[Answer] = &[
    Answer::Accept,
    Answer::Status(204),
    Answer::TooMany,
    Answer::Hang,
    Answer::HangUp,
    Answer::Status(500),
    Answer::Status(502),
    Answer::Status(503),
    Answer::Status(504),
    Answer::Status(408),
    Answer::Status(425),
    Answer::Status(401),
    Answer::Status(403),
    Answer::Status(404),
    Answer::Status(407),
    Answer::Status(302),
    Answer::Status(400),
    Answer::Status(413),
    Answer::Status(415),
    Answer::Status(422),
];

/// What an HTTP server does when it is told `answer`.
pub(crate) fn http_answer(answer: Answer) -> HttpAnswer {
    match answer {
        Answer::Accept => HttpAnswer::status(200),
        Answer::Status(status) => HttpAnswer::Echo(status),
        Answer::TooMany => HttpAnswer::with_header(429, "Retry-After: 7"),
        Answer::Hang => HttpAnswer::Hang,
        Answer::HangUp => HttpAnswer::Drop,
        Answer::Full | Answer::NotOurs => panic!("no HTTP server answers {answer:?}"),
    }
}
