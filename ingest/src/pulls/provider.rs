//! The providers that can be pulled from, under one roof.

use std::path::Path;

use mizan_events::EventTime;

use super::client::{Auth, Client};
use super::error::{ApiError, PullError};
use super::{moyasar, shopify, stripe, woocommerce};
use crate::connectors::{ApiSettings, Pulled};

/// The kinds of connectors that can pull.
pub const KINDS: [&str; 4] = ["stripe", "moyasar", "shopify", "woocommerce"];

/// One provider's API, with its key.
pub struct Provider {
    pub(super) client: Client,
    api: Api,
}

#[derive(Clone, Copy)]
enum Api {
    Stripe,
    Moyasar,
    Shopify,
    WooCommerce,
}

/// Which page to read.
pub(super) struct Ask<'a> {
    /// From here; none is the beginning.
    pub(super) since: Option<EventTime>,
    /// To here; none is as far as it goes.
    pub(super) until: Option<EventTime>,
    /// When the pull was begun.
    pub(super) started: EventTime,
    /// Where to go on; none is the first page.
    pub(super) at: Option<&'a Place>,
}

/// Where a list goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// What is kept, and means the same after a week.
    pub(super) saved: String,
    /// What leads there faster, as long as this pull runs.
    pub(super) live: Option<String>,
}

/// One page of objects.
#[derive(Default)]
pub(super) struct Page {
    /// Objects on it.
    pub(super) objects: u64,
    /// The webhooks that would have told them.
    pub(super) pulled: Vec<Pulled>,
    /// The next page; none after the last one.
    pub(super) next: Option<Place>,
}

impl Provider {
    /// The API of a connector. Files that the settings name are sought from `folder`.
    ///
    /// # Errors
    /// When the settings do not make one.
    pub fn new(
        connector: &str,
        kind: &str,
        settings: Option<&ApiSettings>,
        folder: &Path,
    ) -> Result<Provider, ApiError> {
        let api = match kind {
            "stripe" => Api::Stripe,
            "moyasar" => Api::Moyasar,
            "shopify" => Api::Shopify,
            "woocommerce" => Api::WooCommerce,
            _ => return Err(ApiError::Kind { kind: kind.to_owned() }),
        };
        let settings = settings.ok_or(ApiError::None)?;
        let (key, secret) = keys(settings, folder)?;
        let key = key.ok_or(ApiError::Missing("key"))?;
        if settings.secret.is_some() && !matches!(api, Api::WooCommerce) {
            return Err(ApiError::Unused("secret"));
        }
        let (usual, auth) = match api {
            Api::Stripe => (Some("https://api.stripe.com"), Auth::Bearer(key)),
            Api::Moyasar => (Some("https://api.moyasar.com"), Auth::Basic(key, String::new())),
            Api::Shopify => (None, Auth::Header("x-shopify-access-token", key)),
            Api::WooCommerce => (None, Auth::Basic(key, secret.ok_or(ApiError::Missing("secret"))?)),
        };
        let url = settings.url.as_deref().or(usual).ok_or(ApiError::Missing("url"))?;
        Ok(Provider { client: Client::new(connector, url, auth)?, api })
    }

    /// The kinds of objects to read, in their order.
    pub(super) fn objects(&self) -> &'static [&'static str] {
        match self.api {
            Api::Stripe => stripe::OBJECTS,
            Api::Moyasar => moyasar::OBJECTS,
            Api::Shopify => shopify::OBJECTS,
            Api::WooCommerce => woocommerce::OBJECTS,
        }
    }

    /// Whether a webhook of this provider tells such events at all. If so, and a pull finds one, a webhook is missing.
    pub fn has_webhook_for(&self, event_type: &str) -> bool {
        // Stripe's webhooks name the booking that holds the fee, and do not show it.
        !(matches!(self.api, Api::Stripe) && event_type == "payment.fee")
    }

    /// Whether a shop may do without these objects: not every account has them, and not every key may read them.
    pub(super) fn is_optional(&self, objects: &str) -> bool {
        match self.api {
            Api::Stripe => false,
            Api::Moyasar => objects == "settlements",
            Api::Shopify => objects != "orders",
            Api::WooCommerce => objects != "orders",
        }
    }

    pub(super) async fn page(&self, objects: &str, ask: &Ask<'_>) -> Result<Page, PullError> {
        match self.api {
            Api::Stripe => stripe::page(&self.client, objects, ask).await,
            Api::Moyasar => moyasar::page(&self.client, objects, ask).await,
            Api::Shopify => shopify::page(&self.client, objects, ask).await,
            Api::WooCommerce => woocommerce::page(&self.client, objects, ask).await,
        }
    }
}

/// Key and secret, from the settings or their file.
fn keys(settings: &ApiSettings, folder: &Path) -> Result<(Option<String>, Option<String>), ApiError> {
    let mut lines = Vec::new();
    if let Some(path) = &settings.key_file {
        let path = folder.join(path);
        let text = std::fs::read_to_string(&path).map_err(|source| ApiError::KeyFile { path, source })?;
        lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    }
    let mut lines = lines.into_iter();
    let set = |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let key = set(&settings.key).or_else(|| lines.next());
    Ok((key, set(&settings.secret).or_else(|| lines.next())))
}
