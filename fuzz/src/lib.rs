//! What the fuzz targets check. The tests of the crates replay the committed corpus through the same functions.

pub mod codec;
pub mod encode;
pub mod naive;
pub mod retained;
pub mod tree;
