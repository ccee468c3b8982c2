//! What the fuzz targets check. The codec's tests replay the committed corpus through the same functions.

pub mod codec;
pub mod tree;
