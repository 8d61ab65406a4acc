//! Visitors and customers: who they are, where they live, what they hold in their hand. All invented.

use crate::config::Market;
use crate::data::Data;
use crate::random::{Random, code};

/// A browser or app that comes by, perhaps again.
pub(crate) struct Visitor {
    pub(crate) id: String,
    pub(crate) device: &'static str,
    pub(crate) country: &'static str,
    pub(crate) language: &'static str,
    pub(crate) customer: Option<usize>,
    /// The cart that was left behind, with what is in it.
    pub(crate) cart: Option<Cart>,
}

/// A cart: product places and pieces.
#[derive(Clone)]
pub(crate) struct Cart {
    pub(crate) id: String,
    pub(crate) lines: Vec<(usize, i64)>,
}

/// Somebody who has ordered at least once.
#[derive(Clone)]
pub(crate) struct Customer {
    pub(crate) id: String,
    arabic_name: String,
    latin_name: String,
    email: String,
    phone: String,
    language: &'static str,
    street: String,
    district: &'static str,
    postcode: String,
    place: &'static Place,
}

pub(crate) struct Place {
    country: &'static str,
    city: &'static str,
    region: &'static str,
    postcode: u64,
    dial: &'static str,
    share: u64,
}

#[rustfmt::skip]
const PLACES: [Place; 14] = [
    Place { country: "SA", city: "الرياض", region: "الرياض", postcode: 11_000, dial: "+96655000", share: 38 },
    Place { country: "SA", city: "جدة", region: "مكة المكرمة", postcode: 21_000, dial: "+96655000", share: 22 },
    Place { country: "SA", city: "الدمام", region: "المنطقة الشرقية", postcode: 31_000, dial: "+96655000", share: 13 },
    Place { country: "SA", city: "مكة المكرمة", region: "مكة المكرمة", postcode: 24_000, dial: "+96655000", share: 8 },
    Place { country: "SA", city: "المدينة المنورة", region: "المدينة المنورة", postcode: 42_000, dial: "+96655000", share: 7 },
    Place { country: "SA", city: "أبها", region: "عسير", postcode: 62_000, dial: "+96655000", share: 6 },
    Place { country: "SA", city: "بريدة", region: "القصيم", postcode: 52_000, dial: "+96655000", share: 6 },
    Place { country: "AE", city: "Dubai", region: "Dubai", postcode: 0, dial: "+97150000", share: 1 },
    Place { country: "KW", city: "مدينة الكويت", region: "العاصمة", postcode: 13_000, dial: "+9655000", share: 60 },
    Place { country: "KW", city: "السالمية", region: "حولي", postcode: 22_000, dial: "+9655000", share: 40 },
    Place { country: "BH", city: "المنامة", region: "العاصمة", postcode: 300, dial: "+9733300", share: 1 },
    Place { country: "QA", city: "الدوحة", region: "الدوحة", postcode: 0, dial: "+9743300", share: 1 },
    Place { country: "OM", city: "مسقط", region: "مسقط", postcode: 100, dial: "+9689200", share: 1 },
    Place { country: "EG", city: "القاهرة", region: "القاهرة", postcode: 11_500, dial: "+20100000", share: 1 },
];

#[rustfmt::skip]
const GIVEN: [(&str, &str); 24] = [
    ("نورة", "Noura"), ("فهد", "Fahad"), ("سارة", "Sara"), ("عبدالله", "Abdullah"), ("ريم", "Reem"), ("خالد", "Khalid"),
    ("لطيفة", "Latifa"), ("سلطان", "Sultan"), ("منيرة", "Munira"), ("تركي", "Turki"), ("هيا", "Haya"), ("بدر", "Badr"),
    ("العنود", "Alanoud"), ("ماجد", "Majed"), ("أمل", "Amal"), ("يوسف", "Yousef"), ("دانة", "Dana"), ("سعود", "Saud"),
    ("شهد", "Shahad"), ("عمر", "Omar"), ("جواهر", "Jawaher"), ("ناصر", "Nasser"), ("وفاء", "Wafa"), ("إبراهيم", "Ibrahim"),
];

#[rustfmt::skip]
const FAMILY: [(&str, &str); 16] = [
    ("القحطاني", "Alqahtani"), ("الحربي", "Alharbi"), ("الشمري", "Alshammari"), ("العتيبي", "Alotaibi"),
    ("الغامدي", "Alghamdi"), ("الزهراني", "Alzahrani"), ("الدوسري", "Aldosari"), ("المطيري", "Almutairi"),
    ("السبيعي", "Alsubaie"), ("العنزي", "Alanazi"), ("المالكي", "Almalki"), ("الرشيدي", "Alrashidi"),
    ("البلوي", "Albalawi"), ("الشهري", "Alshehri"), ("العجمي", "Alajmi"), ("الكندري", "Alkandari"),
];

const DISTRICTS: [&str; 8] = ["النخيل", "الياسمين", "الروضة", "السلامة", "الملقا", "الصفا", "الخالدية", "النزهة"];

impl Visitor {
    /// Somebody new.
    pub(crate) fn new(market: Market, seed: u64, number: u64, random: &mut Random) -> Visitor {
        let home = market.country();
        let neighbours = if home == "SA" { ["AE", "KW", "BH", "QA", "EG"] } else { ["SA", "BH", "QA", "OM", "EG"] };
        let country = match random.weighted([840, 45, 40, 25, 20, 30].into_iter()) {
            0 => home,
            neighbour => neighbours[neighbour - 1],
        };
        Visitor {
            id: format!("v-{}", code(seed ^ 0x7669, number)),
            device: ["mobile", "desktop", "tablet"][random.weighted([790, 170, 40].into_iter())],
            country,
            language: ["ar", "en", "ur", "fil"][random.weighted([730, 240, 18, 12].into_iter())],
            customer: None,
            cart: None,
        }
    }
}

impl Customer {
    /// What a visitor tells of themselves when they first order.
    pub(crate) fn new(seed: u64, number: usize, visitor: &Visitor, random: &mut Random) -> Customer {
        let given = GIVEN[random.below(GIVEN.len() as u64) as usize];
        let family = FAMILY[random.below(FAMILY.len() as u64) as usize];
        let here = |place: &&Place| place.country == visitor.country;
        let chosen = random.weighted(PLACES.iter().filter(here).map(|place| place.share));
        let place = PLACES.iter().filter(here).nth(chosen).unwrap_or(&PLACES[0]);
        let number_text = format!("{:04}", number % 10_000);
        Customer {
            id: format!("c-{}", code(seed ^ 0x6375, number as u64)),
            arabic_name: format!("{} {}", given.0, family.0),
            latin_name: format!("{} {}", given.1, family.1),
            email: format!("{}.{}{number}@example.com", given.1.to_lowercase(), family.1.to_lowercase()),
            phone: format!("{}{number_text}", place.dial),
            language: visitor.language,
            street: format!(
                "شارع {} {}",
                ["الأمير سلطان", "العليا", "الملك فهد", "التحلية"][random.below(4) as usize],
                random.between(1, 240)
            ),
            district: DISTRICTS[random.below(DISTRICTS.len() as u64) as usize],
            postcode: if place.postcode == 0 { String::new() } else { (place.postcode + random.below(90)).to_string() },
            place,
        }
    }

    pub(crate) fn country(&self) -> &'static str {
        self.place.country
    }

    /// The object `customer` of an order.
    pub(crate) fn write(&self, data: &mut Data) {
        data.text("id", &self.id)
            .text("email", &self.email)
            .text("phone", &self.phone)
            .text("name", self.name())
            .text("language", self.language);
    }

    /// The object `shipping_address` or `billing_address` of an order.
    pub(crate) fn write_address(&self, data: &mut Data) {
        data.text("name", self.name())
            .text("line1", &self.street)
            .text("line2", self.district)
            .text("city", self.place.city)
            .text("region", self.place.region)
            .known("postcode", &self.postcode)
            .text("country", self.place.country);
    }

    fn name(&self) -> &str {
        if self.language == "ar" { &self.arabic_name } else { &self.latin_name }
    }
}
