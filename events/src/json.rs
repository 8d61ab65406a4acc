//! A strict JSON reader that looks at every byte once.
//!
//! It accepts what RFC 8259 accepts, gives strings and numbers as slices of the text, and says nothing of why a text is
//! not JSON: whoever has to explain that asks serde_json, off the fast path. Generic readers cannot give a number by its
//! own text without reading it twice, and a number that went through a float is lost for money.

use std::borrow::Cow;

/// Nesting that is followed; serde_json has the same limit.
pub(crate) const DEPTH_MAX: usize = 127;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// One value with its own text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) json: &'a str,
}

/// What kind of value; objects and lists are not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Null,
    /// A string without escapes.
    Plain,
    /// A string with escapes.
    Escaped,
    Number,
    /// `true`, `false`, an object or a list.
    Other,
}

impl<'a> Token<'a> {
    /// The text of a string; none for another kind, and for half of a surrogate pair, which is no text.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self.kind {
            TokenKind::Plain => Some(Cow::Borrowed(&self.json[1..self.json.len() - 1])),
            TokenKind::Escaped => serde_json::from_str::<String>(self.json).ok().map(Cow::Owned),
            _ => None,
        }
    }
}

/// A place in a JSON text. Its methods give none where the text is not JSON, or is nested too deeply to be anything that
/// a shop sends.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, depth: 0 }
    }

    /// Goes to the next value and gives its first byte.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
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
    pub(crate) fn end(mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Opens an object and calls back at each value, which the callback must read. Names come in the order of the text,
    /// repeated ones too.
    pub(crate) fn object(&mut self, mut field: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.object_foreseen(|reader, name| match name {
            Some(name) => field(reader, name).map(|()| true),
            None => Some(false),
        })
    }

    /// The same for callers who foresee names. They are called first without a name, and may read name
    /// ([`named`](Reader::named)) and value; if they say that they did not, they are called with the name as usual.
    pub(crate) fn object_foreseen(
        &mut self,
        mut field: impl FnMut(&mut Self, Option<&str>) -> Option<bool>,
    ) -> Option<()> {
        self.open(b'{')?;
        if self.peek()? == b'}' {
            return self.close();
        }
        loop {
            if self.peek()? != b'"' {
                return None;
            }
            if !field(self, None)? {
                match self.plain() {
                    Some(name) => {
                        self.colon()?;
                        field(self, Some(name))?;
                    }
                    None => {
                        let name = self.string()?.text()?;
                        self.colon()?;
                        field(self, Some(&name))?;
                    }
                }
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return self.close(),
                _ => return None,
            }
        }
    }

    /// Opens a list and calls back at each value, which the callback must read.
    pub(crate) fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
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
                _ => return None,
            }
        }
    }

    /// From a name to the value that belongs to it.
    #[inline]
    fn colon(&mut self) -> Option<()> {
        self.expect(b':')?;
        self.peek().map(|_| ())
    }

    /// Reads a name and goes to its value, if the name is `length` bytes long, nothing stands between it and the value,
    /// and `is_it` says yes to it; else nothing is read.
    #[inline]
    pub(crate) fn named(&mut self, length: usize, is_it: impl Fn(&[u8]) -> bool) -> bool {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let end = start + length;
        let found = bytes.get(end..end + 2) == Some(b"\":") && bytes.get(start..end).is_some_and(is_it);
        if found {
            self.at = end + 2;
        }
        found && self.peek().is_some()
    }

    /// The text of the string that comes next, if it is one and has no escapes; else nothing is read.
    #[inline]
    pub(crate) fn plain(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        if *bytes.get(self.at)? != b'"' {
            return None;
        }
        let end = plain_to(bytes, self.at + 1);
        if *bytes.get(end)? != b'"' {
            return None;
        }
        let text = &self.text[self.at + 1..end];
        self.at = end + 1;
        Some(text)
    }

    /// The same as [`value`](Reader::value), quicker for plain strings.
    #[inline]
    pub(crate) fn token(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        match self.plain() {
            Some(_) => Some(Token { kind: TokenKind::Plain, json: self.since(start) }),
            None => self.value(),
        }
    }

    /// Reads a value; the reader stands at its first byte.
    pub(crate) fn value(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        let kind = match self.text.as_bytes().get(self.at)? {
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => {
                self.number()?;
                TokenKind::Number
            }
            b'n' => {
                self.literal("null")?;
                TokenKind::Null
            }
            b't' => {
                self.literal("true")?;
                TokenKind::Other
            }
            b'f' => {
                self.literal("false")?;
                TokenKind::Other
            }
            b'{' => {
                self.object(|reader, _| reader.skip())?;
                TokenKind::Other
            }
            b'[' => {
                self.list(Reader::skip)?;
                TokenKind::Other
            }
            _ => return None,
        };
        Some(Token { kind, json: self.since(start) })
    }

    /// Passes over a value; the reader stands at its first byte.
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.value().map(|_| ())
    }

    fn open(&mut self, bracket: u8) -> Option<()> {
        if self.depth == DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        self.expect(bracket)
    }

    fn close(&mut self) -> Option<()> {
        self.depth -= 1;
        self.at += 1;
        Some(())
    }

    #[inline]
    fn expect(&mut self, wanted: u8) -> Option<()> {
        if self.peek()? != wanted {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        let found = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += word.len();
        found.then_some(())
    }

    /// The string at whose quote the reader stands.
    fn string(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        let kind = match self.plain() {
            Some(_) => TokenKind::Plain,
            None => {
                self.at = plain_to(self.text.as_bytes(), start + 1);
                self.escaped_to_end()?;
                TokenKind::Escaped
            }
        };
        Some(Token { kind, json: self.since(start) })
    }

    /// The rest of a string, from its first escape on.
    #[cold]
    fn escaped_to_end(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += match bytes.get(self.at + 1)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                        b'u' if bytes.get(self.at + 2..self.at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                        _ => return None,
                    };
                }
                // A control character.
                _ => return None,
            }
            self.at = plain_to(bytes, self.at);
        }
    }

    fn number(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        if bytes[self.at] == b'-' {
            self.at += 1;
        }
        let whole = self.at;
        self.digits()?;
        if bytes[whole] == b'0' && self.at > whole + 1 {
            return None;
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
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.text.as_bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
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
        reader.peek().and_then(|_| reader.skip()).and_then(|()| reader.end()).is_some()
    }

    fn text(json: &str) -> Option<Cow<'_, str>> {
        Reader::new(json).value().and_then(Token::text)
    }

    #[test]
    fn what_is_json_and_what_is_not_agrees_with_serde_json() {
        let texts = [
            "",
            " ",
            "null",
            "nul",
            "true ",
            "tru",
            "false",
            "\"\"",
            "\"",
            "\"\\\"",
            "\"\\u12\"",
            "\"\\u12aF\"",
            "\"\\x\"",
            "\"\u{1}\"",
            "\"tab\there\"",
            "0",
            "-",
            "-0",
            "01",
            "1.",
            "1.5",
            ".5",
            "1e",
            "1e5",
            "1E+05",
            "1e-",
            "--1",
            "{}",
            "{ }",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1 , \"a\":[ ]}",
            "{a:1}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1]x",
            "[[[[]]]]",
            "]",
            "}",
            "{]",
            "[}",
            "\u{feff}1",
            "\"é…ع\"",
            "1 1",
            "nullnull",
            "\"\\ud800\"",
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
    }

    #[test]
    fn half_a_surrogate_pair_is_no_text() {
        assert_eq!(text("\"\\ud83d\""), None);
        assert_eq!(text("\"\\ud83d\\ude00\""), Some("😀".into()));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_as_by_serde_json(text in r#"[\[\]{}",:0-9eE+.\\ntrufalsx -]{0,24}"#) {
            prop_assert_eq!(accepts(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok());
        }

        #[test]
        fn any_string_is_read_as_by_serde_json(written in any::<String>()) {
            let json = serde_json::to_string(&written).unwrap();
            prop_assert_eq!(text(&json), Some(written.as_str().into()));
        }

        #[test]
        fn the_first_special_byte_is_found(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), 0u8..=255], 0..40), at in 0usize..8) {
            let at = at.min(bytes.len());
            let plain = bytes[at..].iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0..0x20)).count();
            prop_assert_eq!(plain_to(&bytes, at), at + plain);
        }
    }
}
