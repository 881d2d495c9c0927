//! What an error of AWS means to a lane. AWS answers 400 to nearly everything; the code in the answer says what it is.

use event::SendError;
use serde_json::Value;
use sinks::answer::Answer;

/// A call that did not succeed.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What AWS calls it; empty when nothing was answered.
    pub(crate) code: String,
    pub(crate) error: SendError,
}

impl From<SendError> for Refused {
    fn from(error: SendError) -> Self {
        Self { code: String::new(), error }
    }
}

impl From<Refused> for SendError {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

/// What a code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Try again.
    Again,
    /// Who we are, what we may, or where it should go, is wrong.
    Blocked,
    /// What was sent, never.
    Refused,
}

/// What a code says; nothing where it is not known.
pub(crate) fn meaning(code: &str) -> Option<Meaning> {
    // Some services have the word with `Exception` behind, some without, SQS's old ones with names before.
    let word = code.rsplit(['.', '#']).next().unwrap_or(code);
    let word = word.strip_suffix("Exception").unwrap_or(word);
    Some(match word {
        "Throttling"
        | "Throttled"
        | "RequestThrottled"
        | "TooManyRequests"
        | "SlowDown"
        | "ProvisionedThroughputExceeded"
        | "RequestLimitExceeded"
        | "LimitExceeded"
        | "BandwidthLimitExceeded"
        | "KMSThrottling"
        | "KmsThrottled"
        | "OverLimit"
        | "OpsItemLimitExceeded"
        | "PriorRequestNotComplete"
        | "OperationAborted"
        | "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "InternalServer"
        | "Internal"
        | "ServiceUnavailable"
        | "ServiceUnavailableError"
        | "RequestTimeout"
        | "ConcurrentModification"
        | "TransientFailure" => Meaning::Again,
        "AccessDenied"
        | "AuthorizationError"
        | "NotAuthorized"
        | "UnauthorizedOperation"
        | "UnrecognizedClient"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "SignatureDoesNotMatch"
        | "InvalidSignature"
        | "IncompleteSignature"
        | "ExpiredToken"
        | "ExpiredTokenId"
        | "RequestExpired"
        | "AuthFailure"
        | "MissingAuthenticationToken"
        | "OptInRequired"
        | "SubscriptionRequired"
        | "ResourceNotFound"
        | "NotFound"
        | "QueueDoesNotExist"
        | "NonExistentQueue"
        | "QueueDeletedRecently"
        | "UnknownOperation"
        | "InvalidAction"
        | "InvalidAddress"
        | "UnsupportedOperation"
        | "InvalidSecurity"
        | "KMSAccessDenied"
        | "KmsAccessDenied"
        | "KMSDisabled"
        | "KmsDisabled"
        | "KMSInvalidState"
        | "KmsInvalidState"
        | "KMSNotFound"
        | "KmsNotFound"
        | "KMSOptInRequired"
        | "KmsOptInRequired"
        | "InvalidKMSResource" => Meaning::Blocked,
        "Validation"
        | "ValidationError"
        | "InvalidArgument"
        | "InvalidParameter"
        | "InvalidParameterValue"
        | "InvalidMessageContents"
        | "MalformedDetail"
        | "InvalidBatchEntryId"
        | "BatchRequestTooLong"
        | "Serialization"
        | "OpsItemInvalidParameter" => Meaning::Refused,
        _ => return None,
    })
}

/// Whether our credentials have ended before their time.
pub(crate) fn is_stale(code: &str) -> bool {
    matches!(
        code.strip_suffix("Exception").unwrap_or(code),
        "ExpiredToken" | "ExpiredTokenId" | "InvalidClientTokenId" | "UnrecognizedClient"
    )
}

/// What an answer that is no success means.
pub(crate) fn of(answer: Answer) -> Refused {
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let header = answer.headers.get("x-amzn-errortype").and_then(|it| it.to_str().ok());
    let (code, message) = said(header, &body);
    let Some(code) = code else {
        let error = answer.judge().err().unwrap_or_else(|| SendError::Unavailable {
            reason: "the answer cannot be read".to_owned(),
            retry_after: None,
        });
        return Refused { code: String::new(), error };
    };
    let mut reason = format!("{}: {}", answer.place, answer.shown(&code));
    if !message.is_empty() {
        reason.push_str(": ");
        reason.push_str(&answer.shown(&message));
    }
    let error = match meaning(&code) {
        Some(Meaning::Again) => SendError::Unavailable { reason, retry_after: answer.wait },
        Some(Meaning::Blocked) => SendError::Blocked { reason },
        Some(Meaning::Refused) => SendError::Rejected { reason },
        None => match sinks::answer::judge(answer.status, answer.wait, reason) {
            Err(error) => error,
            Ok(()) => unreachable!("only what is no success comes here"),
        },
    };
    Refused { code, error }
}

/// Code and message, from JSON or XML.
fn said(header: Option<&str>, body: &str) -> (Option<String>, String) {
    if let Ok(Value::Object(object)) = serde_json::from_str(body) {
        let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
        let code = header.map(str::to_owned).or_else(|| text("__type")).or_else(|| text("code"));
        // com.amazonaws.sqs#QueueDoesNotExist, or QueueDoesNotExist:http://…
        let code = code.map(|code| {
            let code = code.split(':').next().unwrap_or_default();
            code.rsplit('#').next().unwrap_or_default().to_owned()
        });
        let message = text("message").or_else(|| text("Message")).unwrap_or_default();
        return (code.filter(|code| !code.is_empty()), message);
    }
    (element(body, "Code"), element(body, "Message").unwrap_or_default())
}

/// The text of the first element of this name.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let found = document.descendants().find(|node| node.tag_name().name() == name)?;
    Some(found.text().unwrap_or_default().trim().to_owned())
}

/// An entry of a request that was not taken.
#[derive(Debug)]
pub(crate) struct Failed {
    /// Position in the payload.
    pub(crate) index: usize,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What it means to a lane that these of a payload's `count` entries were not taken.
pub(crate) fn partial(failed: &[Failed], count: usize, place: &str) -> Result<(), SendError> {
    let Some(first) = failed.first() else { return Ok(()) };
    let what = |it: &Failed| format!("{place}: {}: {}", it.code, it.message);
    let means = |it: &Failed| meaning(&it.code).unwrap_or(Meaning::Again);
    if failed.len() >= count {
        let blocked = failed.iter().find(|it| means(it) == Meaning::Blocked);
        if let Some(blocked) = blocked {
            return Err(SendError::Blocked { reason: what(blocked) });
        }
        if failed.iter().all(|it| means(it) == Meaning::Again) {
            return Err(SendError::Unavailable { reason: what(first), retry_after: None });
        }
    }
    let failed =
        failed.iter().map(|it| (it.index, (means(it) == Meaning::Refused).then(|| what(it))));
    Err(SendError::Partial { failed: failed.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_in_every_form_that_services_have() {
        let code = |header, body| said(header, body).0;
        let body = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}"#;
        assert_eq!(code(None, body).as_deref(), Some("QueueDoesNotExist"));
        let header = Some("ThrottlingException:http://internal.amazon.com/");
        assert_eq!(code(header, "{}").as_deref(), Some("ThrottlingException"));
        let xml = "<ErrorResponse><Error><Code>AuthorizationError</Code>\
                   <Message>no &amp; no</Message></Error></ErrorResponse>";
        assert_eq!(said(None, xml), (Some("AuthorizationError".to_owned()), "no & no".to_owned()));
        assert_eq!(code(None, "<html>"), None);
        assert_eq!(code(None, "[]"), None);
    }

    #[test]
    fn a_code_means_the_same_with_and_without_its_ending() {
        for (code, expected) in [
            ("ProvisionedThroughputExceededException", Some(Meaning::Again)),
            ("Throttling", Some(Meaning::Again)),
            ("ServiceUnavailableException", Some(Meaning::Again)),
            ("AccessDeniedException", Some(Meaning::Blocked)),
            ("AccessDenied", Some(Meaning::Blocked)),
            ("AWS.SimpleQueueService.NonExistentQueue", Some(Meaning::Blocked)),
            ("ResourceNotFoundException", Some(Meaning::Blocked)),
            ("ValidationException", Some(Meaning::Refused)),
            ("SomethingNew", None),
        ] {
            assert_eq!(meaning(code), expected, "{code}");
        }
    }

    fn judged(codes: &[(usize, &str)], count: usize) -> String {
        let failed = codes.iter().map(|(index, code)| Failed {
            index: *index,
            code: (*code).to_owned(),
            message: "said so".to_owned(),
        });
        match partial(&failed.collect::<Vec<_>>(), count, "stream `s`") {
            Ok(()) => "ok".to_owned(),
            Err(SendError::Partial { failed }) => format!("{failed:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_entry_that_was_not_taken_is_parked_or_sent_again() {
        assert_eq!(judged(&[], 3), "ok");
        assert_eq!(judged(&[(1, "ThrottlingException")], 3), "[(1, None)]");
        assert_eq!(
            judged(&[(0, "InvalidParameterValue"), (2, "InternalFailure")], 3),
            "[(0, Some(\"stream `s`: InvalidParameterValue: said so\")), (2, None)]"
        );
        assert_eq!(
            judged(&[(0, "InternalFailure"), (1, "InternalFailure")], 2),
            "unavailable: stream `s`: InternalFailure: said so"
        );
        assert_eq!(
            judged(&[(0, "AccessDeniedException")], 1),
            "blocked: stream `s`: AccessDeniedException: said so"
        );
    }
}
