//! The ready connectors: how each proves itself, and the mapping that makes events of what it sends.

use super::settings::{ConnectorSettings, https};
use super::signature::{Algorithm, Delivery, Encoding, Jws, PayPal, Scheme, Signed};

/// The scheme of a kind; or what is wrong with the settings.
type SchemeOf = fn(&ConnectorSettings) -> Result<Scheme, String>;

/// A ready connector.
pub struct Kind {
    /// As the settings name it.
    pub name: &'static str,
    /// How its provider is called.
    pub title: &'static str,
    /// How its webhooks prove themselves.
    pub(super) scheme: SchemeOf,
    /// Its mapping, in jq.
    pub(super) mapping: &'static str,
    /// What its provider wants to read as a sign that a webhook was taken; ours where it does not matter.
    pub(super) answer: Option<&'static str>,
    /// Whether a delivery is an unsigned probe of the address, which is answered and not kept.
    pub(super) is_probe: fn(&Delivery<'_>) -> bool,
}

/// Every ready connector, payments first, then platforms, then parcels.
pub static KINDS: &[Kind] = &[
    Kind::new("stripe", "Stripe", |_| Ok(Scheme::Stripe), include_str!("stripe.jq")),
    Kind::new("paypal", "PayPal", paypal, include_str!("paypal.jq")),
    Kind::new("adyen", "Adyen", |_| Ok(Scheme::Adyen), include_str!("adyen.jq")).answers("[accepted]"),
    Kind::new("moyasar", "Moyasar", |_| field("/secret_token"), include_str!("moyasar.jq")),
    Kind::new("tap", "Tap", |_| Ok(Scheme::Tap), include_str!("tap.jq")),
    Kind::new("paytabs", "PayTabs", |_| hex(&["signature"]), include_str!("paytabs.jq")),
    Kind::new("checkout", "Checkout.com", |_| hex(&["cko-signature"]), include_str!("checkout.jq")),
    Kind::new(
        "shopify",
        "Shopify",
        |_| base64(&["x-shopify-hmac-sha256", "shopify-hmac-sha256"]),
        include_str!("shopify.jq"),
    ),
    Kind::new("woocommerce", "WooCommerce", |_| base64(&["x-wc-webhook-signature"]), include_str!("woocommerce.jq"))
        .probed(is_woocommerce_ping),
    Kind::new("salla", "Salla", |_| Ok(Scheme::Salla), include_str!("salla.jq")),
    Kind::new("zid", "Zid", |_| Ok(Scheme::Basic), include_str!("zid.jq")),
    Kind::new("medusa", "Medusa", |_| Ok(Scheme::StandardWebhooks), include_str!("medusa.jq")),
    Kind::new("saleor", "Saleor", saleor, include_str!("saleor.jq")),
    Kind::new("aftership", "AfterShip", |_| base64(&["aftership-hmac-sha256"]), include_str!("aftership.jq")),
    Kind::new("carrier", "a carrier", |_| Ok(Scheme::StandardWebhooks), include_str!("carrier.jq")),
    Kind::new("standard", "Standard Webhooks", |_| Ok(Scheme::StandardWebhooks), include_str!("standard.jq")),
];

impl Kind {
    const fn new(name: &'static str, title: &'static str, scheme: SchemeOf, mapping: &'static str) -> Kind {
        Kind { name, title, scheme, mapping, answer: None, is_probe: |_| false }
    }

    const fn answers(self, answer: &'static str) -> Kind {
        Kind { answer: Some(answer), ..self }
    }

    const fn probed(self, is_probe: fn(&Delivery<'_>) -> bool) -> Kind {
        Kind { is_probe, ..self }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.name == name)
    }
}

fn paypal(settings: &ConnectorSettings) -> Result<Scheme, String> {
    let id = settings.webhook_id.as_deref().ok_or("webhook_id is missing, which PayPal signs")?;
    Ok(Scheme::PayPal(PayPal::new(id)))
}

/// With a secret key up to Saleor 3.23; by its published keys from there on.
fn saleor(settings: &ConnectorSettings) -> Result<Scheme, String> {
    match &settings.public_keys {
        Some(address) => Ok(Scheme::Jws(Jws::new("saleor-signature", &https(address)?))),
        None => hex(&["saleor-signature"]),
    }
}

fn hex(headers: &[&str]) -> Result<Scheme, String> {
    Ok(Scheme::Signed(Signed::body(headers, Algorithm::HmacSha256, Encoding::Hex)))
}

fn base64(headers: &[&str]) -> Result<Scheme, String> {
    Ok(Scheme::Signed(Signed::body(headers, Algorithm::HmacSha256, Encoding::Base64)))
}

fn field(pointer: &str) -> Result<Scheme, String> {
    Ok(Scheme::Field { pointer: pointer.to_owned() })
}

/// When a webhook is set up, WooCommerce sends its number, unsigned, to see whether somebody answers.
fn is_woocommerce_ping(delivery: &Delivery<'_>) -> bool {
    let number = delivery.body.strip_prefix(b"webhook_id=");
    number.is_some_and(|number| !number.is_empty() && number.len() < 20 && number.iter().all(u8::is_ascii_digit))
}
