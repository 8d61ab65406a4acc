//! Splitting a request body into the text of its events, without copying it.

use serde_json::value::RawValue;

/// How events are packed in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// One JSON object.
    One,
    /// A JSON array of objects.
    Batch,
    /// One JSON object a line.
    Lines,
}

/// Why a body holds no events.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The bytes are not UTF-8.
    #[error("the body is not UTF-8 (byte {0})")]
    NotUtf8(usize),
    /// The array cannot be read to its end.
    #[error("the body is not a JSON array of events: {0}")]
    NotArray(serde_json::Error),
    /// Nothing is in it.
    #[error("the body is empty; send one event, an array of events, or one event a line")]
    Empty,
    /// The content type names no packing.
    #[error(
        "content type {0:?} is not known here; use application/cloudevents+json (one event), \
         application/cloudevents-batch+json (an array) or application/x-ndjson (one event a line)"
    )]
    ContentType(String),
}

impl Packing {
    /// The packing that a content type names.
    ///
    /// # Errors
    /// When it names none.
    pub fn of_content_type(content_type: &str) -> Result<Packing, BodyError> {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/cloudevents+json" => Ok(Packing::One),
            "application/cloudevents-batch+json" => Ok(Packing::Batch),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Packing::Lines),
            _ => Err(BodyError::ContentType(essence)),
        }
    }

    /// The packing of a body whose sender said only "JSON": an array is a batch.
    pub fn guess(body: &[u8]) -> Packing {
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') { Packing::Batch } else { Packing::One }
    }
}

/// The text of each event in a body, in order.
///
/// # Errors
/// When the body as a whole cannot be read; a single bad event in it is not looked at here.
pub fn split(body: &[u8], packing: Packing) -> Result<Vec<&str>, BodyError> {
    let text = std::str::from_utf8(body).map_err(|error| BodyError::NotUtf8(error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let events = match packing {
        Packing::One => vec![text.trim()],
        Packing::Batch => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(BodyError::NotArray)?;
            items.into_iter().map(RawValue::get).collect()
        }
        Packing::Lines => text.lines().map(str::trim).filter(|line| !line.is_empty()).collect(),
    };
    if events.is_empty() || events == [""] {
        return Err(BodyError::Empty);
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packing_gives_its_events_in_order() {
        assert_eq!(split(b" {\"a\":1}\n", Packing::One).unwrap(), ["{\"a\":1}"]);
        assert_eq!(split(b"[{\"a\":1}, 2]", Packing::Batch).unwrap(), ["{\"a\":1}", "2"]);
        assert_eq!(split(b"{\"a\":1}\r\n\n{\"a\":2}", Packing::Lines).unwrap(), ["{\"a\":1}", "{\"a\":2}"]);
    }

    #[test]
    fn a_body_without_events_says_so() {
        assert!(matches!(split(b"", Packing::One), Err(BodyError::Empty)));
        assert!(matches!(split(b"[]", Packing::Batch), Err(BodyError::Empty)));
        assert!(matches!(split(b"[{\"a\":1}", Packing::Batch), Err(BodyError::NotArray(_))));
        assert!(matches!(split(b"\xff", Packing::Lines), Err(BodyError::NotUtf8(0))));
    }

    #[test]
    fn the_content_type_decides_and_an_unknown_one_is_named() {
        assert_eq!(Packing::of_content_type("application/x-ndjson; charset=utf-8").unwrap(), Packing::Lines);
        assert!(Packing::of_content_type("text/html").unwrap_err().to_string().contains("\"text/html\""));
    }
}
