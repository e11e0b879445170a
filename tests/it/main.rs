//! All integration tests in one binary: it links once.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop there")]

mod input;
mod scale_py;
