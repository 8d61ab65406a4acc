//! The `# mizan:` lines at the top of a mapping.

use super::error::{MappingError, Place};
use crate::files::{Encoding, ReadOptions};

const KNOWN: [&str; 6] = ["group_by", "encoding", "delimiter", "sheet", "source", "input"];

/// What the comment lines at the top of a mapping say about the files it reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Consecutive records with the same value in this column arrive together, as an array.
    pub group_by: Option<String>,
    /// How text files are encoded; UTF-8 when absent.
    pub encoding: Option<Encoding>,
    /// What stands between the cells of a CSV file; a comma when absent.
    pub delimiter: Option<u8>,
    /// The sheet of a workbook; the first one that holds anything when absent.
    pub sheet: Option<String>,
    /// The `source` of events that name none; the mapping's name when absent.
    pub source: Option<String>,
    /// What the program is given.
    pub input: Input,
}

/// What the program of a mapping is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// A row of a file.
    #[default]
    Row,
    /// A webhook: its headers and its body.
    Webhook,
}

impl Directives {
    /// How files are to be read for this mapping.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions {
            encoding: self.encoding,
            delimiter: self.delimiter,
            sheet: self.sheet.clone(),
            group_by: self.group_by.clone(),
        }
    }

    /// Reads the leading comment lines of `text`; the first line that is neither comment nor blank ends them.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, MappingError> {
        let mut found = Self::default();
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let content = line.trim();
            let begin = offset;
            offset += line.len();
            if content.is_empty() {
                continue;
            }
            let Some(comment) = content.strip_prefix('#') else {
                break;
            };
            let Some(directive) = comment.trim_start().strip_prefix("mizan:") else {
                continue;
            };
            let (key, value) = split(directive.trim());
            let at = begin + line.find(key).unwrap_or(0);
            found.set(key, value).map_err(|problem| MappingError::Directive {
                name: name.to_owned(),
                problem,
                place: Place::of(text, at),
            })?;
        }
        Ok(found)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        if !KNOWN.contains(&key) {
            let near = nearest(key, &KNOWN);
            return Err(format!(
                "unknown directive `{key}`, the nearest known one is `{near}` (known: {})",
                KNOWN.join(", ")
            ));
        }
        if value.is_empty() {
            return Err(format!("directive `{key}` needs a value, as in `# mizan: {key} …`"));
        }
        match key {
            "group_by" => once(key, &mut self.group_by, value.to_owned()),
            "sheet" => once(key, &mut self.sheet, value.to_owned()),
            "source" => once(key, &mut self.source, value.to_owned()),
            "input" => {
                self.input = match value {
                    "row" => Input::Row,
                    "webhook" => Input::Webhook,
                    _ => return Err(format!("input `{value}` is not known; a mapping reads a `row` or a `webhook`")),
                };
                Ok(())
            }
            "encoding" => {
                let encoding = Encoding::from_name(value)
                    .ok_or_else(|| format!("unknown encoding `{value}`, known are {}", Encoding::NAMES.join(", ")))?;
                once(key, &mut self.encoding, encoding)
            }
            _ => once(key, &mut self.delimiter, delimiter(value)?),
        }
    }
}

fn split(directive: &str) -> (&str, &str) {
    match directive.split_once(char::is_whitespace) {
        Some((key, value)) => (key, value.trim()),
        None => (directive, ""),
    }
}

fn once<T>(key: &str, slot: &mut Option<T>, value: T) -> Result<(), String> {
    if slot.replace(value).is_some() {
        return Err(format!("directive `{key}` is given twice, keep one"));
    }
    Ok(())
}

fn delimiter(value: &str) -> Result<u8, String> {
    match value {
        "tab" | "\\t" => Ok(b'\t'),
        _ => match value.as_bytes() {
            [byte] if byte.is_ascii_graphic() && !matches!(byte, b'"') => Ok(*byte),
            _ => Err(format!("delimiter `{value}` must be one plain character such as ; or |, or the word tab")),
        },
    }
}

/// The candidate that takes the fewest single-character edits to reach from `word`.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> &'a str {
    candidates.iter().copied().min_by_key(|candidate| distance(word, candidate)).unwrap_or("")
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_up_to_the_first_line_of_the_program() {
        let text = "# A shop\n# mizan: group_by InvoiceNo\n#mizan: encoding latin1\n\n# mizan: delimiter ;\n# mizan: sheet Sales 2026\n# mizan: source uci\n{}\n# mizan: nonsense\n";
        let found = Directives::parse("m", text).unwrap();
        assert_eq!(found.group_by.as_deref(), Some("InvoiceNo"));
        assert_eq!(found.encoding, Encoding::from_name("latin1"));
        assert_eq!(found.delimiter, Some(b';'));
        assert_eq!(found.sheet.as_deref(), Some("Sales 2026"));
        assert_eq!(found.source.as_deref(), Some("uci"));
    }

    #[test]
    fn an_unknown_directive_names_the_nearest_known_one_and_its_place() {
        let error = Directives::parse("m", "# mizan: delimeter ;\n.").unwrap_err().to_string();
        assert!(error.contains("unknown directive `delimeter`, the nearest known one is `delimiter`"), "{error}");
        assert!(error.contains("1:10 | # mizan: delimeter ;"), "{error}");
    }

    #[test]
    fn values_that_mean_nothing_are_refused() {
        for text in [
            "# mizan: group_by",
            "# mizan: delimiter ;;",
            "# mizan: delimiter ، ",
            "# mizan: encoding utf-17",
            "# mizan: source a\n# mizan: source b",
        ] {
            assert!(Directives::parse("m", text).is_err(), "{text}");
        }
    }
}
