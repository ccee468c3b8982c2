//! What the fuzz targets check. The tests of the crates replay the committed corpus through the same functions.

pub mod broker;
pub mod client;
pub mod codec;
pub mod encode;
pub mod naive;
pub mod packets;
pub mod pair;
pub mod restore;
pub mod retained;
pub mod tree;
