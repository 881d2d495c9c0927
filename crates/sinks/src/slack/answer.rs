//! Slack says in the body of a 200 what it thinks of a request. Source: the lists of errors of `chat.postMessage` and
//! `auth.test` in Slack's documentation of its Web API.

use std::time::Duration;

use event::SendError;
use serde::Deserialize;

use crate::answer;

/// It does not take requests from us, whatever they hold.
const US: &[&str] = &[
    "access_denied",
    "accesslimited",
    "account_inactive",
    "deprecated_endpoint",
    "ekm_access_denied",
    "enterprise_is_restricted",
    "invalid_auth",
    "method_deprecated",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "org_login_required",
    "team_access_not_granted",
    "token_expired",
    "token_revoked",
    "two_factor_setup_required",
];

/// It does not take requests for that channel. Where the channel is a template, that is this event's fault alone.
const CHANNEL: &[&str] = &[
    "cannot_dm_bot",
    "channel_is_archived",
    "channel_not_found",
    "is_archived",
    "messages_tab_disabled",
    "not_in_channel",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "user_not_found",
    "user_not_in_channel",
];

/// It does not take this message.
const MESSAGE: &[&str] = &[
    "attachment_payload_limit_exceeded",
    "invalid_arg_name",
    "invalid_arguments",
    "invalid_array_arg",
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_charset",
    "invalid_form_data",
    "invalid_metadata_format",
    "markdown_text_conflict",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
];

/// What a method of the Web API answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    ok: Option<bool>,
    error: String,
    /// The scope that is missing.
    needed: String,
    /// Which message it is now.
    ts: String,
    user: String,
    team: String,
}

/// An answer of the Web API.
#[derive(Debug)]
pub(super) struct Answer {
    said: Said,
    /// Which message it is now.
    pub(super) ts: String,
    wait: Option<Duration>,
}

impl Answer {
    /// Reads an answer, unless its status says all.
    pub(super) fn read(answer: &answer::Answer) -> Result<Self, SendError> {
        answer::judge(answer.status, answer.wait, answer.reason.clone())?;
        let mut said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
        if said.ok.is_none() {
            // A portal or a proxy that says yes to everything.
            return Err(SendError::Unavailable {
                reason: format!("{}, which is no answer of Slack's", answer.reason),
                retry_after: answer.wait,
            });
        }
        for text in [&mut said.error, &mut said.needed, &mut said.user, &mut said.team] {
            *text = answer.shown(text);
        }
        let ts = std::mem::take(&mut said.ts);
        Ok(Self { said, ts, wait: answer.wait })
    }

    /// Success, or the error that the lane acts on; `one_channel` where every message goes to the same.
    pub(super) fn judge(&self, one_channel: bool) -> Result<(), SendError> {
        if self.said.ok == Some(true) {
            return Ok(());
        }
        let mut reason = format!("slack answered `{}`", self.said.error);
        if !self.said.needed.is_empty() {
            reason.push_str("; the token needs the scope ");
            reason.push_str(&self.said.needed);
        }
        let among = |errors: &[&str]| errors.contains(&self.said.error.as_str());
        Err(match () {
            () if among(US) => SendError::Blocked { reason },
            () if among(CHANNEL) && one_channel => SendError::Blocked { reason },
            () if among(CHANNEL) || among(MESSAGE) => SendError::Rejected { reason },
            // Also what nobody has heard of yet: waiting loses nothing.
            () => SendError::Unavailable { reason, retry_after: self.wait },
        })
    }

    /// Whether the message is refused for the sake of the thread that it was to stand in.
    pub(super) fn refuses_thread(&self) -> bool {
        self.said.error.contains("thread") || self.said.error == "message_not_found"
    }

    /// Whatever it says, it means: once more.
    pub(super) fn later(&self) -> SendError {
        let reason = format!("slack refuses the thread: `{}`", self.said.error);
        SendError::Unavailable { reason, retry_after: self.wait }
    }

    /// Who we are there.
    pub(super) fn who(&self) -> String {
        format!("slack knows the token as {} of {}", self.said.user, self.said.team)
    }
}
