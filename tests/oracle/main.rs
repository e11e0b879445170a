//! Random clusters, a second planner, and what must be true of every plan.

#![expect(dead_code, reason = "while it grows")]

mod generate;
mod naive;
mod properties;
mod running_on;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub(crate) fn number(name: &str, or: u32) -> u32 {
    let given = std::env::vars().find(|(key, _)| key == name);
    given.and_then(|(_, value)| value.parse().ok()).unwrap_or(or)
}

/// A generator of worlds that depends on a number alone.
pub(crate) fn runner(seed: u32) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let config = Config { max_shrink_iters: 4000, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}
