//! What is sold, and who supplies it. Prices are in halalas before tax; other markets convert them.

/// One product.
pub(crate) struct Product {
    pub(crate) sku: &'static str,
    pub(crate) category: &'static str,
    pub(crate) arabic: &'static str,
    pub(crate) english: &'static str,
    pub(crate) price: i64,
    pub(crate) cost: i64,
    /// How often it is looked at and bought, beside the others.
    pub(crate) popularity: u64,
    pub(crate) supplier: usize,
    pub(crate) pack_size: i64,
    pub(crate) min_order: i64,
}

/// One supplier.
pub(crate) struct Supplier {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) lead_time_days: i64,
    /// Deliveries may be this many days late.
    pub(crate) late_days: i64,
}

pub(crate) const SUPPLIERS: [Supplier; 6] = [
    Supplier { id: "assam-agar", name: "Assam Agar Traders", lead_time_days: 21, late_days: 6 },
    Supplier { id: "taif-rose", name: "معامل ورد الطائف", lead_time_days: 5, late_days: 2 },
    Supplier { id: "jazan-coffee", name: "مزارع بن جازان", lead_time_days: 7, late_days: 2 },
    Supplier { id: "qassim-dates", name: "تمور القصيم", lead_time_days: 3, late_days: 1 },
    Supplier { id: "riyadh-brass", name: "Riyadh Brass Works", lead_time_days: 10, late_days: 3 },
    Supplier { id: "gift-pack", name: "Gulf Gift Packaging", lead_time_days: 14, late_days: 4 },
];

#[allow(clippy::too_many_arguments, reason = "one line a product reads like the table it is")]
const fn product(
    sku: &'static str,
    category: &'static str,
    arabic: &'static str,
    english: &'static str,
    price: i64,
    cost: i64,
    popularity: u64,
    supplier: usize,
    pack_size: i64,
    min_order: i64,
) -> Product {
    Product { sku, category, arabic, english, price, cost, popularity, supplier, pack_size, min_order }
}

/// Every product, ordered so that any first few of them make a shop of all kinds.
#[rustfmt::skip]
pub(crate) const PRODUCTS: [Product; 36] = [
    product("COF-SAUDI-250", "coffee", "قهوة سعودية مطحونة ٢٥٠ جم", "Saudi ground coffee 250 g", 3900, 1900, 60, 2, 12, 24),
    product("DAT-SUKKARI-1K", "dates", "تمر سكري مفتل ١ كجم", "Sukkari dates 1 kg", 4500, 2300, 55, 3, 10, 20),
    product("OUD-CAMBODI-3", "oud", "دهن عود كمبودي ٣ مل", "Cambodian oud oil 3 ml", 32000, 17500, 22, 0, 1, 6),
    product("BKH-MAAMOUL-40", "bakhoor", "معمول عود دوسري ٤٠ جم", "Dosari maamoul incense 40 g", 8900, 3900, 48, 1, 6, 12),
    product("ACC-MABKHARA-E", "accessories", "مبخرة إلكترونية", "Electric incense burner", 12900, 6400, 30, 4, 4, 8),
    product("GFT-MAJLIS", "gifts", "صندوق هدية المجلس", "Majlis gift box", 24900, 13200, 18, 5, 2, 4),
    product("PRF-TAIF-50", "perfume", "عطر ورد الطائف ٥٠ مل", "Taif rose perfume 50 ml", 27500, 12400, 26, 1, 6, 6),
    product("COF-KHAWLANI-500", "coffee", "بن خولاني محمص ٥٠٠ جم", "Khawlani roasted beans 500 g", 7900, 4100, 36, 2, 12, 12),
    product("DAT-AJWA-500", "dates", "عجوة المدينة ٥٠٠ جم", "Madinah Ajwa dates 500 g", 5900, 3300, 44, 3, 10, 20),
    product("OUD-HINDI-TOLA", "oud", "دهن عود هندي ربع تولة", "Indian oud oil quarter tola", 54000, 31000, 12, 0, 1, 3),
    product("BKH-SITRA-100", "bakhoor", "بخور سترة ١٠٠ جم", "Sitra bakhoor 100 g", 6500, 2700, 40, 1, 6, 12),
    product("ACC-DALLAH-1L", "accessories", "دلة قهوة نحاس ١ لتر", "Brass dallah coffee pot 1 l", 18900, 9900, 16, 4, 2, 4),
    product("COF-CARDAMOM-100", "coffee", "هيل أخضر جامبو ١٠٠ جم", "Jumbo green cardamom 100 g", 3200, 1700, 42, 2, 20, 40),
    product("COF-SAFFRON-2", "coffee", "زعفران سوبر نقيل ٢ جم", "Super negin saffron 2 g", 4800, 2600, 34, 2, 20, 20),
    product("DAT-MAJDOOL-1K", "dates", "تمر مجدول فاخر ١ كجم", "Premium Medjool dates 1 kg", 7200, 4200, 30, 3, 10, 10),
    product("DAT-KHALAS-3K", "dates", "تمر خلاص مكنوز ٣ كجم", "Pressed Khalas dates 3 kg", 8400, 4700, 20, 3, 4, 8),
    product("OUD-CHIPS-MORUK-28", "oud", "عود موروكي أوقية", "Moroke agarwood chips 28 g", 42000, 24500, 15, 0, 1, 4),
    product("OUD-CHIPS-KALIM-28", "oud", "عود كليمانتان أوقية", "Kalimantan agarwood chips 28 g", 68000, 41000, 9, 0, 1, 3),
    product("PRF-MUSK-30", "perfume", "مسك أبيض ٣٠ مل", "White musk 30 ml", 9900, 3800, 38, 1, 6, 12),
    product("PRF-AMBER-100", "perfume", "عطر عنبر ملكي ١٠٠ مل", "Royal amber perfume 100 ml", 34500, 15800, 14, 1, 6, 6),
    product("BKH-MUATTAR-24", "bakhoor", "عود معطر ٢٤ قطعة", "Scented oud tablets 24 pcs", 5500, 2100, 36, 1, 12, 24),
    product("ACC-FINJAL-12", "accessories", "طقم فناجيل ١٢ حبة", "Set of 12 coffee cups", 7900, 3600, 24, 4, 4, 8),
    product("ACC-CHARCOAL-72", "accessories", "فحم سريع الاشتعال ٧٢ قرص", "Quick-light charcoal 72 discs", 2900, 1200, 46, 4, 24, 24),
    product("GFT-COFFEE-SET", "gifts", "طقم القهوة السعودية", "Saudi coffee set", 16900, 8800, 22, 5, 2, 6),
    product("GFT-RAMADAN", "gifts", "صندوق رمضان", "Ramadan box", 19900, 10400, 17, 5, 2, 6),
    product("COF-ARABICA-DRIP", "coffee", "قهوة مقطرة ١٠ أظرف", "Drip coffee 10 sachets", 4200, 2000, 28, 2, 12, 24),
    product("DAT-MAAMOUL-24", "dates", "معمول تمر ٢٤ حبة", "Date maamoul 24 pcs", 3600, 1700, 33, 3, 12, 24),
    product("DAT-CHOCOLATE-250", "dates", "تمر بالشوكولاتة واللوز ٢٥٠ جم", "Chocolate almond dates 250 g", 4400, 2200, 31, 3, 12, 12),
    product("OUD-ROSE-6", "oud", "خلطة عود وورد ٦ مل", "Oud and rose blend 6 ml", 19500, 9200, 19, 0, 1, 6),
    product("PRF-HAIR-75", "perfume", "عطر شعر بالعود ٧٥ مل", "Oud hair mist 75 ml", 11900, 4600, 27, 1, 6, 12),
    product("PRF-HOME-500", "perfume", "معطر مفارش ٥٠٠ مل", "Linen spray 500 ml", 5900, 2200, 35, 1, 12, 12),
    product("BKH-ENTISAR-60", "bakhoor", "بخور انتصار ٦٠ جم", "Entisar bakhoor 60 g", 12500, 5400, 18, 1, 6, 6),
    product("ACC-GRINDER", "accessories", "مطحنة قهوة يدوية", "Hand coffee grinder", 14900, 7700, 13, 4, 2, 4),
    product("ACC-THERMOS-1L", "accessories", "ترمس قهوة ١ لتر", "Coffee thermos 1 l", 11500, 5900, 19, 4, 2, 6),
    product("GFT-WEDDING-50", "gifts", "توزيعات زواج ٥٠ حبة", "Wedding favours 50 pcs", 27500, 14800, 7, 5, 1, 2),
    product("GFT-CARD", "gifts", "بطاقة إهداء مكتوبة", "Handwritten gift card", 1500, 300, 21, 5, 50, 50),
];

impl Product {
    /// The name in the visitor's language.
    pub(crate) fn name(&self, language: &str) -> &'static str {
        if language.starts_with("ar") { self.arabic } else { self.english }
    }

    /// Whether nobody watches its stock until it is nearly gone. Every shop has such shelves.
    pub(crate) fn neglected(&self) -> bool {
        matches!(
            self.sku,
            "BKH-MAAMOUL-40"
                | "PRF-TAIF-50"
                | "OUD-HINDI-TOLA"
                | "ACC-DALLAH-1L"
                | "DAT-MAJDOOL-1K"
                | "PRF-MUSK-30"
                | "GFT-RAMADAN"
                | "OUD-ROSE-6"
        )
    }
}

/// What people type into the search box, and the product that they mean.
pub(crate) const SEARCHES: [(&str, &str, usize); 8] = [
    ("قهوة سعودية", "saudi coffee", 0),
    ("سكري", "sukkari dates", 1),
    ("دهن عود", "oud oil", 2),
    ("معمول", "incense", 3),
    ("مبخرة", "burner", 4),
    ("هدية", "gift box", 5),
    ("ورد طائفي", "taif rose", 6),
    ("عجوة", "ajwa", 8),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_product_is_priced_above_cost_and_has_a_supplier() {
        for product in &PRODUCTS {
            assert!(product.price > product.cost && product.cost > 0, "{}", product.sku);
            assert!(product.supplier < SUPPLIERS.len(), "{}", product.sku);
            assert!(product.min_order % product.pack_size == 0, "{}", product.sku);
        }
        let mut skus: Vec<_> = PRODUCTS.iter().map(|product| product.sku).collect();
        skus.sort_unstable();
        skus.dedup();
        assert_eq!(skus.len(), PRODUCTS.len());
    }
}
