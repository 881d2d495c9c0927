//! Header values that are templates: one value for each event. A value that fails to render is sent as it was written, as in
//! kubernetes-event-exporter.

use std::{collections::BTreeMap, fmt};

use event::{Event, Text};
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use template::Template;

use crate::{environment::Process, shape, template_data, visible::visible};

/// A header whose value is a template.
pub(crate) struct Header {
    pub(crate) name: Text,
    value: String,
    /// Without one the text is no template, and is sent as it is.
    template: Option<Template>,
}

/// Whether a value is a template; any other is the same for every event.
pub(crate) fn is_template(value: &str) -> bool {
    value.contains("{{")
}

/// Those of the configured headers that are templates.
pub(crate) fn templates(headers: &BTreeMap<String, String>) -> Vec<Header> {
    let templates = headers.iter().filter(|(_, value)| is_template(value));
    templates
        .map(|(name, value)| Header {
            name: name.as_str().into(),
            value: value.clone(),
            template: Template::parse("template", value).ok(),
        })
        .collect()
}

impl Header {
    /// The value for an event; an error when no header can carry it.
    pub(crate) fn render(
        &self,
        event: &Event,
        process: &Process,
        now: Timestamp,
    ) -> Result<String, String> {
        let template = self.template.as_ref();
        let rendered = template.and_then(|template| {
            template.execute(&template_data::of(event), &shape::context(process, now)).ok()
        });
        let value = rendered.as_deref().unwrap_or(&self.value).trim();
        if HeaderValue::try_from(value).is_err() {
            return Err(format!(
                "headers.{}: the value has characters that no header can carry",
                visible(&self.name)
            ));
        }
        Ok(value.to_owned())
    }

    /// Whether it can show what was looked up of the involved object.
    pub(crate) fn needs_lookup(&self) -> bool {
        self.template.as_ref().is_some_and(shape::needs_lookup)
    }

    /// Whether it names one of these fields.
    pub(crate) fn names(&self, fields: &[&str]) -> bool {
        self.template.as_ref().is_some_and(|template| shape::names(template, fields))
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values hold secrets.
        f.write_str(&self.name)
    }
}
