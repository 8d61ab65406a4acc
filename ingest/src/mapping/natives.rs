//! The filters a mapping has beyond jq's own, and our versions of those that could take without end.

use jaq_core::box_iter::{box_once, flat_map_with, map_with};
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::ops::Math;
use jaq_core::{Bind, Cv, Error, Exn, RunPtr, ValX, ValXs};
use jaq_json::{Num, Val, read};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::budget::{Meter, Metered};
use super::{amounts, emit, exact, guard, input};

type Values<'a> = ValXs<'a, Val>;

/// What a value takes, roughly: the account need not be exact, only grow with what is allocated.
const VALUE_BYTES: usize = size_of::<Val>();
const ENTRY_BYTES: usize = 64;
/// Text of one `tojson` or one interpolation.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// Integers beyond this many bits are no quantity, price or id any more.
const INTEGER_BITS_MAX: u64 = 4096;

/// All of them, by name.
pub(super) fn funs() -> impl Iterator<Item = Fun<Metered>> {
    let two = || -> Box<[Bind]> { [Bind::Fun(()), Bind::Fun(())].into() };
    let list: [Filter<RunPtr<Metered>>; 14] = [
        ("to_utc", v(2), |mut cv| {
            let zone = cv.0.pop_var();
            let format = cv.0.pop_var();
            bome(to_utc(&cv.1, &format, &zone))
        }),
        ("money", v(0), |cv| bome(amounts::money(&cv.1))),
        ("money", v(1), |mut cv| {
            let currency = cv.0.pop_var();
            bome(amounts::rounded(&cv.1, &currency))
        }),
        ("from_minor", v(1), |mut cv| {
            let currency = cv.0.pop_var();
            bome(amounts::from_minor(&cv.1, &currency))
        }),
        ("unix_time", v(0), |cv| bome(unix_time(&cv.1))),
        ("tonumber", v(0), |cv| bome(to_number(cv.1))),
        ("fromjson", v(0), |cv| box_once(from_json(&cv.1))),
        ("tojson", v(0), |cv| box_once(json_text(cv.0.data().meter, &cv.1))),
        ("range", v(3), range),
        (guard::TEXT, v(0), |cv| box_once(text(cv.0.data().meter, cv.1))),
        (guard::ADD, two(), |cv| binary(cv, Math::Add)),
        (guard::SUB, two(), |cv| binary(cv, Math::Sub)),
        (guard::MUL, two(), |cv| binary(cv, Math::Mul)),
        (guard::DIV, two(), |cv| binary(cv, Math::Div)),
    ];
    list.into_iter().map(run::<Metered>)
}

/// Whether the definition `name` of the library gives way to a native of ours, which is much faster.
pub(super) fn replaces_definition(name: &str) -> bool {
    name == "tonumber"
}

/// Whether `name` with `arity` arguments is one of ours, so that the library's must go.
pub(super) fn replaces(name: &str, arity: usize) -> bool {
    matches!((name, arity), ("fromjson" | "tojson", 0) | ("range", 3))
}

/// `l op r` over all pairs of outputs, in the order jq has.
fn binary(mut cv: Cv<'_, Metered>, op: Math) -> Values<'_> {
    let (r, right) = cv.0.pop_fun();
    let (l, left) = cv.0.pop_fun();
    let meter = cv.0.data().meter;
    let lefts = l.run((left, cv.1.clone()));
    flat_map_with(lefts, (right, cv.1), move |x, (right, value)| {
        map_with(r.run((right, value)), x, move |y, x| calculate(meter, op, x?, y?))
    })
}

fn calculate<'a>(meter: &Meter, op: Math, l: Val, r: Val) -> ValX<'a, Val> {
    if let (Val::Num(x), Val::Num(y)) = (&l, &r) {
        if let Some(exact) = exact::calculate(op, x, y) {
            return Ok(Val::Num(exact));
        }
        if bits(x) + bits(y) > INTEGER_BITS_MAX {
            return Err(Error::str("an integer grows beyond 4096 bits").into());
        }
    }
    meter.charge(cost(op, &l, &r));
    op.run(l, r).map_err(Exn::from)
}

fn bits(number: &Num) -> u64 {
    match number {
        Num::BigInt(big) => big.bits(),
        _ => 0,
    }
}

fn cost(op: Math, l: &Val, r: &Val) -> usize {
    match (op, l, r) {
        (Math::Mul, Val::TStr(text) | Val::BStr(text), Val::Num(times))
        | (Math::Mul, Val::Num(times), Val::TStr(text) | Val::BStr(text)) => {
            let times = match times {
                Num::Int(times) => usize::try_from(*times).unwrap_or(0),
                Num::BigInt(_) => usize::MAX,
                _ => 1,
            };
            text.len().saturating_mul(times)
        }
        // Splitting a text makes a value of each piece, at most one a byte.
        (Math::Div, Val::TStr(text) | Val::BStr(text), _) => text.len().saturating_mul(VALUE_BYTES + ENTRY_BYTES),
        (Math::Add | Math::Mul | Math::Sub, l, r) => kept(l).saturating_add(size(r)),
        _ => 0,
    }
}

/// What stays of the left side is taken over when nobody else holds it, and copied when somebody does.
fn kept(value: &Val) -> usize {
    let shared = match value {
        Val::Arr(items) => jaq_json::Rc::strong_count(items) > 1,
        Val::Obj(entries) => jaq_json::Rc::strong_count(entries) > 1,
        Val::TStr(text) | Val::BStr(text) => !text.is_unique(),
        _ => false,
    };
    if shared { size(value) } else { 0 }
}

fn size(value: &Val) -> usize {
    match value {
        Val::TStr(text) | Val::BStr(text) => text.len(),
        Val::Arr(items) => items.len() * VALUE_BYTES,
        Val::Obj(entries) => entries.len() * ENTRY_BYTES,
        _ => 0,
    }
}

fn range(mut cv: Cv<'_, Metered>) -> Values<'_> {
    let by = cv.0.pop_var();
    let to = cv.0.pop_var();
    let from = cv.0.pop_var();
    let meter = cv.0.data().meter;
    let zero = Val::from(0_isize);
    let mut next = Some(Ok(from));
    Box::new(std::iter::from_fn(move || {
        let value = match next.take()? {
            Ok(value) => value,
            error => return Some(error),
        };
        let goes_on = match by.cmp(&zero) {
            std::cmp::Ordering::Greater => value < to,
            std::cmp::Ordering::Less => value > to,
            std::cmp::Ordering::Equal => value != to,
        };
        if !goes_on {
            return None;
        }
        // A collected range takes a value each without a step of the program.
        meter.charge(ENTRY_BYTES);
        next = Some(calculate(meter, Math::Add, value.clone(), by.clone()));
        Some(Ok(value))
    }))
}

/// The number a text spells, with its own digits.
fn to_number(value: Val) -> Result<Val, Error<Val>> {
    let number = match &value {
        Val::Num(_) => return Ok(value),
        // The reader would also take words such as NaN.
        Val::TStr(text) if text.iter().any(u8::is_ascii_digit) => read::parse_single_num(text.trim_ascii()),
        _ => None,
    };
    number.map(Val::Num).ok_or_else(|| {
        let text = emit::text(&value, TEXT_BYTES_MAX).unwrap_or_default();
        Error::str(format_args!("cannot parse {} as number", emit::excerpt(&text)))
    })
}

fn from_json<'a>(value: &Val) -> ValX<'a, Val> {
    let Val::TStr(text) = value else {
        return Err(Error::typ(value.clone(), "string").into());
    };
    if input::depth(text) > input::DEPTH_MAX {
        return Err(Error::str("fromjson: the text nests too deeply").into());
    }
    read::parse_single(text).map_err(|error| {
        let shown = emit::excerpt(&String::from_utf8_lossy(text));
        Error::str(format_args!("cannot parse `{shown}` as JSON: {error}")).into()
    })
}

fn text<'a>(meter: &Meter, value: Val) -> ValX<'a, Val> {
    match value {
        Val::TStr(ref bytes) | Val::BStr(ref bytes) => {
            meter.charge(bytes.len());
            Ok(value)
        }
        other => json_text(meter, &other),
    }
}

fn json_text<'a>(meter: &Meter, value: &Val) -> ValX<'a, Val> {
    let text = emit::text(value, TEXT_BYTES_MAX).map_err(Error::str)?;
    meter.charge(text.len());
    Ok(Val::utf8_str(text))
}

/// Local time text in an IANA zone to UTC. A time that happens twice is its first occurrence, one that a
/// forward change of the clock skips moves forward by the change.
fn to_utc(value: &Val, format: &Val, zone: &Val) -> Result<Val, Error<Val>> {
    let text = string(value, "to_utc")?;
    let format = string(format, "to_utc (its format)")?;
    let zone = string(zone, "to_utc (its zone)")?;
    let wrong = |error: jiff::Error| {
        Error::str(format_args!("to_utc: `{}` does not read as `{format}`: {error}", emit::excerpt(text)))
    };
    let parsed = strtime::parse(format, text.trim()).map_err(wrong)?;
    let instant = if parsed.offset().is_some() {
        parsed.to_timestamp().map_err(wrong)?
    } else {
        let zone = TimeZone::get(zone).map_err(|_| {
            Error::str(format_args!("to_utc: no time zone `{zone}` is known, use an IANA name such as Asia/Riyadh"))
        })?;
        let local = parsed.to_datetime().map_err(wrong)?;
        zone.to_ambiguous_timestamp(local).compatible().map_err(wrong)?
    };
    Ok(Val::from(instant.to_string()))
}

/// Seconds or milliseconds since 1970 as RFC 3339 in UTC; null stays null.
fn unix_time(value: &Val) -> Result<Val, Error<Val>> {
    let text = match value {
        Val::Null => return Ok(Val::Null),
        Val::Num(number) => number.to_string(),
        Val::TStr(_) => string(value, "unix_time")?.trim().to_owned(),
        other => return Err(Error::str(format_args!("unix_time needs a number, found {}", emit::kind(other)))),
    };
    let wrong =
        || Error::str(format_args!("unix_time: `{}` is not a time in seconds or milliseconds", emit::excerpt(&text)));
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    // Seconds have no more than eleven digits before the year 5138.
    let instant = if whole.unsigned_abs() < 100_000_000_000 {
        let nanos = format!("{fraction:0<9}").get(..9).and_then(|nanos| nanos.parse().ok()).ok_or_else(wrong)?;
        jiff::Timestamp::new(whole, nanos)
    } else {
        jiff::Timestamp::from_millisecond(whole)
    };
    Ok(Val::from(instant.map_err(|_| wrong())?.to_string()))
}

pub(super) fn string<'v>(value: &'v Val, who: &str) -> Result<&'v str, Error<Val>> {
    let found = match value {
        Val::TStr(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    found.ok_or_else(|| Error::str(format_args!("{who} needs a text, found {}", emit::kind(value))))
}
