//! What the program emits, as the JSON text of an event.

use jaq_json::{Map, Num, Val};

/// Nesting of what is emitted or made text of.
const DEPTH_MAX: usize = 128;
/// Characters of a value that an error shows.
const EXCERPT_CHARS: usize = 80;

/// Writes `event` with these where it names none itself.
pub(super) fn event(event: &Val, defaults: &[(&str, String)], bytes_max: usize) -> Result<String, String> {
    let Val::Obj(entries) = event else {
        return Err(format!("an event must be an object, this is {}", kind(event)));
    };
    let mut writer = Writer::new(bytes_max, Numbers::ExactOnly);
    writer.out.push('{');
    let mut first = true;
    for (name, value) in defaults {
        if !entries.contains_key(&Val::from((*name).to_owned())) {
            writer.name(name, &mut first)?;
            writer.string(value)?;
        }
    }
    writer.entries(entries, &mut first, 0)?;
    writer.out.push('}');
    Ok(writer.out)
}

/// `value` as JSON text, floating point included.
pub(super) fn text(value: &Val, bytes_max: usize) -> Result<String, String> {
    let mut writer = Writer::new(bytes_max, Numbers::Any);
    writer.value(value, 0)?;
    Ok(writer.out)
}

/// What a value is, with an article, for errors.
pub(super) fn kind(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "a boolean",
        Val::Num(_) => "a number",
        Val::BStr(_) => "a byte string",
        Val::TStr(_) => "a text",
        Val::Arr(_) => "an array",
        Val::Obj(_) => "an object",
    }
}

/// The beginning of a text, for errors.
pub(super) fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    ExactOnly,
    Any,
}

struct Writer {
    out: String,
    bytes_max: usize,
    numbers: Numbers,
    /// Names of the objects being written, so that an error can say where.
    path: Vec<String>,
}

impl Writer {
    fn new(bytes_max: usize, numbers: Numbers) -> Self {
        Self { out: String::new(), bytes_max, numbers, path: Vec::new() }
    }

    fn at(&self) -> String {
        match self.path.is_empty() {
            true => "it".to_owned(),
            false => self.path.join("."),
        }
    }

    fn name(&mut self, name: &str, first: &mut bool) -> Result<(), String> {
        if !std::mem::take(first) {
            self.out.push(',');
        }
        self.string(name)?;
        self.out.push(':');
        Ok(())
    }

    fn entries(&mut self, entries: &Map, first: &mut bool, depth: usize) -> Result<(), String> {
        for (key, value) in entries {
            let Val::TStr(bytes) = key else {
                return Err(format!("{} has a key that is {}, keys are texts", self.at(), kind(key)));
            };
            let name = utf8(bytes)?;
            self.name(name, first)?;
            self.path.push(name.to_owned());
            self.value(value, depth + 1)?;
            self.path.pop();
        }
        Ok(())
    }

    fn value(&mut self, value: &Val, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("nests deeper than {DEPTH_MAX} levels"));
        }
        if self.out.len() > self.bytes_max {
            return Err(format!("is longer than {} bytes", self.bytes_max));
        }
        match value {
            Val::Null => self.out.push_str("null"),
            Val::Bool(true) => self.out.push_str("true"),
            Val::Bool(false) => self.out.push_str("false"),
            Val::Num(number) => self.number(number)?,
            Val::TStr(bytes) => self.string(utf8(bytes)?)?,
            Val::BStr(_) => {
                return Err(format!("{} is a byte string, which JSON has not", self.at()));
            }
            Val::Arr(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.value(item, depth + 1)?;
                }
                self.out.push(']');
            }
            Val::Obj(entries) => {
                self.out.push('{');
                self.entries(entries, &mut true, depth)?;
                self.out.push('}');
            }
        }
        Ok(())
    }

    fn number(&mut self, number: &Num) -> Result<(), String> {
        match number {
            Num::Float(float) if self.numbers == Numbers::ExactOnly => {
                return Err(format!(
                    "{} is {float}, computed in floating point; use exact decimals (+, -, * are), round, or give a text",
                    self.at()
                ));
            }
            Num::Float(float) if !float.is_finite() => self.out.push_str("null"),
            other => {
                let text = other.to_string();
                // The interpreter takes a leading plus or zeros from foreign text; JSON does not.
                self.out.push_str(text.strip_prefix('+').unwrap_or(&text));
            }
        }
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<(), String> {
        if self.out.len() + text.len() > self.bytes_max {
            return Err(format!("is longer than {} bytes", self.bytes_max));
        }
        let quoted = serde_json::to_string(text).map_err(|error| error.to_string())?;
        self.out.push_str(&quoted);
        Ok(())
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| format!("holds a text that is not UTF-8: {error}"))
}
