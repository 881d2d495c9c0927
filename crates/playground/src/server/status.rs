//! What the API server says when it refuses: `Status` objects, in its own words.

use std::borrow::Cow;

use event::protobuf::Writer;
use http::StatusCode;
use serde_json::{Value, json};

use super::{accept::Media, form, resource::Resource};
use crate::store::{BadToken, ReadError, WriteError};

/// A `Status` of meta/v1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: u16,
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// `metadata.continue`, for a list that can go on inconsistently.
    pub(super) continue_token: String,
    /// Boxed, for the error path must not make every answer large.
    pub(super) details: Option<Box<Details>>,
}

/// What a [`Status`] is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) name: String,
    pub(super) group: &'static str,
    pub(super) kind: &'static str,
    pub(super) uid: String,
    pub(super) causes: Vec<Cause>,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) field: Cow<'static, str>,
}

impl Cause {
    pub(super) fn required(field: &'static str, more: &str) -> Self {
        let message = if more.is_empty() { String::new() } else { format!(": {more}") };
        Self {
            reason: "FieldValueRequired",
            message: format!("Required value{message}"),
            field: field.into(),
        }
    }

    pub(super) fn invalid(field: &'static str, value: &str, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}: {why}", Value::from(value)),
            field: field.into(),
        }
    }

    pub(super) fn forbidden(field: &'static str, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
            field: field.into(),
        }
    }

    pub(super) fn not_supported(field: &'static str, value: &str, supported: &str) -> Self {
        Self {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: \"{value}\": supported values: {supported}"),
            field: field.into(),
        }
    }
}

impl Status {
    pub(super) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code: code.as_u16(), reason, message: message.into(), ..Self::default() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// Nothing is served at this path of the API.
    pub(super) fn no_such_resource() -> Self {
        Self {
            details: Some(Box::default()),
            ..Self::new(
                StatusCode::NOT_FOUND,
                "NotFound",
                "the server could not find the requested resource",
            )
        }
    }

    /// No form in which the client would take the answer.
    pub(super) fn not_acceptable() -> Self {
        let offered = "application/json, application/yaml, application/vnd.kubernetes.protobuf, application/cbor";
        let message = format!("only the following media types are accepted: {offered}");
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self {
            details: Some(Box::default()),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )
        }
    }

    pub(super) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(resource, name)
    }

    pub(super) fn forbidden(resource: &Resource, verb: &str, namespace: Option<&str>) -> Self {
        let place = namespace.map_or_else(
            || "at the cluster scope".to_owned(),
            |namespace| format!("in the namespace \"{namespace}\""),
        );
        let message = format!(
            "{} is forbidden: User \"system:serviceaccount:monitoring:tidings\" cannot {verb} resource \"{}\" in API group \"{}\" {place}",
            resource.qualified(),
            resource.plural,
            resource.group,
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(resource, "")
    }

    pub(super) fn expired(message: &str) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    /// The continue token is too old; going on with `token` is inconsistent.
    pub(super) fn continue_expired(token: String) -> Self {
        Self {
            continue_token: token,
            ..Self::expired(
                "The provided continue parameter is too old to display a consistent list result. \
                 You can start a new list without the continue parameter, or use the continue token \
                 in this response to retrieve the remainder of the results. Continuing with the \
                 provided token results in an inconsistent list - objects that were created, \
                 modified, or deleted between the time the first chunk was returned and now may show \
                 up in the list.",
            )
        }
    }

    pub(super) fn too_large(requested: u64, newest: u64) -> Self {
        let message =
            format!("Timeout: Too large resource version: {requested}, current: {newest}");
        let cause = Cause {
            reason: "ResourceVersionTooLarge",
            message: "Too large resource version".into(),
            field: "".into(),
        };
        Self {
            details: Some(Box::new(Details { causes: vec![cause], ..Details::default() })),
            ..Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message)
        }
    }

    /// An object that is not as it must be; `kind` as errors call it.
    pub(super) fn invalid(kind: &str, details: Details) -> Self {
        let texts: Vec<String> =
            details.causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let all = match &*texts {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{kind} \"{}\" is invalid: {all}", details.name);
        Self {
            details: Some(Box::new(details)),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
        }
    }

    pub(super) fn refused(error: WriteError, resource: &Resource, name: &str) -> Self {
        let what = format!("{} \"{name}\"", resource.qualified());
        let conflict = StatusCode::CONFLICT;
        match error {
            WriteError::NotFound => return Self::not_found(resource, name),
            WriteError::AlreadyExists => {
                Self::new(conflict, "AlreadyExists", format!("{what} already exists"))
            }
            WriteError::Conflict => Self::new(
                conflict,
                "Conflict",
                format!(
                    "Operation cannot be fulfilled on {what}: the object has been modified; please \
                     apply your changes to the latest version and try again"
                ),
            ),
        }
        .about(resource, name)
    }

    pub(super) fn precondition(resource: &Resource, name: &str, has: &str, wants: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": Precondition failed: UID in \
             precondition: {wants}, UID in object meta: {has}",
            resource.qualified(),
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(resource, name)
    }

    pub(super) fn read(error: ReadError) -> Self {
        match error {
            ReadError::Compacted { .. } => {
                Self::expired("The resourceVersion for the provided list is too old.")
            }
            ReadError::Future { requested, newest } => Self::too_large(requested, newest),
            ReadError::ContinueExpired { go_on } => Self::continue_expired(go_on),
            ReadError::BadToken(token) => Self::bad_token(&token),
        }
    }

    fn bad_token(token: &BadToken) -> Self {
        Self::bad_request(format!("invalid continue token: {token}"))
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        self.details = Some(Box::new(Details {
            name: name.into(),
            group: resource.error_group(),
            kind: resource.plural,
            ..Details::default()
        }));
        self
    }

    /// What a deletion answers.
    pub(super) fn deleted(resource: &Resource, name: &str, uid: &str) -> Self {
        let mut status = Self { code: 200, ..Self::default() }.about(resource, name);
        if let Some(details) = &mut status.details {
            details.uid = uid.into();
        }
        status
    }

    fn succeeded(&self) -> bool {
        self.code < 400
    }

    fn word(&self) -> &'static str {
        if self.succeeded() { "Success" } else { "Failure" }
    }

    /// The object, in JSON or protobuf.
    pub(super) fn encode(&self, media: Media) -> Vec<u8> {
        match media {
            Media::Json => {
                let mut json = self.json().to_string().into_bytes();
                json.push(b'\n');
                json
            }
            Media::Protobuf => form::protobuf::unknown("v1", "Status", &self.protobuf()),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": self.word(),
        });
        if !self.continue_token.is_empty() {
            status["metadata"]["continue"] = self.continue_token.as_str().into();
        }
        if !self.message.is_empty() {
            status["message"] = self.message.as_str().into();
        }
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.json();
        }
        if !self.succeeded() {
            status["code"] = self.code.into();
        }
        status
    }

    pub(super) fn protobuf(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.message(1, |out| out.text(3, &self.continue_token));
        out.text(2, self.word());
        out.text(3, &self.message);
        out.text(4, self.reason);
        if let Some(details) = &self.details {
            out.message(5, |out| details.protobuf(out));
        }
        if !self.succeeded() {
            out.number(6, self.code.into());
        }
        out.0
    }
}

impl Details {
    fn json(&self) -> Value {
        let mut details = json!({});
        let texts = [("name", &*self.name), ("group", self.group), ("kind", self.kind)];
        for (key, text) in texts.into_iter().chain([("uid", &*self.uid)]) {
            if !text.is_empty() {
                details[key] = text.into();
            }
        }
        let causes: Vec<Value> = self.causes.iter().map(Cause::json).collect();
        if !causes.is_empty() {
            details["causes"] = causes.into();
        }
        details
    }

    fn protobuf(&self, out: &mut Writer) {
        out.text(1, &self.name);
        out.text(2, self.group);
        out.text(3, self.kind);
        for cause in &self.causes {
            out.message(4, |out| {
                out.text(1, cause.reason);
                out.text(2, &cause.message);
                out.text(3, &cause.field);
            });
        }
        out.text(6, &self.uid);
    }
}

impl Cause {
    fn json(&self) -> Value {
        let mut cause = json!({"reason": self.reason, "message": self.message});
        if !self.field.is_empty() {
            cause["field"] = (&*self.field).into();
        }
        cause
    }
}
