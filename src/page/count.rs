//! Numbers with their nouns.

use std::fmt::Display;

/// `1 node`, `2 nodes`.
#[must_use]
pub fn count<N: Copy + Display + From<u8> + PartialEq>(number: N, noun: &str) -> String {
    if number == N::from(1) { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!([0_usize, 1, 2].map(|number| count(number, "node")), ["0 nodes", "1 node", "2 nodes"]);
        assert_eq!([1_u32, 11].map(|number| count(number, "day")), ["1 day", "11 days"]);
    }
}
