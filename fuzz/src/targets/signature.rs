//! Signatures in headers: any bytes are refused with a reason, and what is right is right for this body alone.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use mizan_ingest::connectors::{Algorithm, Delivery, Encoding, Jws, KeyForm, Part, PayPal, Scheme, Secret, Signed};

use super::{now, parts};

/// In the form that Standard Webhooks wants, and long enough for all others.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn run(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    let (head, body) = parts(data);
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(16) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&line[colon + 1..]));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let (scheme, signs_all) = &SCHEMES[usize::from(*which) % SCHEMES.len()];
    let secrets = [Secret::new(SECRET), Secret::new("another")];
    let verify = |body: &[u8]| scheme.verify(&Delivery { headers: &headers, body, now: now() }, &secrets);
    if verify(body).is_ok() && *signs_all {
        for place in (0..body.len()).rev().take(64) {
            let mut other = body.to_vec();
            other[place] ^= 1;
            assert!(verify(&other).is_err(), "byte {place} may be changed");
        }
        assert!(verify(&[body, b" "].concat()).is_err(), "something may be added");
    }
    assert!(scheme.verify(&Delivery { headers: &headers, body, now: now() }, &[]).is_err() || !scheme.needs_secret());
}

/// Each scheme, and whether it signs the body byte for byte.
static SCHEMES: LazyLock<Vec<(Scheme, bool)>> = LazyLock::new(|| (0..12).map(scheme).collect());

fn scheme(which: u8) -> (Scheme, bool) {
    let signed = |algorithm, encoding, key, parts, time: Option<&str>| {
        let (headers, prefix) = (vec!["x-signature".to_owned()], "sha=".to_owned());
        (
            Scheme::Signed(Signed { headers, prefix, algorithm, encoding, key, parts, time: time.map(str::to_owned) }),
            true,
        )
    };
    let timed = || vec![Part::Header("x-time".to_owned()), Part::Text(".".to_owned()), Part::Body];
    match which {
        0 => (Scheme::Stripe, true),
        1 => (Scheme::StandardWebhooks, true),
        2 => (Scheme::Adyen, false),
        3 => (Scheme::Salla, false),
        4 => (Scheme::Tap, false),
        5 => (Scheme::Basic, false),
        6 => (Scheme::Token { header: "x-token".to_owned() }, false),
        7 => (Scheme::Field { pointer: "/token".to_owned() }, false),
        8 => (Scheme::PayPal(PayPal::new("8PT597110X687430LKGECATA")), true),
        9 => (Scheme::Jws(Jws::new("x-jws", "https://keys.example/jwks.json")), true),
        10 => signed(Algorithm::HmacSha256, Encoding::Hex, KeyForm::Text, timed(), Some("x-time")),
        _ => signed(Algorithm::HmacSha512, Encoding::Base64, KeyForm::Text, vec![Part::Body], None),
    }
}
