//! A strict JSON reader that looks at every byte once.
//!
//! It accepts what RFC 8259 accepts, gives strings and numbers as slices of the text, and says nothing of why a text is
//! not JSON: whoever has to explain that asks serde_json, off the fast path. Generic readers cannot give a number by its
//! own text without reading it twice, and a number that went through a float is lost for money.

use std::borrow::Cow;

/// Nesting that is followed; serde_json has the same limit.
const DEPTH_MAX: usize = 127;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The text is not JSON here, or nested too deeply to be anything that a shop sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    Malformed,
    TooDeep,
}

/// One value. Objects and lists are not opened; they come as their own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Null,
    Text(Cow<'a, str>),
    Number(&'a str),
    /// `true`, `false`, an object, a list, or a string that is no text (half of a surrogate pair).
    Other,
}

/// A place in a JSON text.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

type Result<T> = std::result::Result<T, JsonError>;

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, depth: 0 }
    }

    /// Goes to the next value and gives its first byte.
    pub(crate) fn peek(&mut self) -> Result<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                _ => return Ok(*byte),
            }
        }
        Err(JsonError::Malformed)
    }

    /// Where the reader stands.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What was read since a place.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(mut self) -> Result<()> {
        match self.peek() {
            Ok(_) => Err(JsonError::Malformed),
            Err(_) => Ok(()),
        }
    }

    /// Opens an object and calls back at each value, which the callback must read. Names come in the order of the text,
    /// repeated ones too.
    pub(crate) fn object(&mut self, mut field: impl FnMut(&mut Self, Cow<'a, str>) -> Result<()>) -> Result<()> {
        self.open(b'{')?;
        if self.peek()? == b'}' {
            return self.close();
        }
        loop {
            if self.peek()? != b'"' {
                return Err(JsonError::Malformed);
            }
            let name = self.string()?.ok_or(JsonError::Malformed)?;
            self.expect(b':')?;
            self.peek()?;
            field(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return self.close(),
                _ => return Err(JsonError::Malformed),
            }
        }
    }

    /// Opens a list and calls back at each value, which the callback must read.
    pub(crate) fn list(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.open(b'[')?;
        if self.peek()? == b']' {
            return self.close();
        }
        loop {
            self.peek()?;
            item(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => return self.close(),
                _ => return Err(JsonError::Malformed),
            }
        }
    }

    /// Reads a value; the reader stands at its first byte.
    pub(crate) fn value(&mut self) -> Result<Token<'a>> {
        match self.text.as_bytes().get(self.at) {
            Some(b'"') => Ok(self.string()?.map_or(Token::Other, Token::Text)),
            Some(b'-' | b'0'..=b'9') => self.number().map(Token::Number),
            Some(b'n') => self.literal("null").map(|()| Token::Null),
            _ => self.skip().map(|()| Token::Other),
        }
    }

    /// Passes over a value; the reader stands at its first byte.
    pub(crate) fn skip(&mut self) -> Result<()> {
        match self.text.as_bytes().get(self.at) {
            Some(b'"') => self.string_end().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            Some(b'n') => self.literal("null"),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'{') => self.object(|reader, _| reader.skip()),
            Some(b'[') => self.list(Reader::skip),
            _ => Err(JsonError::Malformed),
        }
    }

    fn open(&mut self, bracket: u8) -> Result<()> {
        if self.depth == DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
        self.depth += 1;
        self.expect(bracket)
    }

    fn close(&mut self) -> Result<()> {
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.peek()? != wanted {
            return Err(JsonError::Malformed);
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<()> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(JsonError::Malformed);
        }
        self.at += word.len();
        Ok(())
    }

    /// The string at whose quote the reader stands; none when its escapes make no text.
    fn string(&mut self) -> Result<Option<Cow<'a, str>>> {
        let start = self.at;
        let escaped = self.string_end()?;
        if escaped {
            return Ok(serde_json::from_str::<String>(self.since(start)).ok().map(Cow::Owned));
        }
        Ok(Some(Cow::Borrowed(&self.text[start + 1..self.at - 1])))
    }

    /// Passes over a string; whether it holds escapes.
    fn string_end(&mut self) -> Result<bool> {
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at = plain_to(bytes, self.at);
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += match bytes.get(self.at + 1) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                        Some(b'u') => match bytes.get(self.at + 2..self.at + 6) {
                            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => 6,
                            _ => return Err(JsonError::Malformed),
                        },
                        _ => return Err(JsonError::Malformed),
                    };
                }
                // A control character, or the end of the text.
                _ => return Err(JsonError::Malformed),
            }
        }
    }

    fn number(&mut self) -> Result<&'a str> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        if bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let whole = self.at;
        self.digits()?;
        if bytes[whole] == b'0' && self.at > whole + 1 {
            return Err(JsonError::Malformed);
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.since(start))
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while self.text.as_bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(JsonError::Malformed) }
    }
}

/// The first place from `at` on that is a quote, a backslash or a control character; the end when there is none.
fn plain_to(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quotes = word ^ (ONES * 0x22);
        let slashes = word ^ (ONES * 0x5c);
        // A byte's high bit is set where it is zero, or below 0x20; only bits above the first such may be wrong.
        let found = (quotes.wrapping_sub(ONES) & !quotes)
            | (slashes.wrapping_sub(ONES) & !slashes)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let found = found & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..0x20) {
            break;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn accepts(text: &str) -> bool {
        let mut reader = Reader::new(text);
        reader.peek().and_then(|_| reader.skip()).and_then(|()| reader.end()).is_ok()
    }

    #[test]
    fn what_is_json_and_what_is_not_agrees_with_serde_json() {
        let texts = [
            "", " ", "null", "nul", "true ", "tru", "false", "\"\"", "\"", "\"\\\"", "\"\\u12\"", "\"\\u12aF\"", "\"\\x\"",
            "\"\u{1}\"", "\"tab\there\"", "0", "-", "-0", "01", "1.", "1.5", ".5", "1e", "1e5", "1E+05", "1e-", "--1",
            "{}", "{ }", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 , \"a\":[ ]}", "{a:1}", "[1,]", "[,1]", "[1 2]",
            "[1]x", "[[[[]]]]", "]", "}", "{]", "[}", "\u{feff}1", "\"é…ع\"", "1 1", "nullnull", "\"\\ud800\"",
        ];
        for text in texts {
            assert_eq!(accepts(text), serde_json::from_str::<IgnoredAny>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn nesting_is_followed_as_far_as_serde_json_follows_it() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for depth in [1, 126, 127, 128, 129] {
            let theirs = serde_json::from_str::<serde_json::Value>(&nested(depth)).is_ok();
            assert_eq!(accepts(&nested(depth)), theirs, "{depth}");
        }
        let mut reader = Reader::new("[[");
        reader.depth = DEPTH_MAX - 1;
        assert_eq!(reader.skip(), Err(JsonError::TooDeep));
    }

    #[test]
    fn half_a_surrogate_pair_is_no_text() {
        assert_eq!(Reader::new("\"\\ud83d\"").value(), Ok(Token::Other));
        assert_eq!(Reader::new("\"\\ud83d\\ude00\"").value(), Ok(Token::Text("😀".into())));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_as_by_serde_json(text in r#"[\[\]{}",:0-9eE+.\\ntrufalsx -]{0,24}"#) {
            prop_assert_eq!(accepts(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok());
        }

        #[test]
        fn any_string_is_read_as_by_serde_json(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(Reader::new(&json).value(), Ok(Token::Text(text.into())));
        }

        #[test]
        fn the_first_special_byte_is_found(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), 0u8..=255], 0..40), at in 0usize..8) {
            let at = at.min(bytes.len());
            let plain = bytes[at..].iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0..0x20)).count();
            prop_assert_eq!(plain_to(&bytes, at), at + plain);
        }
    }
}
