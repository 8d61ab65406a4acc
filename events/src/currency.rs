//! Currencies by their ISO 4217 code, and how many decimals each has.

use std::fmt;

use crate::iso4217::CURRENCIES;

/// A currency of ISO 4217 that has a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    index: u8,
}

impl Currency {
    /// The currency with this code, upper case as the standard writes it.
    pub fn from_code(code: &str) -> Option<Currency> {
        let found = CURRENCIES.binary_search_by(|(known, _)| (*known).cmp(code));
        let index = u8::try_from(found.ok()?).ok()?;
        Some(Currency { index })
    }

    /// Three capital letters.
    pub fn code(self) -> &'static str {
        CURRENCIES[usize::from(self.index)].0
    }

    /// Number of decimals of the minor unit: 3 for KWD, 0 for JPY, 2 for most.
    pub fn exponent(self) -> u8 {
        CURRENCIES[usize::from(self.index)].1
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_those_of_the_standard() {
        for (code, exponent) in
            [("KWD", 3), ("BHD", 3), ("OMR", 3), ("JOD", 3), ("TND", 3), ("SAR", 2), ("JPY", 0), ("CLF", 4)]
        {
            assert_eq!(Currency::from_code(code).unwrap().exponent(), exponent, "{code}");
        }
    }

    #[test]
    fn the_list_is_sorted_so_that_search_finds_every_code() {
        for (code, _) in CURRENCIES {
            assert_eq!(Currency::from_code(code).unwrap().code(), code);
        }
        assert!(Currency::from_code("sar").is_none());
        assert!(Currency::from_code("XAU").is_none(), "gold has no minor unit");
    }
}
