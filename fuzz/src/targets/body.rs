//! The body of a request: one event, an array, or lines. What is split lies in the body, in order, and each is read.

use bytes::Bytes;
use mizan_events::{Unknown, parse};
use mizan_ingest::Decoder;
use mizan_ingest::body::{Packing, split};

use super::{now, parts};

pub(crate) fn run(data: &[u8]) {
    let (content_type, body) = parts(data);
    let packing = match Packing::of_content_type(&String::from_utf8_lossy(content_type)) {
        Ok(packing) => packing,
        Err(_) => Packing::guess(body),
    };
    let body = Bytes::copy_from_slice(body);
    let Ok(events) = split(&body, packing) else { return };
    assert!(!events.is_empty());
    let mut end = body.as_ptr().addr();
    let mut good = 0;
    for text in &events {
        let range = text.as_bytes().as_ptr_range();
        assert!(
            range.start.addr() >= end && range.end.addr() <= body.as_ptr_range().end.addr(),
            "out of the body or order"
        );
        end = range.end.addr();
        good += usize::from(parse(text, Unknown::Keep, now()).is_ok());
    }
    // The road of files judges the same text in the same way.
    let decoded = Decoder::new(Unknown::Keep, now()).decode(&body, events.iter().copied());
    assert_eq!((decoded.entries.len(), decoded.refused.len()), (good, events.len() - good));
}
