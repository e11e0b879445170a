//! The fake Compute Engine as a program, to try clients on.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use fake_gce::{Config, FakeGce, Options, Timing};

/// Serves a fake Compute Engine on 127.0.0.1 until it is killed.
#[derive(Debug, Parser)]
#[command(name = "fake-gce", version)]
struct Arguments {
    /// The port to listen on; 0 is a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A JSON file that says what there is; without it, a project called demo
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    config: Option<PathBuf>,
    /// Serve the project called demo; this is what is served without --config
    #[arg(long)]
    demo: bool,
    /// Let things take seconds and minutes, as with Google, and not a moment
    #[arg(long)]
    lifelike: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let config = match &arguments.config {
        Some(file) => Config::parse(&std::fs::read_to_string(file)?)?,
        None => Config::demo(),
    };
    let timing = if arguments.lifelike { Timing::lifelike() } else { Timing::default() };
    let fake = FakeGce::start(Options { timing, port: arguments.port, ..Options::default() })?;
    config.apply(&fake)?;
    // The first line is for programs that wait for it.
    writeln!(std::io::stdout(), "{}", fake.url())?;
    loop {
        std::thread::park();
    }
}
