//! The JSON of a core/v1 Event exactly as the API server writes it: no white space, known keys, nothing
//! exotic. Read in one pass, half as fast again as by a general reader, which takes whatever this one
//! declines.

use std::borrow::Cow;

use jiff::Timestamp;
use memchr::{memchr2, memmem};

use super::{Time, int32, plain_time};
use crate::{Event, ObjectRef, Series, Text, event::TextMap, time};

/// Reads `text`, or declines. Values of keys that an Event does not have are stepped over unchecked.
pub(super) fn read(text: &str) -> Option<Event> {
    // No string may hold one, and no white space is expected: checked at once, not string by string.
    if text.bytes().any(|byte| byte < b' ') {
        return None;
    }
    let mut reader = Reader { text, at: 0 };
    let mut event = Event::default();
    reader.object(|reader, key| reader.field(key, &mut event))?;
    (reader.at == text.len()).then_some(event)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn field(&mut self, key: &str, event: &mut Event) -> Option<()> {
        match key {
            "metadata" => self.object(|reader, key| reader.metadata(key, event))?,
            "involvedObject" => event.involved.reference = self.reference()?,
            "reason" => event.reason = self.text()?,
            "message" => event.message = self.text()?,
            "source" => self.object(|reader, key| {
                match key {
                    "component" => event.source.component = reader.text()?,
                    "host" => event.source.host = reader.text()?,
                    _ => reader.skip()?,
                }
                Some(())
            })?,
            "firstTimestamp" => event.first_timestamp = self.time()?.seconds(),
            "lastTimestamp" => event.last_timestamp = self.time()?.seconds(),
            "count" => event.count = int32(Some(self.number()?)),
            "type" => event.kind = self.text()?,
            "eventTime" => event.event_time = self.time()?.micros(),
            "series" if self.null() => event.series = None,
            "series" => event.series = Some(self.series()?),
            "action" => event.action = self.text()?,
            "related" => event.related = Some(self.reference()?),
            "reportingComponent" => event.reporting_component = self.text()?,
            "reportingInstance" => event.reporting_instance = self.text()?,
            "kind" | "apiVersion" => self.skip()?,
            // Another form, or another server.
            _ => return None,
        }
        Some(())
    }

    fn metadata(&mut self, key: &str, event: &mut Event) -> Option<()> {
        let metadata = &mut event.metadata;
        match key {
            "name" => metadata.name = self.text()?,
            "generateName" => metadata.generate_name = self.text()?,
            "namespace" => metadata.namespace = self.text()?,
            "selfLink" => metadata.self_link = self.text()?,
            "uid" => metadata.uid = self.text()?,
            "resourceVersion" => metadata.resource_version = self.text()?,
            "creationTimestamp" => metadata.creation_timestamp = self.time()?.seconds(),
            "labels" => metadata.labels = self.map()?,
            "annotations" => metadata.annotations = self.map()?,
            "managedFields" => self.skip_managed_fields()?,
            _ => return None,
        }
        Some(())
    }

    fn reference(&mut self) -> Option<ObjectRef> {
        let mut reference = ObjectRef::default();
        self.object(|reader, key| {
            match key {
                "kind" => reference.kind = reader.text()?,
                "namespace" => reference.namespace = reader.text()?,
                "name" => reference.name = reader.text()?,
                "uid" => reference.uid = reader.text()?,
                "apiVersion" => reference.api_version = reader.text()?,
                "resourceVersion" => reference.resource_version = reader.text()?,
                "fieldPath" => reference.field_path = reader.text()?,
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(reference)
    }

    fn series(&mut self) -> Option<Series> {
        let mut series = Series::default();
        self.object(|reader, key| {
            match key {
                "count" => series.count = int32(Some(reader.number()?)),
                "lastObservedTime" => series.last_observed_time = reader.time()?.micros(),
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(series)
    }

    fn map(&mut self) -> Option<TextMap> {
        let mut map = TextMap::default();
        self.object(|reader, key| {
            map.insert(key.into(), reader.text()?);
            Some(())
        })?;
        Some(map)
    }

    /// An object, member by member.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.take(b':')?;
            member(self, &key)?;
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    fn text(&mut self) -> Option<Text> {
        if self.null() { Some(Text::default()) } else { self.string().map(Text::from) }
    }

    fn time(&mut self) -> Option<Time> {
        if self.null() {
            return Some(Time::default());
        }
        let text = self.string()?;
        let parsed: Option<Timestamp> = plain_time(text.as_bytes());
        Some(Time(parsed.or_else(|| time::parse(&text))))
    }

    /// A whole number of up to 18 digits; nothing is 0.
    fn number(&mut self) -> Option<i64> {
        if self.null() {
            return Some(0);
        }
        let sign = if self.take(b'-').is_some() { -1 } else { 1 };
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = &self.text[self.at..self.at + digits];
        let plain = (1..=18).contains(&digits) && (digits == 1 || !text.starts_with('0'));
        self.at += digits;
        // A fraction or an exponent would follow.
        (plain && matches!(self.rest().first(), Some(b',' | b'}')))
            .then(|| text.parse().ok().map(|number: i64| sign * number))?
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        self.take(b'"')?;
        let length = memchr2(b'"', b'\\', self.rest())?;
        self.at += length;
        if self.take(b'"').is_some() {
            return Some(Cow::Borrowed(&self.text[start + 1..self.at - 1]));
        }
        while self.take(b'\\').is_some() {
            // Whatever is escaped, the next byte does not end the string.
            self.at += 1;
            self.at += memchr2(b'"', b'\\', self.text.as_bytes().get(self.at..)?)?;
        }
        self.take(b'"')?;
        serde_json::from_str(self.text.get(start..self.at)?).ok().map(Cow::Owned)
    }

    /// Steps over a string, a number, a word.
    fn skip(&mut self) -> Option<()> {
        match self.rest().first()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => None,
            _ => {
                self.at += self.rest().iter().position(|byte| matches!(byte, b',' | b'}'))?;
                Some(())
            }
        }
    }

    /// `managedFields` are last in the metadata, a third of all bytes, and nothing but small pieces.
    /// Within them no string ends before `:` and holds this key unescaped, so its place is their end.
    fn skip_managed_fields(&mut self) -> Option<()> {
        self.take(b'[')?;
        self.at += memmem::find(self.rest(), br#"]},"involvedObject":{"#)? + 1;
        Some(())
    }

    fn null(&mut self) -> bool {
        let found = self.rest().starts_with(b"null");
        self.at += if found { 4 } else { 0 };
        found
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.rest().first() == Some(&byte)).then(|| self.at += 1)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::general;
    use super::*;

    const FULL: &str = r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"web.17d0","generateName":"web.","namespace":"shop","selfLink":"/x","uid":"5758","resourceVersion":"1005","creationTimestamp":"2026-11-20T08:50:49Z","labels":{"a":"b"},"annotations":{"c/d":"e\n\"f\\"},"managedFields":[{"manager":"kubelet","fieldsV1":{"f:count":{},"f:involvedObject":{},"f:source":{"f:host":{}}}}]},"involvedObject":{"kind":"Pod","namespace":"shop","name":"web","uid":"0b5c","apiVersion":"v1","resourceVersion":"4711","fieldPath":"spec.containers{web}"},"reason":"Pulled","message":"caf\u00e9 \"x\" é ]},\"involvedObject\":{","source":{"component":"kubelet","host":"n"},"firstTimestamp":"2026-11-20T08:50:49Z","lastTimestamp":null,"count":-7,"type":"Normal","eventTime":"2026-11-20T08:50:49.123456Z","series":{"count":3,"lastObservedTime":"2026-11-20T08:50:49.000000Z"},"action":"Go","related":{"kind":"Node"},"reportingComponent":"kubelet","reportingInstance":"n"}"#;

    #[test]
    fn what_the_server_writes_is_read_as_by_the_general_reader() {
        let event = read(FULL).expect("plain");
        assert_eq!(event, general(FULL.as_bytes()).unwrap());
        assert_eq!(event.message, "café \"x\" é ]},\"involvedObject\":{");
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_general_reader() {
        for other in [
            "",
            "{",
            "{}x",
            r#"{"count":1.5}"#,
            r#"{"count":01}"#,
            r#"{"count":1e3}"#,
            r#"{ "count":1}"#,
            r#"{"note":"x"}"#,
            r#"{"message":"x"#,
            r#"{"message":"x\"#,
            "{\"message\":\"x\ty\"}",
            r#"{"metadata":{"managedFields":[]}}"#,
        ] {
            assert!(read(other).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_read_alike_or_declined(
            at in 0..FULL.len(), byte in 0x20u8..0x7f, remove in any::<bool>(),
        ) {
            let mut bytes = FULL.as_bytes().to_vec();
            if remove { bytes.remove(at); } else { bytes[at] = byte; }
            let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
            if let (Some(plain), Ok(event)) = (read(&text), general(text.as_bytes())) {
                prop_assert_eq!(plain, event);
            }
        }

        #[test]
        fn any_text_is_read_or_declined(text in "[\\PC\"{}:,\\\\]{0,60}") {
            drop(read(&text));
        }
    }
}
