//! The schemes that providers thought of themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizan_events::{Currency, Decimal};
use serde_json::Value;

use super::{
    Algorithm, Delivery, Encoding, KeyForm, Secret, SignatureError, any_of, fresh, header_of, hex, json, same,
};

pub(super) fn basic(delivery: &Delivery<'_>, secrets: &[&Secret]) -> Result<(), SignatureError> {
    let given = header_of(delivery, "authorization")?;
    let (scheme, given) = given.split_once(' ').unwrap_or((given, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(SignatureError::Malformed("the authorization is not Basic"));
    }
    let given = Encoding::Base64.decode(given.trim())?;
    any_of(secrets, |secret| same(secret.bytes(), &given))
}

pub(super) fn stripe(delivery: &Delivery<'_>, secrets: &[&Secret]) -> Result<(), SignatureError> {
    let header = header_of(delivery, "stripe-signature")?;
    let mut signed_at = None;
    let mut given: Vec<Vec<u8>> = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", time)) => signed_at = Some(time),
            // What is not hexadecimal matches nothing; another may.
            Some(("v1", signature)) => given.push(hex(signature).unwrap_or_default()),
            _ => {}
        }
    }
    let signed_at = signed_at.ok_or(SignatureError::Malformed("it has no time (t=…)"))?;
    let seconds = signed_at.parse().map_err(|_| SignatureError::Malformed("its time is not a number of seconds"))?;
    if given.is_empty() {
        return Err(SignatureError::Malformed("it has no signature of version v1"));
    }
    any_of(secrets, |secret| {
        let expected = Algorithm::HmacSha256.of(secret.bytes(), &[signed_at.as_bytes(), b".", delivery.body]);
        given.iter().fold(false, |found, given| found | same(&expected, given))
    })?;
    fresh(seconds, delivery.now)
}

pub(super) fn standard_webhooks(delivery: &Delivery<'_>, secrets: &[&Secret]) -> Result<(), SignatureError> {
    let id = header_of(delivery, "webhook-id")?;
    let signed_at = header_of(delivery, "webhook-timestamp")?;
    let header = header_of(delivery, "webhook-signature")?;
    let seconds = signed_at.parse().map_err(|_| SignatureError::Malformed("its time is not a number of seconds"))?;
    let versions = header.split(' ').filter_map(|part| part.split_once(','));
    let given: Vec<Vec<u8>> =
        versions.filter(|(version, _)| *version == "v1").filter_map(|(_, text)| STANDARD.decode(text).ok()).collect();
    let key =
        |secret: &&Secret| KeyForm::Base64.bytes(&Secret::new(secret.0.strip_prefix("whsec_").unwrap_or(&secret.0)));
    let keys: Vec<Vec<u8>> = secrets.iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err(SignatureError::NoSecret);
    }
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", signed_at.as_bytes(), b".", delivery.body];
    let found = keys.iter().fold(false, |found, key| {
        let expected = Algorithm::HmacSha256.of(key, &parts);
        given.iter().fold(found, |found, given| found | same(&expected, given))
    });
    if !found {
        return Err(SignatureError::Mismatch);
    }
    fresh(seconds, delivery.now)
}

pub(super) fn adyen(delivery: &Delivery<'_>, secrets: &[&Secret]) -> Result<(), SignatureError> {
    let body = json(delivery.body)?;
    let items = body.get("notificationItems").and_then(Value::as_array).filter(|items| !items.is_empty());
    let items = items.ok_or(SignatureError::Malformed("the body has no notificationItems"))?;
    items.iter().try_for_each(|item| adyen_item(item.get("NotificationRequestItem").unwrap_or(item), secrets))
}

fn adyen_item(item: &Value, secrets: &[&Secret]) -> Result<(), SignatureError> {
    let given = item.pointer("/additionalData/hmacSignature").and_then(Value::as_str);
    let given = given.ok_or(SignatureError::Malformed("an item has no additionalData.hmacSignature"))?;
    let given = Encoding::Base64.decode(given)?;
    // Joined as they are: Adyen escapes neither backslash nor colon here.
    let fields = [
        "/pspReference",
        "/originalReference",
        "/merchantAccountCode",
        "/merchantReference",
        "/amount/value",
        "/amount/currency",
        "/eventCode",
        "/success",
    ];
    let message = fields.map(|pointer| own_text(item.pointer(pointer))).join(":");
    any_of(secrets, |secret| {
        let key = KeyForm::Hex.bytes(secret);
        key.is_some_and(|key| same(&Algorithm::HmacSha256.of(&key, &[message.as_bytes()]), &given))
    })
}

/// A scalar as the provider printed it; nothing for what is absent.
fn own_text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

pub(super) fn salla(delivery: &Delivery<'_>, secrets: &[&Secret]) -> Result<(), SignatureError> {
    let strategy = delivery.headers.get("x-salla-security-strategy").and_then(|value| value.to_str().ok());
    if strategy.is_some_and(|strategy| strategy.eq_ignore_ascii_case("token")) {
        let given = header_of(delivery, "authorization")?;
        return any_of(secrets, |secret| same(secret.bytes(), given.as_bytes()));
    }
    let given = Encoding::Hex.decode(header_of(delivery, "x-salla-signature")?)?;
    any_of(secrets, |secret| same(&Algorithm::HmacSha256.of(secret.bytes(), &[delivery.body]), &given))
}

pub(super) fn tap(delivery: &Delivery<'_>, secrets: &[&Secret]) -> Result<(), SignatureError> {
    let given = Encoding::Hex.decode(header_of(delivery, "hashstring")?)?;
    let body = json(delivery.body)?;
    let text = |pointer: &str| own_text(body.pointer(pointer));
    let currency = text("/currency");
    let amount = Decimal::parse(&text("/amount")).map_err(|_| SignatureError::Malformed("the amount is no decimal"))?;
    // Printed with as many decimals as the currency has: three for KWD, two for SAR.
    let exponent = Currency::from_code(&currency)
        .map(Currency::exponent)
        .ok_or(SignatureError::Malformed("the currency is not one of ISO 4217"))?;
    let amount = amount.to_text(exponent);
    let head = format!("x_id{}x_amount{amount}x_currency{currency}", text("/id"));
    let (status, created) = (text("/status"), text("/created"));
    let message = if text("/id").starts_with("inv_") {
        // An invoice has no payment yet that it could name.
        format!("{head}x_updated{}x_status{status}x_created{created}", text("/updated"))
    } else {
        // A charge says in its transaction when it was made, a refund at the top.
        let transaction = text("/transaction/created");
        let created = if transaction.is_empty() { created } else { transaction };
        let (gateway, payment) = (text("/reference/gateway"), text("/reference/payment"));
        format!("{head}x_gateway_reference{gateway}x_payment_reference{payment}x_status{status}x_created{created}")
    };
    any_of(secrets, |secret| same(&Algorithm::HmacSha256.of(secret.bytes(), &[message.as_bytes()]), &given))
}
