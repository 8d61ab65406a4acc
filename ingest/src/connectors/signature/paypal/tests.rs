//! Certificate, body and signature in `samples/` were made with OpenSSL, the checksum with zlib.

use http::{HeaderMap, HeaderValue};
use webpki::anchor_from_trusted_cert;

use super::*;

const WEBHOOK_ID: &str = "1JE4291016473214C";
const CERTIFICATE_AT: &str = "https://api.paypal.com/v1/notifications/certs/CERT-1";
const BODY: &[u8] = include_bytes!("samples/body.json");
const CERTIFICATE: &[u8] = include_bytes!("samples/certificate.pem");

fn paypal(webhook_id: &str, root: &[u8]) -> PayPal {
    let root = CertificateDer::from_pem_slice(root).unwrap();
    let anchor = anchor_from_trusted_cert(&root).unwrap().to_owned();
    let paypal = PayPal::trusting(webhook_id, vec![anchor]);
    paypal.certificates.remember(CERTIFICATE_AT, CERTIFICATE).unwrap();
    paypal
}

fn headers(certificate_at: &'static str) -> HeaderMap {
    let signature = include_str!("samples/signature.base64").trim();
    [
        ("paypal-transmission-id", "69cd13f0-d67a-11e5-baa3-778b53f4ae55"),
        ("paypal-transmission-time", "2026-03-01T10:04:07Z"),
        ("paypal-transmission-sig", signature),
        ("paypal-cert-url", certificate_at),
        ("paypal-auth-algo", "SHA256withRSA"),
    ]
    .into_iter()
    .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
    .collect()
}

fn verify(paypal: &PayPal, headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureError> {
    // 2027-01-15: the certificates are valid from November 2026.
    paypal.verify(&Delivery { headers, body, now: EventTime::from_micros(1_800_000_000_000_000) })
}

const ROOT: &[u8] = include_bytes!("samples/root.pem");

#[test]
fn a_signature_by_a_trusted_certificate_is_taken() {
    verify(&paypal(WEBHOOK_ID, ROOT), &headers(CERTIFICATE_AT), BODY).unwrap();
}

#[test]
fn another_webhook_another_body_and_another_root_are_refused() {
    let headers = headers(CERTIFICATE_AT);
    assert_eq!(verify(&paypal("1JE", ROOT), &headers, BODY), Err(SignatureError::Mismatch));
    for place in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[place] ^= 1;
        assert_eq!(verify(&paypal(WEBHOOK_ID, ROOT), &headers, &body), Err(SignatureError::Mismatch), "byte {place}");
    }
    let another = paypal(WEBHOOK_ID, include_bytes!("samples/another_root.pem"));
    assert!(matches!(verify(&another, &headers, BODY), Err(SignatureError::Certificate(_))));
}

#[test]
fn certificates_come_from_paypal_alone() {
    for address in [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/CERT-1",
        "https://evil.example/api.paypal.com",
        "https://api.paypal.com@evil.example/",
        "https://user@api.paypal.com/CERT-1",
        "https://api.paypal.com:8443/CERT-1",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
    ] {
        assert!(pinned(address).is_err(), "{address}");
    }
    assert_eq!(pinned(CERTIFICATE_AT).unwrap(), CERTIFICATE_AT);
}

#[test]
fn the_published_sample_signs_the_published_text() {
    let vectors =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/webhooks/signature_vectors.json");
    let Ok(text) = std::fs::read_to_string(&vectors) else {
        eprintln!("passed over: {} is not here", vectors.display());
        return;
    };
    let vectors: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let sample = vectors.iter().find(|vector| vector["id"] == "paypal-01").unwrap();
    let headers = sample["headers"].as_object().unwrap().iter();
    let headers: HeaderMap = headers
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value.as_str().unwrap()).unwrap()))
        .collect();
    let body = sample["body"].as_str().unwrap().as_bytes();
    let delivery = Delivery { headers: &headers, body, now: EventTime::now() };
    let message = PayPal::new(sample["webhook_id"].as_str().unwrap()).message(&delivery).unwrap();
    assert_eq!(message, sample["signed_string"].as_str().unwrap());
}
