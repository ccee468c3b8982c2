//! Conformance and interoperability of the three crates. The programs of `interop/` and `no-std/` are run by `.ci/run`.
