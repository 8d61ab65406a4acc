//! Rewrites a parsed program so that what allocates is counted and decimals stay exact.
//!
//! Every `l + r` becomes a call of our own filter (likewise `-`, `*`, `/`, `+=`, and the texts put into
//! strings). The names start with `!`, which no program can write.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};

pub(super) const ADD: &str = "!add";
pub(super) const SUB: &str = "!sub";
pub(super) const MUL: &str = "!mul";
pub(super) const DIV: &str = "!div";
pub(super) const TEXT: &str = "!text";
const OPERAND: &str = "$!operand";

type Tree<'s> = Term<&'s str>;

fn native(op: Math) -> Option<&'static str> {
    match op {
        Math::Add => Some(ADD),
        Math::Sub => Some(SUB),
        Math::Mul => Some(MUL),
        Math::Div => Some(DIV),
        Math::Rem => None,
    }
}

pub(super) fn definition(def: Def<&str>) -> Def<&str> {
    Def { name: def.name, args: def.args, body: term(def.body) }
}

pub(super) fn term(tree: Tree<'_>) -> Tree<'_> {
    match tree {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => tree,
        Term::Str(format, parts) => string(format, parts),
        Term::Arr(items) => Term::Arr(items.map(boxed)),
        Term::Obj(entries) => Term::Obj(entries.into_iter().map(|(key, value)| (term(key), value.map(term))).collect()),
        Term::Neg(inner) => Term::Neg(boxed(inner)),
        Term::BinOp(l, op, r) => binary(*l, op, *r),
        Term::Label(name, inner) => Term::Label(name, boxed(inner)),
        Term::Fold(kind, over, as_, args) => {
            Term::Fold(kind, boxed(over), pattern(as_), args.into_iter().map(term).collect())
        }
        Term::TryCatch(inner, catch) => Term::TryCatch(boxed(inner), catch.map(boxed)),
        Term::IfThenElse(cases, otherwise) => Term::IfThenElse(
            cases.into_iter().map(|(condition, then)| (term(condition), term(then))).collect(),
            otherwise.map(boxed),
        ),
        Term::Def(defs, inner) => Term::Def(defs.into_iter().map(definition).collect(), boxed(inner)),
        Term::Call(name, args) => Term::Call(name, args.into_iter().map(term).collect()),
        Term::Path(inner, path) => {
            Term::Path(boxed(inner), Path(path.0.into_iter().map(|(step, optional)| (part(step), optional)).collect()))
        }
    }
}

// Takes the box it is given, so that the arms above read as one word.
#[expect(clippy::boxed_local, reason = "the tree is made of boxes")]
fn boxed(tree: Box<Tree<'_>>) -> Box<Tree<'_>> {
    Box::new(term(*tree))
}

fn part<'s>(step: Part<Tree<'s>>) -> Part<Tree<'s>> {
    match step {
        Part::Index(index) => Part::Index(term(index)),
        Part::Range(from, to) => Part::Range(from.map(term), to.map(term)),
    }
}

fn pattern(tree: Pattern<&str>) -> Pattern<&str> {
    match tree {
        Pattern::Var(name) => Pattern::Var(name),
        Pattern::Arr(items) => Pattern::Arr(items.into_iter().map(pattern).collect()),
        Pattern::Obj(entries) => {
            Pattern::Obj(entries.into_iter().map(|(key, value)| (term(key), pattern(value))).collect())
        }
    }
}

fn string<'s>(format: Option<&'s str>, parts: Vec<StrPart<&'s str, Tree<'s>>>) -> Tree<'s> {
    let counted = |part| match part {
        // With a format such as @uri the format makes the text; without one, we do.
        StrPart::Term(inner) if format.is_none() => StrPart::Term(Term::BinOp(
            Box::new(term(inner)),
            BinaryOp::Pipe(None),
            Box::new(Term::Call(TEXT, Vec::new())),
        )),
        StrPart::Term(inner) => StrPart::Term(term(inner)),
        other => other,
    };
    Term::Str(format, parts.into_iter().map(counted).collect())
}

fn binary<'s>(l: Tree<'s>, op: BinaryOp<&'s str>, r: Tree<'s>) -> Tree<'s> {
    let (l, r) = (term(l), term(r));
    match op {
        BinaryOp::Math(math) => match native(math) {
            Some(name) => Term::Call(name, vec![l, r]),
            None => Term::BinOp(Box::new(l), BinaryOp::Math(math), Box::new(r)),
        },
        BinaryOp::UpdateMath(math) => match native(math) {
            // `l += r` is `r as $operand | l |= . + $operand`.
            Some(name) => {
                let sum = Term::Call(name, vec![Term::Id, Term::Var(OPERAND)]);
                let update = Term::BinOp(Box::new(l), BinaryOp::Update, Box::new(sum));
                let bind = BinaryOp::Pipe(Some(Pattern::Var(OPERAND)));
                Term::BinOp(Box::new(r), bind, Box::new(update))
            }
            None => Term::BinOp(Box::new(l), BinaryOp::UpdateMath(math), Box::new(r)),
        },
        BinaryOp::Pipe(Some(as_)) => Term::BinOp(Box::new(l), BinaryOp::Pipe(Some(pattern(as_))), Box::new(r)),
        other => Term::BinOp(Box::new(l), other, Box::new(r)),
    }
}
