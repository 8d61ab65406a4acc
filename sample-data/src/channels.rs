//! Where visitors come from, and how much they want to buy.

use crate::random::Random;

/// One way into the shop.
pub(crate) struct Channel {
    pub(crate) referrer: &'static str,
    pub(crate) source: &'static str,
    pub(crate) medium: &'static str,
    /// Campaign of days without a bigger one.
    pub(crate) campaign: &'static str,
    pub(crate) content: &'static [&'static str],
    pub(crate) term: &'static [&'static str],
    share: u64,
    /// Willingness to buy, per mille of the average.
    pub(crate) willingness: u64,
    /// Whether a big campaign runs on it.
    pub(crate) paid: bool,
}

const UNTAGGED: Channel = Channel {
    referrer: "",
    source: "",
    medium: "",
    campaign: "",
    content: &[],
    term: &[],
    share: 0,
    willingness: 1000,
    paid: false,
};

pub(crate) const CHANNELS: [Channel; 9] = [
    Channel { share: 240, willingness: 1300, ..UNTAGGED },
    Channel { referrer: "https://www.google.com/", share: 215, willingness: 1050, ..UNTAGGED },
    Channel {
        referrer: "https://www.google.com/",
        source: "google",
        medium: "cpc",
        campaign: "brand-search",
        term: &["دهن عود", "قهوة سعودية", "تمور فاخرة", "oud perfume"],
        share: 155,
        willingness: 1250,
        paid: true,
        ..UNTAGGED
    },
    Channel {
        referrer: "https://l.instagram.com/",
        source: "instagram",
        medium: "paid-social",
        campaign: "always-on",
        content: &["reel-burner", "story-dates", "carousel-gifts"],
        share: 140,
        willingness: 800,
        paid: true,
        ..UNTAGGED
    },
    Channel {
        source: "snapchat",
        medium: "paid-social",
        campaign: "always-on",
        content: &["snap-majlis", "snap-coffee"],
        share: 95,
        willingness: 650,
        paid: true,
        ..UNTAGGED
    },
    Channel {
        referrer: "https://www.tiktok.com/",
        source: "tiktok",
        medium: "paid-social",
        campaign: "creators",
        content: &["creator-noura", "creator-fahad"],
        share: 70,
        willingness: 450,
        paid: true,
        ..UNTAGGED
    },
    Channel {
        source: "newsletter",
        medium: "email",
        campaign: "weekly",
        content: &["hero", "footer"],
        share: 40,
        willingness: 1800,
        paid: true,
        ..UNTAGGED
    },
    Channel { referrer: "https://www.reddit.com/r/saudiarabia/", share: 25, willingness: 700, ..UNTAGGED },
    // Follow-up of a cart left behind; nobody arrives by it unasked.
    Channel { source: "mizan", medium: "email", campaign: "cart-reminder", willingness: 1500, ..UNTAGGED },
];

/// The channel of reminders about a cart left behind.
pub(crate) const REMINDER: usize = CHANNELS.len() - 1;

/// A channel as likely as its share of visits.
pub(crate) fn arrival(random: &mut Random) -> usize {
    random.weighted(CHANNELS.iter().map(|channel| channel.share))
}

/// One of a list; empty when there is none.
pub(crate) fn one_of(list: &[&'static str], random: &mut Random) -> &'static str {
    list.get(random.below(list.len() as u64) as usize).copied().unwrap_or("")
}
