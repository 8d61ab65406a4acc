//! The whole engine over tables in memory: what it answers, what it refuses, what it survives.

mod answers;
mod errors;
mod hostile;
mod lake;
mod moving;
pub(crate) mod support;
