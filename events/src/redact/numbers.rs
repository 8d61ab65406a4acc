//! Finds numbers in text: digits of any script that shops use, the groups they come in, and what parts the groups.
//!
//! Text is read as a person or the next program would read it: `%20`, `\u0034` and `&nbsp;` are the characters that they
//! stand for.

use std::ops::Range;

/// What may stand between two groups of one number, in characters.
const GAP_MAX: usize = 4;

/// One digit and the bytes that write it.
pub(super) struct Digit {
    pub(super) value: u8,
    pub(super) bytes: Range<usize>,
}

/// What parts a group from the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Spaces, dashes, marks that nobody sees.
    Blank,
    /// Another character, with or without blanks.
    Mark(char),
    /// Several such characters.
    Mixed,
}

/// Digits without anything between them.
pub(super) struct Group {
    /// Its digits in the run.
    pub(super) digits: Range<usize>,
    /// What stands before it; blank for the first.
    pub(super) gap: Gap,
}

/// Groups that may be one number, or several.
#[derive(Default)]
pub(super) struct Run {
    pub(super) digits: Vec<Digit>,
    pub(super) groups: Vec<Group>,
}

impl Run {
    /// Byte range in the text.
    pub(super) fn bytes(&self) -> Range<usize> {
        self.digits.first().map_or(0, |digit| digit.bytes.start)..self.digits.last().map_or(0, |digit| digit.bytes.end)
    }

    pub(super) fn values(&self, digits: Range<usize>) -> Vec<u8> {
        self.digits[digits].iter().map(|digit| digit.value).collect()
    }
}

/// A quick look that most texts do not pass: as many digits as the shortest card number has, or bytes that begin digits of
/// other scripts.
#[inline]
pub(crate) fn may_hold_card(text: &str) -> bool {
    may_hold_digits(text, 13)
}

/// The same for so many digits, twelve or more.
#[inline]
pub(super) fn may_hold_digits(text: &str, least: usize) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= least && !is_uuid(bytes) && holds_twelve(bytes) && (!is_simple(bytes) || longest(bytes) >= least)
}

/// Whether a text is a UUID, as very many identifiers are.
#[inline]
pub(super) fn is_uuid(bytes: &[u8]) -> bool {
    let Some(uuid) = bytes.first_chunk::<36>().filter(|_| bytes.len() == 36) else { return false };
    let is_parted = [uuid[8], uuid[13], uuid[18], uuid[23]] == [b'-'; 4];
    // Without a way out on the way, which the compiler makes vectors of; more dashes than four are no matter.
    is_parted && !uuid.iter().fold(false, |other, byte| other | !(byte.is_ascii_hexdigit() | (*byte == b'-')))
}

fn holds_twelve(bytes: &[u8]) -> bool {
    let counts = |byte: &u8| u8::from(byte.is_ascii_digit() | matches!(byte, 0xd9 | 0xdb | 0xef));
    // Sums of bytes in pieces that cannot overflow one: the compiler makes vectors of them.
    let mut found = 0;
    for piece in bytes.chunks(240) {
        found += usize::from(piece.iter().map(counts).sum::<u8>());
    }
    found >= 12
}

/// Whether every byte stands for itself.
fn is_simple(bytes: &[u8]) -> bool {
    !bytes.iter().fold(false, |any, byte| any | (*byte >= 0x80) | matches!(*byte, b'%' | b'\\' | b'&'))
}

/// The most digits without a letter between them: in ids such as `3fa85f64…` they are few.
fn longest(bytes: &[u8]) -> usize {
    let (mut longest, mut count) = (0, 0);
    for byte in bytes {
        // Without branches: whether a digit or a letter comes next, no processor can foresee.
        count = (count + usize::from(byte.is_ascii_digit())) * usize::from(!byte.is_ascii_alphabetic());
        longest = longest.max(count);
    }
    longest
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Every character is itself.
    Plain,
    /// `%20`, `\u0034` and `&nbsp;` are what they stand for.
    Written,
}

impl Reading {
    /// The ways in which a text can be read.
    pub(super) fn of(text: &str) -> &'static [Reading] {
        let is_written = text.bytes().any(|byte| matches!(byte, b'%' | b'\\' | b'&'));
        if is_written { &[Reading::Plain, Reading::Written] } else { &[Reading::Plain] }
    }
}

/// Runs of at least twelve digits.
pub(super) fn runs(text: &str, reading: Reading) -> Vec<Run> {
    let mut found = Vec::new();
    let mut run = Run::default();
    let mut gap: Option<(Gap, usize)> = None;
    let mut script = 0;
    let mut at = 0;
    while let Some((character, end)) = character_at(text, at, reading) {
        if let Some(value) = digit_value(character) {
            let place = run.digits.len();
            run.digits.push(Digit { value, bytes: at..end });
            // Where another script begins, another number may begin or the same one go on.
            let before = std::mem::replace(&mut script, u32::from(character) - u32::from(value));
            let gap = gap.take().or((before != script).then_some((Gap::Blank, 0)));
            match (run.groups.last_mut(), gap) {
                (Some(group), None) => group.digits.end = place + 1,
                (_, gap) => {
                    run.groups.push(Group { digits: place..place + 1, gap: gap.map_or(Gap::Blank, |(gap, _)| gap) });
                }
            }
        } else if !run.digits.is_empty() {
            gap = match (gap_of(character), gap) {
                (Some(first), None) => Some((first, 1)),
                (Some(more), Some((gap, count))) if count < GAP_MAX => Some((both(gap, more), count + 1)),
                _ => {
                    keep(&mut found, std::mem::take(&mut run));
                    None
                }
            };
        }
        at = end;
    }
    keep(&mut found, run);
    found
}

fn keep(found: &mut Vec<Run>, run: Run) {
    if run.digits.len() >= 12 {
        found.push(run);
    }
}

/// The character at a place, and where the next one begins.
fn character_at(text: &str, at: usize, reading: Reading) -> Option<(char, usize)> {
    let rest = &text[at..];
    let character = rest.chars().next()?;
    let written = match character {
        _ if reading == Reading::Plain => None,
        '%' => percent(rest.as_bytes()),
        '\\' => escaped(rest.as_bytes()),
        '&' if rest.starts_with("&nbsp;") => Some((' ', 6)),
        _ => None,
    };
    let (character, length) = written.unwrap_or((character, character.len_utf8()));
    Some((character, at + length))
}

/// A character as forms and addresses write it: its bytes, in hexadecimal, each after a percent sign.
fn percent(rest: &[u8]) -> Option<(char, usize)> {
    let byte = |place: usize| match rest.get(place * 3..place * 3 + 3)? {
        [b'%', digits @ ..] => u8::try_from(hexadecimal(digits)?).ok(),
        _ => None,
    };
    let first = byte(0)?;
    let length = match first {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => return None,
    };
    let bytes: Option<Vec<u8>> = (0..length).map(byte).collect();
    let character = std::str::from_utf8(&bytes?).ok()?.chars().next()?;
    Some((character, length * 3))
}

/// A character as JSON may write it, in a text that could not be read as JSON.
fn escaped(rest: &[u8]) -> Option<(char, usize)> {
    match rest.get(1)? {
        b'n' | b't' | b'r' => Some((' ', 2)),
        b'/' => Some(('/', 2)),
        b'u' => Some((char::from_u32(hexadecimal(rest.get(2..6)?)?)?, 6)),
        _ => None,
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

pub(super) fn digit_value(character: char) -> Option<u8> {
    let value = match character {
        '0'..='9' => u32::from(character) - u32::from('0'),
        '\u{660}'..='\u{669}' => u32::from(character) - 0x660,
        '\u{6f0}'..='\u{6f9}' => u32::from(character) - 0x6f0,
        '\u{ff10}'..='\u{ff19}' => u32::from(character) - 0xff10,
        _ => return None,
    };
    u8::try_from(value).ok()
}

pub(super) fn gap_of(character: char) -> Option<Gap> {
    match character {
        // Marks of direction stand in many an Arabic text; a plus is a space in a form.
        '-' | '+' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2010}'..='\u{2015}' | '\u{202a}'..='\u{202e}' => {
            Some(Gap::Blank)
        }
        '\u{2060}'..='\u{2069}' | '\u{2212}' | '\u{fe0f}' | '\u{feff}' | '\u{640}' => Some(Gap::Blank),
        _ if character.is_whitespace() => Some(Gap::Blank),
        '.' | ',' | '/' | '_' | ':' | '|' | '~' | '\'' | '·' | '•' | '’' | '،' | '٫' | '٬' => {
            Some(Gap::Mark(character))
        }
        _ => None,
    }
}

fn both(one: Gap, other: Gap) -> Gap {
    match (one, other) {
        (Gap::Blank, gap) | (gap, Gap::Blank) => gap,
        (one, other) if one == other => one,
        _ => Gap::Mixed,
    }
}
