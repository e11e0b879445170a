//! The command line of a command that this build lacks.

use std::ffi::OsString;

use clap::Args;

/// Any arguments: they are accepted unread, so that the error names the missing command and not one of its flags.
#[derive(Args, Clone, Debug)]
pub struct AbsentArgs {
    /// The arguments after the command.
    #[arg(num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub arguments: Vec<OsString>,
}
