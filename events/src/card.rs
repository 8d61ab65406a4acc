//! Telling card numbers from other digits: length, issuer range and Luhn.

/// Whether these digits are a card number: 13 to 19 digits, in a range that an issuer of that length uses, Luhn right.
pub(crate) fn is_card_number(digits: &[u8]) -> bool {
    (13..=19).contains(&digits.len()) && in_issuer_range(digits) && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Issuer ranges (ISO/IEC 7812) by first six digits, with the lengths that the networks issue.
///
/// Maestro of less than 16 digits is left out: it is not issued any more, and as many digits in its range have the barcodes
/// of half the world and the orders of Shopify.
fn in_issuer_range(digits: &[u8]) -> bool {
    let prefix = digits.iter().take(6).fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    let lengths: &[usize] = match prefix {
        // Visa
        400_000..=499_999 => &[13, 16, 18, 19],
        // Mastercard
        510_000..=559_999 | 222_100..=272_099 => &[16],
        // American Express
        340_000..=349_999 | 370_000..=379_999 => &[15],
        // Diners Club
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => &[14, 16, 17, 18, 19],
        // Maestro, Elo, Verve, RuPay, Meeza; mada; Discover, UnionPay, Jaywan and those that share their ranges
        500_000..=509_999 | 588_000..=589_999 | 600_000..=699_999 => &[16, 17, 18, 19],
        // mada
        968_200..=968_299 => &[16],
        // JCB
        352_800..=358_999 => &[16, 17, 18, 19],
        // Mir, Troy, UzCard, Humo
        220_000..=220_499 | 979_200..=979_299 | 860_000..=860_099 | 986_000..=986_099 => &[16, 17, 18, 19],
        // UnionPay
        810_000..=817_199 => &[16, 17, 18, 19],
        _ => return false,
    };
    lengths.contains(&digits.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|b| b - b'0').collect()
    }

    #[test]
    fn published_test_numbers_of_every_network_are_recognised() {
        for number in [
            "4242424242424242",
            "4000056655665556",
            "4222222222222",
            "5555555555554444",
            "2223003122003222",
            "5105105105105100",
            "378282246310005",
            "371449635398431",
            "6011111111111117",
            "6011000990139424",
            "3056930009020004",
            "36227206271667",
            "3566002020360505",
            "6200000000000005",
            "6759649826438453",
        ] {
            assert!(is_card_number(&digits(number)), "{number}");
        }
    }

    #[test]
    fn other_long_numbers_are_not_cards() {
        for number in ["1234567890123456", "4242424242424241", "9999999999999995", "0000000000000000", "424242424242"] {
            assert!(!is_card_number(&digits(number)), "{number}");
        }
    }
}
