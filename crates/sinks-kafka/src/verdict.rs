//! What the answers for the records of a payload mean to a lane.

use event::SendError;
use rdkafka::error::RDKafkaErrorCode;

use crate::client::Word;

/// What became of one record.
pub(crate) type Outcome = Result<(), RDKafkaErrorCode>;

/// What an answer for a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Try again.
    Again,
    /// We may not, or cannot, write there.
    Blocked,
    /// This record, never.
    Refused,
    /// This record, or all that went with it.
    TooLarge,
}

fn meaning(code: RDKafkaErrorCode) -> Meaning {
    use RDKafkaErrorCode as Code;
    match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
            Meaning::TooLarge
        }
        Code::InvalidRecord
        | Code::InvalidTimestamp
        | Code::UnsupportedForMessageFormat
        | Code::BadMessage => Meaning::Refused,
        Code::UnknownTopic
        | Code::UnknownTopicOrPartition
        | Code::UnknownPartition
        | Code::InvalidTopic
        | Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState
        | Code::SecurityDisabled
        | Code::UnsupportedCompressionType
        | Code::UnsupportedFeature
        | Code::PolicyViolation
        | Code::InvalidRequiredAcks => Meaning::Blocked,
        _ => Meaning::Again,
    }
}

/// The one answer for all records of a payload.
///
/// `word` is what the connections came to at last, `place` says where the records were to go.
pub(crate) fn judge(outcomes: &[Outcome], word: &Word, place: &str) -> Result<(), SendError> {
    let failed: Vec<_> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(index, outcome)| Some((index, outcome.err()?)))
        .map(|(index, code)| (index, meaning(code), code))
        .collect();
    let Some((_, _, first)) = failed.first() else {
        return Ok(());
    };
    if failed.len() < outcomes.len() {
        return Err(partial(&failed, place));
    }
    let all = |wanted| failed.iter().all(|(_, meaning, _)| *meaning == wanted);
    if word.refused {
        let reason = format!("{place}: {}", word.text);
        return Err(SendError::Blocked { reason });
    }
    if let Some((_, _, code)) = failed.iter().find(|(_, meaning, _)| *meaning == Meaning::Blocked) {
        return Err(SendError::Blocked { reason: format!("{place}: {}", told(*code)) });
    }
    if let Some((_, _, code)) = failed.iter().find(|(_, meaning, _)| *meaning == Meaning::Again) {
        let mut reason = format!("{place}: {code}");
        if !word.text.is_empty() {
            reason.push_str(": ");
            reason.push_str(&word.text);
        }
        return Err(SendError::Unavailable { reason, retry_after: None });
    }
    if all(Meaning::TooLarge) || outcomes.len() == 1 {
        // The lane sends smaller groups, down to the one that is too large by itself.
        return Err(SendError::Rejected { reason: format!("{place}: {first}") });
    }
    Err(partial(&failed, place))
}

/// What was too large in company may be small enough alone, so it is sent again.
fn partial(failed: &[(usize, Meaning, RDKafkaErrorCode)], place: &str) -> SendError {
    let failed = failed.iter().map(|(index, meaning, code)| {
        (*index, (*meaning == Meaning::Refused).then(|| format!("{place}: {code}")))
    });
    SendError::Partial { failed: failed.collect() }
}

/// What a broker said, and what to do about it.
fn told(code: RDKafkaErrorCode) -> String {
    use RDKafkaErrorCode as Code;
    let hint = match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition => "; create the topic",
        Code::TopicAuthorizationFailed => "; allow this user to write to it",
        Code::ClusterAuthorizationFailed => {
            "; allow this user IdempotentWrite on the cluster, or set `idempotent: false`"
        }
        _ => "",
    };
    format!("{code}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use RDKafkaErrorCode as Code;

    fn judged(outcomes: &[Outcome]) -> String {
        match judge(outcomes, &Word::default(), "topic `events`") {
            Ok(()) => "ok".to_owned(),
            Err(SendError::Partial { failed }) => format!("{failed:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_arrived_is_not_sent_again() {
        assert_eq!(judged(&[Ok(()), Ok(())]), "ok");
        assert_eq!(judged(&[Ok(()), Err(Code::MessageTimedOut)]), "[(1, None)]");
        assert_eq!(
            judged(&[Ok(()), Err(Code::InvalidRecord), Ok(())]),
            "[(1, Some(\"topic `events`: InvalidRecord (Broker: Broker failed to validate record)\"))]"
        );
        // Another may have been the large one.
        assert_eq!(judged(&[Ok(()), Err(Code::MessageSizeTooLarge)]), "[(1, None)]");
    }

    #[test]
    fn a_refusal_of_us_blocks_and_says_what_to_do() {
        assert_eq!(
            judged(&[Err(Code::TopicAuthorizationFailed); 2]),
            "blocked: topic `events`: TopicAuthorizationFailed (Broker: Topic authorization failed); \
             allow this user to write to it"
        );
        assert!(judged(&[Err(Code::UnknownTopic)]).ends_with("; create the topic"));
        assert!(judged(&[Err(Code::ClusterAuthorizationFailed)]).contains("`idempotent: false`"));
    }

    #[test]
    fn a_broker_that_is_down_is_waited_for() {
        let word = Word { refused: false, text: "a:9092: Connection refused".to_owned() };
        let error = judge(&[Err(Code::MessageTimedOut)], &word, "topic `events`").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unavailable: topic `events`: MessageTimedOut (Local: Message timed out): \
             a:9092: Connection refused"
        );
        let word = Word { refused: true, text: "SASL authentication failed".to_owned() };
        let error = judge(&[Err(Code::PurgeQueue)], &word, "topic `events`").unwrap_err();
        assert_eq!(error.to_string(), "blocked: topic `events`: SASL authentication failed");
    }

    #[test]
    fn what_is_too_large_is_halved_by_the_lane_and_parked_alone() {
        for count in [1, 3] {
            let outcomes = vec![Err(Code::MessageSizeTooLarge); count];
            assert!(judged(&outcomes).starts_with("rejected: topic `events`: MessageSizeTooLarge"));
        }
        let mixed = [Err(Code::MessageSizeTooLarge), Err(Code::InvalidRecord)];
        assert!(judged(&mixed).starts_with("[(0, None), (1, Some("));
    }
}
