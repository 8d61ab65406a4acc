//! Mappings as a person writes them: what they give, what they are refused, and that none of them runs away.

use std::time::{Duration, Instant};

use super::*;

fn map(program: &str, record: &str) -> Result<Vec<String>, MapError> {
    Mapping::parse("shop", program).unwrap().apply_json(record)
}

/// The first output's `data`, as the text it is written in.
fn data(program: &str, record: &str) -> String {
    let outputs = map(&format!("{{data: ({program})}}"), record).unwrap();
    let (_, data) = outputs[0].split_once("\"data\":").unwrap();
    data.strip_suffix('}').unwrap().to_owned()
}

fn refused(program: &str) -> String {
    match Mapping::parse("shop", program) {
        Ok(_) => panic!("{program} was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_emitted_object_is_completed_to_an_event() {
    let outputs =
        map(r#"{type: "order.placed", id: .no, data: {total: .total}}, empty"#, r#"{"no":"7","total":12.50}"#);
    let expected = r#"{"specversion":"1.0","source":"shop","type":"order.placed","id":"7","data":{"total":12.50}}"#;
    assert_eq!(outputs.unwrap(), [expected]);
    let outputs = map("# mizan: source till\n{source: .s} , {}", r#"{"s":"web"}"#).unwrap();
    assert_eq!(outputs, [r#"{"specversion":"1.0","source":"web"}"#, r#"{"specversion":"1.0","source":"till"}"#]);
}

#[test]
fn numbers_keep_their_own_text_and_sums_are_exact() {
    for (program, expected) in [
        (".a", "12345678901234567890.123400"),
        (".b", "1e3"),
        (".c + 0.2", "0.3"),
        ("[.c, .c, .c] | add", "0.3"),
        ("\"2.55\" | tonumber * 6", "15.30"),
        (".c | . += 1", "1.1"),
        (".d / 4", "2.5"),
        (".d / 5", "2"),
        ("-.c", "-0.1"),
        ("9007199254740993", "9007199254740993"),
        (".c | tostring", "\"0.1\""),
        ("\"\\(.c * 3) SAR\"", "\"0.3 SAR\""),
    ] {
        let record = r#"{"a":12345678901234567890.123400,"b":1e3,"c":0.1,"d":10}"#;
        assert_eq!(data(program, record), expected, "{program}");
    }
}

#[test]
fn a_text_becomes_the_number_it_spells_and_nothing_else_does() {
    for (input, expected) in [("\"2.550\"", "2.550"), ("\" -7 \"", "-7"), ("\"1e3\"", "1e3"), ("5", "5")] {
        assert_eq!(data(&format!("{input} | tonumber"), "{}"), expected);
    }
    for input in ["\"\"", "\"NaN\"", "\"1,5\"", "\"12 SAR\"", "\"١٢\"", "null", "[]"] {
        let error = map(&format!("{input} | tonumber"), "{}").unwrap_err().to_string();
        assert!(error.contains("as number"), "{input}: {error}");
    }
}

#[test]
fn a_number_from_floating_point_is_refused_and_named() {
    let error = map("{data: {lines: [{unit_price: (1 / 3)}]}}", "{}").unwrap_err().to_string();
    assert!(error.contains("data.lines.unit_price is 0.333"), "{error}");
    assert_eq!(data("1 / 3 * 300 | round", "{}"), "100");
}

#[test]
fn the_language_around_the_counted_operators_is_still_jq() {
    // Expected values are what jq 1.6 prints for the same programs.
    for (program, expected) in [
        ("[range(0;6;2)]", "[0,2,4]"),
        ("[range(3;0;-1)]", "[3,2,1]"),
        ("\"a,b\" / \",\"", r#"["a","b"]"#),
        ("{a:{b:1}} * {a:{c:2}}", r#"{"a":{"b":1,"c":2}}"#),
        ("[1,2,3] - [2]", "[1,3]"),
        ("\"ab\" * 3", "\"ababab\""),
        ("{a:1} | .a += 2 | .a -= 1 | .a *= 5", r#"{"a":10}"#),
        ("[1,2] | map(. + 1) | join(\"-\")", "\"2-3\""),
        ("{x:[1,2]} | .x[] += 1 | .x", "[2,3]"),
        ("[.[] | tostring]", r#"["1","[2]","{\"a\":3}"]"#),
        ("map(tojson) | add", r#""1[2]{\"a\":3}""#),
        ("null + 1", "1"),
        ("[limit(3; repeat(1))]", "[1,1,1]"),
        ("reduce .[] as $x (0; . + 1)", "3"),
        ("\"x\\(1 + 1)y\"", "\"x2y\""),
        ("@base64 \"\\(1 + 1)\"", "\"Mg==\""),
        ("try error(\"e\") catch .", "\"e\""),
        ("\"[1,{\\\"a\\\":2}]\" | fromjson | .[1].a", "2"),
    ] {
        let found = data(program, r#"[1,[2],{"a":3}]"#);
        assert_eq!(found, expected, "{program}");
    }
}

#[test]
fn several_outputs_on_both_sides_pair_in_the_order_the_interpreter_documents() {
    // Unlike jq, jaq goes over the left side first.
    assert_eq!(data("[(1,2) + (10,20)]", "{}"), "[11,21,12,22]");
}

#[test]
fn local_times_become_utc_by_the_zone_they_were_in() {
    for (program, expected) in [
        (r#""12/1/2010 8:26" | to_utc("%m/%d/%Y %H:%M"; "Europe/London")"#, "2010-12-01T08:26:00Z"),
        (r#""2011-07-01 08:26:00" | to_utc("%Y-%m-%d %H:%M:%S"; "Europe/London")"#, "2011-07-01T07:26:00Z"),
        (r#""2026-03-01 13:04:07.25" | to_utc("%Y-%m-%d %H:%M:%S%.f"; "Asia/Riyadh")"#, "2026-03-01T10:04:07.25Z"),
        // Clocks in London went back at 02:00 on 2010-10-31: 01:30 was there twice, the first in summer time.
        (r#""2010-10-31 01:30" | to_utc("%Y-%m-%d %H:%M"; "Europe/London")"#, "2010-10-31T00:30:00Z"),
        // They went forward at 01:00 on 2010-03-28: 01:30 was never there.
        (r#""2010-03-28 01:30" | to_utc("%Y-%m-%d %H:%M"; "Europe/London")"#, "2010-03-28T01:30:00Z"),
        (r#""2010-12-01 08:26 +0300" | to_utc("%Y-%m-%d %H:%M %z"; "UTC")"#, "2010-12-01T05:26:00Z"),
        (r#""2010-12-01" | to_utc("%Y-%m-%d"; "Asia/Riyadh")"#, "2010-11-30T21:00:00Z"),
    ] {
        assert_eq!(data(program, "{}"), format!("\"{expected}\""), "{program}");
    }
    for program in [
        r#""12/1/2010" | to_utc("%Y-%m-%d"; "UTC")"#,
        r#""2010-12-01" | to_utc("%Y-%m-%d"; "Mars/Olympus")"#,
        r#"5 | to_utc("%Y-%m-%d"; "UTC")"#,
    ] {
        let error = map(program, "{}").unwrap_err().to_string();
        assert!(error.contains("to_utc"), "{program}: {error}");
    }
}

#[test]
fn money_is_plain_decimal_text_or_an_error() {
    for (input, expected) in
        [("\" 12.50 \"", "12.50"), ("12.50", "12.50"), ("-3", "-3"), ("\".5\"", "0.5"), ("\"-0.005\"", "-0.005")]
    {
        assert_eq!(data(&format!("{input} | money"), "{}"), format!("\"{expected}\""), "{input}");
    }
    for input in
        ["\"1e3\"", "1e3", "\"1,234.50\"", "\"1 234\"", "\"12.50 SAR\"", "\"\"", "\"5.\"", "\"١٢\"", "null", "(1 / 3)"]
    {
        let error = map(&format!("{input} | money"), "{}").unwrap_err().to_string();
        assert!(error.contains("money"), "{input}: {error}");
    }
}

#[test]
fn an_error_in_the_program_shows_line_column_and_caret() {
    let error = refused("# A shop\n{type: \"order.placed\",\n  id: .no | tostrin}\n");
    assert!(error.contains("no filter is called `tostrin`, the nearest is `tostring`"), "{error}");
    assert!(error.contains(" 3:13 |   id: .no | tostrin}\n      |             ^"), "{error}");

    let error = refused("{a: 1\n  b: 2}");
    assert!(error.contains("2:3 |   b: 2}"), "{error}");
    let error = refused("{a: (1 + }");
    assert!(error.contains("1:"), "{error}");
    let error = refused(".a | ");
    assert!(error.contains("the program ends"), "{error}");
    let error = refused("\"\\q\"");
    assert!(error.contains("string escape"), "{error}");
    let error = refused("$nothing");
    assert!(error.contains("no variable is called `$nothing`"), "{error}");
    let error = refused("# only a comment\n");
    assert!(error.contains("no program"), "{error}");
}

#[test]
fn what_leads_out_of_the_room_is_closed() {
    for program in [
        "input",
        "[inputs]",
        "env",
        "$ENV.HOME",
        "env.HOME",
        "halt",
        "halt(1)",
        "halt_error",
        "input_filename",
        "debug",
        "debug(\"x\")",
        "stderr",
        "now",
        "localtime",
    ] {
        let error = refused(program);
        assert!(error.contains("is closed in a mapping"), "{program}: {error}");
    }
    for program in ["import \"a\" as a; .", "include \"a\"; ."] {
        assert!(refused(program).contains("reads files"), "{program}");
    }
}

#[test]
fn whatever_runs_away_ends_in_an_error_of_that_record_alone() {
    let begin = Instant::now();
    for program in [
        "def f: f; f",
        "def f: 1 + f; f",
        "def f: f | f; f",
        "def f: [f]; f",
        "until(false; .)",
        "until(false; [.])",
        "[repeat(1)]",
        "last(repeat(1))",
        "repeat(empty)",
        "[range(1; infinite)]",
        "last(range(1; infinite))",
        "[limit(1e12; repeat(1))]",
        "[recurse(.)]",
        "\"x\" * 1e12",
        "\"x\" * 1000000000000",
        "reduce range(60) as $i (\"x\"; . + .)",
        "reduce range(60) as $i ([1]; . + .)",
        "reduce range(60) as $i (\"x\"; \"\\(.)\\(.)\")",
        "reduce range(60) as $i (\"x\"; . * 2)",
        "reduce range(60) as $i ([1]; [., .]) | tojson",
        "reduce range(60) as $i ([1]; [., .])",
        "reduce range(100) as $i (10; . * .)",
        "repeat({})",
        "reduce range(100000) as $i (0; [.])",
        "(\"[\" * 1000000) | fromjson",
    ] {
        let error = map(program, "{}").unwrap_err();
        assert!(!matches!(error, MapError::Internal(_)), "{program}: {error}");
    }
    assert!(begin.elapsed() < Duration::from_secs(120), "{:?}", begin.elapsed());
}

#[test]
fn the_clock_ends_what_counting_alone_would_let_run() {
    let budget = Budget { steps: u64::MAX, time: Duration::from_millis(50), ..Budget::default() };
    let mapping = Mapping::parse("shop", "until(false; .)").unwrap().with_budget(budget);
    assert_eq!(mapping.apply_json("{}"), Err(MapError::Budget("took too long")));
}

#[test]
fn one_bad_record_does_not_disturb_its_neighbours() {
    let mapping = Mapping::parse("shop", "if .loop then until(false; .) else {id: .id} end").unwrap();
    let records: Vec<Rows> = (0..40)
        .map(|id| {
            let text = match id % 10 {
                3 => r#"{"loop":true}"#.to_owned(),
                4 => "{\"id\":".to_owned(),
                _ => format!("{{\"id\":{id}}}"),
            };
            Rows::One(Row::Json(text.into()))
        })
        .collect();
    for threads in [1, 3] {
        let results = mapping.apply_all(&records, threads);
        assert_eq!(results.len(), 40);
        for (id, result) in results.iter().enumerate() {
            match (id % 10, result) {
                (3, Err(MapError::Budget(_))) | (4, Err(MapError::Input(_))) => {}
                (_, Ok(events)) => assert!(events[0].ends_with(&format!("\"id\":{id}}}"))),
                (_, other) => panic!("{id}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_is_not_json_is_refused_before_the_program_sees_it() {
    for record in ["{\"a\":NaN}", "{a:1}", "{\"a\":1}{\"b\":2}", "{\"a\":+1}", "{\"a\":01}", "# x\n1", "", "[1,]"] {
        assert!(matches!(map(".", record), Err(MapError::Input(_))), "{record}");
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let error = map(".", &deep).unwrap_err().to_string();
    assert!(error.contains("nests deeper"), "{error}");
}

#[test]
fn outputs_that_are_no_events_say_which_and_why() {
    let error = map("{}, 5", "{}").unwrap_err().to_string();
    assert_eq!(error, "output 2 of the mapping: an event must be an object, this is a number");
    let error = map("{(1|tostring): 1} | with_entries(.key |= tonumber)", "{}").unwrap_err().to_string();
    assert!(error.contains("keys are texts"), "{error}");
    let error = map(".no.such", "{\"no\":5}").unwrap_err().to_string();
    assert!(error.starts_with("the mapping stopped: cannot index 5"), "{error}");
}

#[test]
fn a_bom_before_the_mapping_is_no_part_of_it() {
    let mapping = Mapping::parse("shop", "\u{feff}# mizan: source a\n{}").unwrap();
    assert_eq!(mapping.directives().source.as_deref(), Some("a"));
}
