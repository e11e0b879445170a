//! The fake Compute Engine as a program, to try clients on.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

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

fn main() -> ExitCode {
    let Err(error) = serve(&Arguments::parse());
    let mut line = format!("fake-gce: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    // If even that cannot be written, the exit code shows the failure.
    writeln!(std::io::stderr(), "{line}").ok();
    ExitCode::FAILURE
}

fn serve(arguments: &Arguments) -> Result<Infallible, Box<dyn Error>> {
    let config = match &arguments.config {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("cannot read the configuration {}: {error}", file.display()))?;
            Config::parse(&text)?
        }
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
