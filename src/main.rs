//! The program: reads its input from the process, runs once, and converts the ending to an exit code.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use kube_rebalancer::cli::Cli;
use kube_rebalancer::logs;
use kube_rebalancer::run::{self, World};
use kube_rebalancer::terminal::Terminal;

/// The log filter unless `RUST_LOG` sets another one: our own progress, and the warnings of libraries.
///
/// Two libraries are off. The Kubernetes client logs an error for every 5xx and every broken connection, even if a retry
/// succeeds. The certificate verifier repeats our own error.
const DEFAULT_LOG: &str = "warn,kube_client=off,rustls_platform_verifier=off,kube_rebalancer=info";

fn main() -> ExitCode {
    let cli = Cli::of_process(std::env::args_os()); // wrong usage ends here with exit code 2
    let world = world();
    let format = run::log_format(&cli, &world);
    let variables = env_logger::Env::default().default_filter_or(DEFAULT_LOG);
    let logger = logs::in_format(format, env_logger::Builder::from_env(variables));
    logs::start(logger).ok(); // fails where there is a logger already, and there is none
    std::panic::set_hook(Box::new(|panic| log::error!("{}", panic.to_string().replace('\n', " "))));
    let mut out = BufWriter::new(io::stdout().lock());
    match run::run(cli, &world, &mut out) {
        Ok(ending) => ending.into(),
        Err(failure) => {
            // Even without standard error, the exit code shows the failure.
            logs::failure(&mut io::stderr(), format, world.now, &failure).ok();
            failure.ending().into()
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "here, and only here, environment and clock are read")]
fn world() -> World {
    World {
        environment: std::env::vars_os().collect(),
        now: jiff::Timestamp::now(),
        terminal: Terminal {
            is_terminal: io::stdout().is_terminal(),
            columns: terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0),
        },
        can_ask: io::stdin().is_terminal() && io::stderr().is_terminal(),
        ask,
    }
}

/// Asks on standard error, where a question reaches the person even if standard output goes elsewhere.
fn ask(question: &str) -> bool {
    let mut answer = String::new();
    let asked = write!(io::stderr(), "{question}").and_then(|()| io::stdin().read_line(&mut answer));
    asked.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
