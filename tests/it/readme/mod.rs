//! The README and the other pages agree with the program: messages, variables, and every command.
//!
//! ```text
//!   *.md ── page ──> commands ── way ──┬─> a shell in a copy of the repository ──┬─> exit code, what it wrote
//!                                      ├─> the same, with a real control plane ──┘
//!                                      └─> the files and objects that it names
//! ```

mod checkout;
mod clouds;
mod commands;
mod decisions;
mod links;
mod names;
mod page;
mod phrases;
mod way;
mod words;
