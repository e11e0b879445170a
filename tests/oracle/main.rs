//! Random clusters, a second planner, and the properties of every plan.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop there"
)]
#![expect(
    clippy::default_trait_access,
    clippy::single_match_else,
    clippy::struct_excessive_bools,
    clippy::too_many_lines,
    clippy::similar_names,
    clippy::format_push_string,
    clippy::nonminimal_bool,
    clippy::unnecessary_wraps,
    clippy::wildcard_enum_match_arm,
    reason = "generated objects have their fields set one by one"
)]
#![expect(clippy::print_stderr, reason = "failing clusters are printed")]
#![expect(
    clippy::disallowed_methods,
    reason = "the number of clusters and their seed come from the environment"
)]

mod alike;
mod control_plane;
mod drained;
mod generate;
mod naive;
mod objects;
mod parked;
mod properties;
mod regressions;
mod running_on;
mod used;

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
