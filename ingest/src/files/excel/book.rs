//! What a workbook is, and whether it may be opened: looked at before anything of it is unpacked.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use memchr::{memchr2, memmem};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::files::error::FileError;
use crate::files::source::SourceFile;

/// Files in the old container of Office begin with this.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0";
/// How much of such a file is searched for what it is.
const OLE_SEARCHED: u64 = 64 << 20;
/// The most that the shared texts may unpack to: they are held in memory.
const TEXTS_BYTES_MAX: u64 = 256 << 20;
/// The most that any part may unpack to. A million rows of thirty columns are about half of it.
const PART_BYTES_MAX: u64 = 2 << 30;

/// Whether a file that begins with `head` is a workbook that can be read. Other spreadsheets are named by the error.
pub(in crate::files) fn recognise(path: &Path, head: &[u8]) -> Result<bool, FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    if head == OLE {
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(OLE_SEARCHED).read_to_end(&mut bytes)).map_err(failed)?;
        let holds = |name: &str| {
            let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            memmem::find(&bytes, &name).is_some()
        };
        return match (holds("EncryptedPackage"), holds("Workbook") || holds("Book")) {
            (true, _) => Err(FileError::Protected { path: path.to_owned() }),
            (_, true) => Err(FileError::OtherSpreadsheet { path: path.to_owned(), kind: "an old Excel file (.xls)" }),
            _ => Ok(false),
        };
    }
    if head != b"PK\x03\x04" {
        return Ok(false);
    }
    let file = File::open(path).map_err(failed)?;
    let archive = match ZipArchive::new(BufReader::new(file)) {
        Ok(archive) => archive,
        Err(ZipError::Io(error)) => return Err(failed(error)),
        // Cut short, perhaps: by its name it is one, and says so when it is read.
        Err(_) => return Ok(path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xlsx"))),
    };
    let names: Vec<String> = archive.file_names_raw().map(plain).collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    let other = |kind| Err(FileError::OtherSpreadsheet { path: path.to_owned(), kind });
    if has("xl/workbook.bin") {
        return other("a binary Excel file (.xlsb)");
    }
    if has("mimetype") && has("content.xml") {
        return other("an OpenDocument file (.ods)");
    }
    Ok(names.iter().any(|name| name.starts_with("xl/workbook") && name.ends_with(".xml")))
}

/// Names are compared as the reader does it: some programs write them with other slashes and capitals.
fn plain(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace('\\', "/").to_ascii_lowercase()
}

/// Refuses a workbook that would take more memory than a real one.
///
/// The sizes are those that the file states; what unpacks to more than it states ends in an error as it is read.
pub(super) fn check(source: &SourceFile) -> Result<(), FileError> {
    let file = File::open(&source.path).map_err(|error| source.failed(error))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| source.damaged(error))?;
    let entries = archive.len();
    for index in 0..entries {
        let mut part = archive.by_index(index).map_err(|error| source.damaged(error))?;
        let name = plain(part.name_raw());
        let texts = name.ends_with("sharedstrings.xml");
        let limit = if texts { TEXTS_BYTES_MAX } else { PART_BYTES_MAX };
        let bytes = part.size();
        if bytes > limit {
            return Err(FileError::PartTooLarge { path: source.path.clone(), part: name, bytes, limit });
        }
        if texts {
            let stated = largest_count(&mut part).map_err(|error| source.failed(error))?;
            // A text takes more than this many bytes. The reader makes room for as many as are stated.
            if stated > bytes / 4 {
                return Err(source.damaged(format!("it states {stated} texts in {bytes} bytes")));
            }
        }
    }
    Ok(())
}

/// The largest number that stands after `uniqueCount`, wherever that is; what hides it counts as the largest of all.
fn largest_count(part: &mut impl Read) -> std::io::Result<u64> {
    const NAME: &[u8] = b"uniqueCount";
    /// Room for the name, its sign, quote and number.
    const OVERLAP: usize = 64;
    let mut largest = 0;
    let mut window = Vec::with_capacity((64 << 10) + OVERLAP);
    loop {
        let read = part.by_ref().take(64 << 10).read_to_end(&mut window)?;
        // No XML that is ASCII has these; in other encodings the name would not be found.
        if memchr2(0, 0x1b, &window).is_some() {
            return Ok(u64::MAX);
        }
        for at in memmem::find_iter(&window, NAME) {
            // What is not whole yet comes again with the next bytes.
            if read == 0 || at + OVERLAP <= window.len() {
                largest = largest.max(number(&window[at + NAME.len()..window.len().min(at + OVERLAP)]));
            }
        }
        if read == 0 {
            return Ok(largest);
        }
        let keep = window.len().saturating_sub(OVERLAP);
        window.drain(..keep);
    }
}

/// The value of an attribute whose name ends here.
fn number(rest: &[u8]) -> u64 {
    let between = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'=' | b'"' | b'\'' | b'+');
    let Some(begin) = rest.iter().position(|byte| !between(byte)) else { return u64::MAX };
    let digits = rest[begin..].iter().take_while(|byte| byte.is_ascii_digit());
    if digits.clone().count() > 20 {
        return u64::MAX;
    }
    digits.fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stated_count_is_found_wherever_it_stands() {
        for text in ["<sst count=\"3\" uniqueCount=\"41\">", "<sst uniqueCount = '41' >"] {
            let before = " ".repeat((64 << 10) - 20);
            for begin in ["", &before] {
                assert_eq!(largest_count(&mut format!("{begin}{text}").as_bytes()).unwrap(), 41);
            }
        }
        assert_eq!(largest_count(&mut "<sst>".as_bytes()).unwrap(), 0);
        let long = format!("uniqueCount=\"{}\"", "9".repeat(30));
        let spread = format!("uniqueCount={}\"9\"", " ".repeat(100_000));
        let wide: Vec<u8> = "uniqueCount=\"9\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for hidden in [long.as_bytes(), spread.as_bytes(), &wide] {
            assert_eq!(largest_count(&mut &hidden[..]).unwrap(), u64::MAX);
        }
    }
}
