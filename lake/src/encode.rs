//! From rows to Parquet files: split by partition, sort, encode, hash.

pub(crate) mod file;
pub(crate) mod properties;
pub(crate) mod sort;
pub(crate) mod split;
