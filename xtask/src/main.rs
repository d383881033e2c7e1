//! Fixtures, generated documents, comparison with real tools, benchmarks.
fn main() {}
