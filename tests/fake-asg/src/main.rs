//! The fake Auto Scaling as a program, to try clients on: the access key `AKIAFAKE`, and a group of two zones and three instances of
//! a cluster called `hub`, whose launch template has two versions.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use fake_asg::{Account, FakeAsg, Group, LaunchTemplate, Options};

fn main() -> ExitCode {
    let Err(error) = serve();
    // If even that cannot be written, the exit code shows the failure.
    writeln!(std::io::stderr(), "fake-asg: {error}").ok();
    ExitCode::FAILURE
}

fn serve() -> Result<Infallible, Box<dyn Error>> {
    let fake = FakeAsg::start(Account::ops(), Options::default())?;
    let zones = ["us-east-1a", "us-east-1b"];
    let mut group =
        Group::new("users", &zones).bounds(2, 8).suspend("AZRebalance").template("lt-0users", "$Latest");
    for (number, zone) in (1_u32..).zip(["us-east-1a", "us-east-1b", "us-east-1a"]) {
        group = group.instance(&format!("i-{number:017x}"), zone);
    }
    group.policies.push("cpu".to_owned());
    group.scheduled.push("night".to_owned());
    group.refresh = Some("Successful".to_owned());
    fake.add_group(group);
    fake.add_template("lt-0users", LaunchTemplate::of(&[Some("m5.large"), Some("m5.xlarge")]));
    // The first line is for programs that wait for it.
    writeln!(std::io::stdout(), "{}", fake.url())?;
    loop {
        std::thread::park();
    }
}
