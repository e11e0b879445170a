//! The command line of a command that this build lacks.

use std::ffi::OsString;

use clap::Args;

/// Any arguments: they are taken as they are, so that the answer names the missing command and not a flag of it.
#[derive(Args, Clone, Debug)]
pub struct AbsentArgs {
    /// What was typed after the command.
    #[arg(num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub arguments: Vec<OsString>,
}
