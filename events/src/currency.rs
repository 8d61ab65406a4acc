//! Currencies by their ISO 4217 code, and how many decimals each has.

use std::fmt;

use crate::iso4217::CURRENCIES;

/// A currency of ISO 4217 that has a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    index: u8,
}

const NONE: u8 = u8::MAX;
/// Places in the list by the three letters of the code.
static BY_LETTERS: [[[u8; 26]; 26]; 26] = by_letters();

const fn by_letters() -> [[[u8; 26]; 26]; 26] {
    let mut table = [[[NONE; 26]; 26]; 26];
    let mut index = 0;
    while index < CURRENCIES.len() {
        let code = CURRENCIES[index].0.as_bytes();
        table[(code[0] - b'A') as usize][(code[1] - b'A') as usize][(code[2] - b'A') as usize] = index as u8;
        index += 1;
    }
    table
}

impl Currency {
    /// The currency with this code, upper case as the standard writes it.
    pub fn from_code(code: &str) -> Option<Currency> {
        let [first, second, third] = *code.as_bytes() else { return None };
        let letter = |byte: u8| byte.checked_sub(b'A').filter(|letter| *letter < 26).map(usize::from);
        let index = BY_LETTERS[letter(first)?][letter(second)?][letter(third)?];
        (index != NONE).then_some(Currency { index })
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
    fn every_code_of_the_list_is_found_and_no_other() {
        for (code, _) in CURRENCIES {
            assert_eq!(Currency::from_code(code).unwrap().code(), code);
        }
        for none in ["", "SA", "SARR", "sar", "S R", "ΩΩ", "[AA", "ZZZ"] {
            assert!(Currency::from_code(none).is_none(), "{none}");
        }
        assert!(Currency::from_code("XAU").is_none(), "gold has no minor unit");
    }
}
