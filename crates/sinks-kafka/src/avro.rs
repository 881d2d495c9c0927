//! `avro`: the document in Avro's binary form, behind the id of its schema as AWS Glue and Apicurio readers of the original
//! know it: a zero byte, the sixteen bytes of the id, the datum.

use std::fmt;

use apache_avro::{Schema, types::Value, writer::datum::GenericDatumWriter};
use serde::Deserialize;

/// What stands under `avro`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AvroSettings {
    /// 32 hexadecimal digits.
    #[serde(rename = "schemaID")]
    schema_id: String,
    /// The schema itself, as JSON.
    schema: String,
}

/// A schema and what stands before each value.
pub(crate) struct Avro {
    header: [u8; 17],
    schema: Schema,
}

impl Avro {
    pub(crate) fn new(settings: &AvroSettings) -> Result<Self, String> {
        let id = decode(&settings.schema_id).ok_or_else(|| {
            format!("`avro.schemaID`: `{}` is no id of 32 hexadecimal digits", settings.schema_id)
        })?;
        let schema = Schema::parse_str(&settings.schema)
            .map_err(|error| format!("`avro.schema`: {error}"))?;
        let mut header = [0; 17];
        header[1..].copy_from_slice(&id);
        Ok(Self { header, schema })
    }

    /// Appends the value for a document.
    pub(crate) fn write(&self, out: &mut Vec<u8>, document: &[u8]) -> Result<(), String> {
        let wrong = |error: apache_avro::Error| format!("avro: {error}");
        let document: serde_json::Value = serde_json::from_slice(document)
            .map_err(|error| format!("avro: the document is no JSON: {error}"))?;
        let value = Value::try_from(document).map_err(wrong)?;
        let value = value.resolve(&self.schema).map_err(wrong)?;
        let writer = GenericDatumWriter::builder(&self.schema).build().map_err(wrong)?;
        out.extend_from_slice(&self.header);
        writer.write_value_ref(out, &value).map_err(wrong)?;
        Ok(())
    }
}

impl fmt::Debug for Avro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Avro").field("schema", &self.schema.name()).finish_non_exhaustive()
    }
}

/// The sixteen bytes of an id; hyphens, as in a UUID, are left out.
fn decode(id: &str) -> Option<[u8; 16]> {
    let digits: String = id.chars().filter(|digit| *digit != '-').collect();
    let hexadecimal = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal.then(|| u128::from_str_radix(&digits, 16).ok()).flatten().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00112233445566778899aabbccddeeff";

    const SCHEMA: &str = r#"{"type": "record", "name": "Event", "fields": [
        {"name": "reason", "type": "string"},
        {"name": "count", "type": "int", "default": 0},
        {"name": "action", "type": ["null", "string"], "default": null},
        {"name": "labels", "type": {"type": "map", "values": "string"}, "default": {}}
    ]}"#;

    fn written(document: &str) -> Result<Vec<u8>, String> {
        let settings = AvroSettings { schema_id: ID.into(), schema: SCHEMA.into() };
        let mut out = Vec::new();
        Avro::new(&settings)?.write(&mut out, document.as_bytes()).map(|()| out)
    }

    fn refusal(id: &str, schema: &str) -> String {
        Avro::new(&AvroSettings { schema_id: id.into(), schema: schema.into() }).unwrap_err()
    }

    #[test]
    fn a_value_is_a_zero_byte_the_id_and_the_datum() {
        let value =
            written(r#"{"reason":"Up","count":3,"action":"Go","labels":{"a":"b"},"more":[1]}"#);
        let value = value.unwrap();
        assert_eq!(
            value[..17],
            *b"\0\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
        );
        // Zigzag numbers: length 2, "Up"; 3; branch 1, length 2, "Go"; one pair, "a": "b"; the end.
        assert_eq!(value[17..], *b"\x04Up\x06\x02\x04Go\x02\x02a\x02b\0");
        let value = written(r#"{"reason":""}"#).unwrap();
        assert_eq!(value[17..], *b"\0\0\0\0");
    }

    #[test]
    fn a_document_that_does_not_fit_its_schema_is_refused_with_the_reason() {
        let error = written(r#"{"count":3}"#).unwrap_err();
        assert!(error.starts_with("avro: ") && error.contains("reason"), "{error}");
        assert!(written("[").unwrap_err().starts_with("avro: the document is no JSON"));
        assert!(written(r#"{"reason":"x","count":"many"}"#).is_err());
    }

    #[test]
    fn an_id_is_32_digits_and_a_schema_is_one() {
        assert_eq!(
            refusal("zz112233445566778899aabbccddeeff", SCHEMA),
            "`avro.schemaID`: `zz112233445566778899aabbccddeeff` is no id of 32 hexadecimal digits"
        );
        assert!(refusal("0011", SCHEMA).contains("is no id"));
        assert!(refusal(ID, "{").starts_with("`avro.schema`: "));
        assert!(decode("00112233-4455-6677-8899-aabbccddeeff").is_some());
        assert!(decode("+0112233445566778899aabbccddeeff").is_none());
    }
}
