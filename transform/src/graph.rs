//! The order of work: a model comes after every model it reads.

use std::collections::BTreeMap;

use crate::error::TransformError;

/// Names in an order in which each comes after those it reads; among equals by name, so that the order is always the same.
pub(crate) fn ordered(reads: &BTreeMap<String, Vec<String>>) -> Result<Vec<String>, TransformError> {
    let mut walk = Walk { reads, done: Vec::new(), path: Vec::new() };
    for name in reads.keys() {
        walk.visit(name)?;
    }
    Ok(walk.done)
}

/// `names` and everything they read, at any distance.
pub(crate) fn with_inputs(reads: &BTreeMap<String, Vec<String>>, names: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open: Vec<&String> = names.iter().collect();
    while let Some(name) = open.pop() {
        if !found.contains(name) {
            found.push(name.clone());
            open.extend(reads.get(name).into_iter().flatten());
        }
    }
    found
}

struct Walk<'a> {
    reads: &'a BTreeMap<String, Vec<String>>,
    done: Vec<String>,
    path: Vec<String>,
}

impl Walk<'_> {
    fn visit(&mut self, name: &str) -> Result<(), TransformError> {
        if self.done.iter().any(|done| done == name) {
            return Ok(());
        }
        if let Some(start) = self.path.iter().position(|on_path| on_path == name) {
            let mut path = self.path.split_off(start);
            path.push(name.to_owned());
            return Err(TransformError::Cycle { path });
        }
        self.path.push(name.to_owned());
        for input in self.reads.get(name).into_iter().flatten() {
            self.visit(input)?;
        }
        self.path.pop();
        self.done.push(name.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(edges: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        edges
            .iter()
            .map(|(name, inputs)| ((*name).to_owned(), inputs.iter().map(|input| (*input).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn a_model_comes_after_what_it_reads() {
        let reads = reads(&[("a", &["c"]), ("b", &[]), ("c", &["b"]), ("d", &[])]);
        assert_eq!(ordered(&reads).unwrap(), ["b", "c", "a", "d"]);
        let mut inputs = with_inputs(&reads, &["c".to_owned()]);
        inputs.sort();
        assert_eq!(inputs, ["b", "c"]);
    }

    #[test]
    fn a_ring_is_told_by_its_path() {
        let reads = reads(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]);
        assert_eq!(ordered(&reads).unwrap_err().to_string(), "models read each other in a ring: b reads c reads b");
    }
}
