//! The columns of a trace, for its writer and its reader.

/// The time of the request for the server.
pub(super) const START: &str = "start";
/// The end of the server.
pub(super) const END: &str = "end";
/// The memory that it requested.
pub(super) const MEMORY: &str = "memory";
/// The processor time that it requested; may be left out.
pub(super) const CPU: &str = "cpu";

/// All of them, in the order in which they are written.
pub(super) const ALL: [&str; 4] = [START, END, MEMORY, CPU];

/// The header as messages name it.
pub(super) const EXPECTED: &str = "start,end,memory,cpu (cpu may be left out)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_header_that_is_written() {
        assert!(EXPECTED.starts_with(&format!("{} (", ALL.join(","))), "{EXPECTED}");
    }
}
