//! From the text of a mapping to a filter that can run, with errors that point into the text.

use jaq_core::load::lex::{self, Lexer};
use jaq_core::load::parse::{Def, Parser, Term};
use jaq_core::load::{Arena, File, Loader, span};
use jaq_core::native::Fun;
use jaq_core::{Compiler, Filter};

use super::budget::Metered;
use super::directives::nearest;
use super::error::{MappingError, Place};
use super::{guard, natives};

/// The whole program as a definition, so that its rewritten tree can be handed to the compiler.
const PROGRAM: &str = "mizan_program";

/// What jq has and a mapping has not: other input, the surroundings, the clock, an end of the process.
const CLOSED: [(&str, &str); 15] = [
    ("input", "reads other records"),
    ("inputs", "reads other records"),
    ("input_filename", "depends on where the file lies"),
    ("input_line_number", "depends on how the file is read"),
    ("env", "reads the environment"),
    ("$ENV", "reads the environment"),
    ("$__prog_args", "reads the command line"),
    ("halt", "ends the process"),
    ("halt_error", "ends the process"),
    ("debug", "writes to the log"),
    ("stderr", "writes to standard error"),
    ("now", "gives another event at each run"),
    ("localtime", "depends on the machine's time zone, use to_utc"),
    ("strflocaltime", "depends on the machine's time zone, use to_utc"),
    ("get_search_list", "reads files"),
];
/// Natives under the definitions above.
const CLOSED_NATIVES: [&str; 2] = ["debug_empty", "stderr_empty"];

type Tree<'s> = Term<&'s str>;

/// Compiles the mapping `text`.
pub(super) fn compile(name: &str, text: &str) -> Result<Filter<Metered>, MappingError> {
    let tree = parse(name, text)?;
    let main = Def { name: PROGRAM, args: Vec::new(), body: guard::term(tree) };
    let arena = Arena::default();
    let file = File { code: PROGRAM, path: () };
    let failed = |problem: &str| MappingError::Compile { name: name.to_owned(), problem: problem.to_owned() };
    let modules =
        Loader::new(prelude().chain([main])).load(&arena, file).map_err(|_| failed("its definitions do not load"))?;
    Compiler::default().with_funs(funs()).compile(modules).map_err(|errors| {
        let mut undefined = errors.iter().flat_map(|(_, errors)| errors);
        let inside = undefined.find_map(|(symbol, kind)| {
            let offset = offset_of(text, symbol)?;
            Some((*symbol, offset, kind.as_str()))
        });
        match inside {
            Some((symbol, offset, kind)) => MappingError::Program {
                name: name.to_owned(),
                problem: undefined_text(symbol, kind),
                place: Place::of(text, offset),
            },
            None => failed("a definition of the library is missing"),
        }
    })
}

fn parse<'s>(name: &str, text: &'s str) -> Result<Tree<'s>, MappingError> {
    let wrong = |problem: String, offset: usize| MappingError::Program {
        name: name.to_owned(),
        problem,
        place: Place::of(text, offset),
    };
    let tokens = Lexer::new(text).lex().map_err(|errors| {
        let (expected, found) = first(errors, |found: &lex::Error<&str>| offset_of(text, found.1));
        wrong(format!("expected {}", expected.as_str()), offset_of(text, found).unwrap_or(text.len()))
    })?;
    if tokens.is_empty() {
        return Err(wrong("the file holds no program, only comments".to_owned(), text.len()));
    }
    if let Some(word) = tokens.first().filter(|token| matches!(token.0, "import" | "include")) {
        let problem = format!("`{}` reads files, a mapping is one file", word.0);
        return Err(wrong(problem, offset_of(text, word.0).unwrap_or(0)));
    }
    Parser::new(&tokens).parse(|parser| parser.term()).map_err(|errors| {
        let place = |found: Option<&lex::Token<&str>>| {
            found.map_or(text.trim_end().len(), |token| offset_of(text, token.0).unwrap_or(text.len()))
        };
        let mut errors = errors;
        errors.sort_by_key(|(_, found)| place(*found));
        match errors.first() {
            Some((expected, found)) => {
                let here = match found {
                    Some(token) => format!("found `{}`", token.0.split_whitespace().next().unwrap_or("")),
                    None => "the program ends".to_owned(),
                };
                let problem = format!("expected {}, {here}", expected.as_str());
                wrong(problem, place(*found))
            }
            None => wrong("the program does not parse".to_owned(), 0),
        }
    })
}

fn first<E>(errors: Vec<E>, key: impl Fn(&E) -> Option<usize>) -> E {
    let mut errors = errors;
    errors.sort_by_key(|error| key(error));
    errors.swap_remove(0)
}

/// Where `part` lies in `text`, when it is a slice of it.
fn offset_of(text: &str, part: &str) -> Option<usize> {
    let range = text.as_bytes().as_ptr_range();
    let begin = part.as_ptr();
    (range.start <= begin && begin <= range.end).then(|| span(text, part).start)
}

fn undefined_text(symbol: &str, kind: &str) -> String {
    if let Some((_, why)) = CLOSED.iter().find(|(closed, _)| *closed == symbol) {
        return format!("`{symbol}` is closed in a mapping: it {why}");
    }
    let names: Vec<&str> =
        prelude().map(|def| def.name).chain(funs().map(|fun| fun.0)).filter(|name| !name.starts_with('!')).collect();
    match kind {
        "filter" => {
            let near = nearest(symbol, &names);
            if near == symbol {
                return format!("`{symbol}` does not take this many arguments");
            }
            format!("no filter is called `{symbol}`, the nearest is `{near}`")
        }
        _ => format!("no {kind} is called `{symbol}`"),
    }
}

fn prelude<'s>() -> impl Iterator<Item = Def<&'s str>> {
    jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .filter(|def| !closed(def.name) && !natives::replaces_definition(def.name))
        .map(|def| -> Def<&'s str> { guard::definition(def) })
}

fn funs() -> impl Iterator<Item = Fun<Metered>> {
    jaq_core::funs::<Metered>()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, args, _)| !closed(name) && !natives::replaces(name, args.len()))
        .chain(natives::funs())
}

fn closed(name: &str) -> bool {
    CLOSED_NATIVES.contains(&name) || CLOSED.iter().any(|(closed, _)| *closed == name)
}
