//! HMAC-SHA256 (RFC 2104), for tracking tokens.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(crate) fn hmac_sha256(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    message.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The unguessable name of an order in its tracking link. The same secret gives the same token for ever.
pub(crate) fn tracking_token(secret: &[u8], shop: &str, order_id: &str) -> String {
    let length = (shop.len() as u64).to_be_bytes();
    hex(&hmac_sha256(secret, &[b"tracking", &length, shop.as_bytes(), order_id.as_bytes()])[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4231_come_out() {
        let case = |key: &[u8], message: &[u8]| hex(&hmac_sha256(key, &[message]));
        assert_eq!(case(&[0x0b; 20], b"Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        assert_eq!(
            case(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            case(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn shop_and_order_are_kept_apart_in_a_token() {
        assert_ne!(tracking_token(b"s", "ab", "c"), tracking_token(b"s", "a", "bc"));
        assert_eq!(tracking_token(b"s", "a", "b").len(), 32);
    }
}
