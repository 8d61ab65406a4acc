//! From rows to Parquet files: split by partition, sort, encode, hash.

pub(crate) mod dictionary;
pub(crate) mod file;
pub(crate) mod hybrid;
pub(crate) mod properties;
pub(crate) mod row_group;
pub(crate) mod sort;
pub(crate) mod split;
pub(crate) mod text;
