//! The command line of `simulate`.

use std::ffi::OsString;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use jiff::SignedDuration;
use kube_rebalancer_core::model::{Bytes, Millicores, QuantityError, parse_bytes, parse_millicores};

use super::{ColorChoice, OUTPUT, OutputFormat, SettingFlags, values};
use kube_rebalancer_simulate::plot::PlotFile;
use kube_rebalancer_simulate::scenario::Scheduler;
use kube_rebalancer_simulate::users::Profile;

/// Flags of the command `simulate`.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    /// When users arrive
    #[arg(long, value_enum, default_value_t, help_heading = USERS)]
    pub profile: Profile,
    /// Replay real users from files that trace made, gzip or not; - is standard input
    ///
    /// A CSV file with the header start,end,memory,cpu and a row for each server of a user, in order of start. Times are
    /// RFC 3339 or seconds since 1970, memory and cpu are Kubernetes quantities, and cpu may be left out. Several files are
    /// simulated one by one, and their results are added up.
    #[arg(long, value_name = "FILE", value_parser = values::file(), num_args = 1.., conflicts_with_all = ["profile", "users_per_day"], help_heading = USERS)]
    pub trace: Vec<OsString>,
    /// File of past weeks with which foresight begins, made by trace --history
    #[arg(long, value_name = "FILE", value_parser = values::file(), help_heading = USERS)]
    pub history: Option<OsString>,
    /// Average number of users on a weekday; the class of 60 on top [default: 2000, of timetable 1500, pools 1000, cpu 750]
    #[arg(long, value_name = "COUNT", value_parser = values::count::<u32>(0, 100_000), allow_negative_numbers = true, help_heading = USERS)]
    pub users_per_day: Option<u32>,
    /// Number of days, the first a Monday [default: 7, or the whole trace]
    #[arg(long, value_name = "COUNT", value_parser = values::count::<u32>(1, 366), allow_negative_numbers = true, help_heading = USERS)]
    pub days: Option<u32>,
    /// Seed of the random numbers: the same seed makes the same users
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = values::count::<u64>(0, u64::MAX), allow_negative_numbers = true, help_heading = USERS)]
    pub seed: u64,
    /// Node on which the scheduler places a pod
    #[arg(long, value_enum, default_value_t, help_heading = CLUSTER)]
    pub scheduler: Scheduler,
    /// Memory of a node's machine; GKE reserves a part of it [default: 52Gi, of cpu 35Gi]
    #[arg(long, value_name = "QUANTITY", value_parser = memory, help_heading = CLUSTER)]
    pub node_memory: Option<Bytes>,
    /// Cores of a node's machine; GKE reserves a part of them [default: 8]
    #[arg(long, value_name = "QUANTITY", value_parser = cpu, help_heading = CLUSTER)]
    pub node_cpu: Option<Millicores>,
    /// Number of zones; a user who returns needs a node in the zone of their disk
    ///
    /// A user's disk is created in the zone of their first node, and a pod with that disk runs in no other zone.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = values::count::<u32>(1, 26), allow_negative_numbers = true, help_heading = CLUSTER)]
    pub zones: u32,
    /// How long a new node takes to become Ready
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = seconds, help_heading = CLUSTER)]
    pub boot_time: u64,
    /// How long a woken node takes to become Ready
    #[arg(long, value_name = "DURATION", default_value = "4m", value_parser = seconds, help_heading = CLUSTER)]
    pub wake_time: u64,
    /// How long the first user of a node waits for the image
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = seconds, help_heading = CLUSTER)]
    pub image_pull: u64,
    /// Time from one run to the next
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = interval, help_heading = CLUSTER)]
    pub interval: u64,
    /// Simulate other settings too, side by side; may be given several times
    #[arg(long, value_name = "SETTINGS", long_help = COMPARE, help_heading = OUTPUT)]
    pub compare: Vec<String>,
    /// Count waiting users by hour of the day too, in `TIME_ZONE`
    #[arg(long, value_enum, value_name = "hour", hide_possible_values = true, help_heading = OUTPUT)]
    pub by: Option<By>,
    /// Draw the nodes of each policy over time, as .svg or .png
    #[arg(long, value_name = "FILE", value_parser = plot_file(), help_heading = OUTPUT)]
    pub plot: Option<PlotFile>,
    /// Format of the result
    #[arg(short, long, value_enum, value_name = "text|json", default_value_t, hide_possible_values = true, help_heading = OUTPUT)]
    pub output: OutputFormat,
    /// When to use colors
    #[arg(long, value_enum, value_name = "auto|always|never", default_value_t, hide_possible_values = true, help_heading = OUTPUT)]
    pub color: ColorChoice,
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// The unit of time by which waits are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// The hour of the day
    Hour,
}

const USERS: &str = "Users";
const CLUSTER: &str = "Cluster";
const COMPARE: &str = "\
Simulate other settings too, side by side; may be given several times

Settings are given as variables with spaces between them: 'MAX_UTILIZATION=0.9 OPTIMAL_UTILIZATION=0.8'. All others \
are as for the main policy.";

/// Why a text is not a valid duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NotADuration {
    /// It cannot be parsed, is negative, or exceeds 24 hours.
    #[error("expected a duration such as 30s or 5m, at most 24h")]
    Form,
    /// It is shorter than a second: the simulation would never end.
    #[error("expected a duration of at least 1s, such as 30s or 5m, and at most 24h")]
    Zero,
}

/// Parses the name of a file for a plot.
pub(super) fn plot_file() -> impl TypedValueParser<Value = PlotFile> {
    OsStringValueParser::new().try_map(PlotFile::try_from)
}

fn seconds(text: &str) -> Result<u64, NotADuration> {
    let duration: SignedDuration = text.parse().map_err(|_| NotADuration::Form)?;
    let longest = SignedDuration::from_hours(24);
    let seconds = (duration <= longest).then(|| u64::try_from(duration.as_secs()).ok()).flatten();
    seconds.filter(|_| !duration.is_negative()).ok_or(NotADuration::Form)
}

fn interval(text: &str) -> Result<u64, NotADuration> {
    let seconds = seconds(text).map_err(|_| NotADuration::Zero)?;
    if seconds == 0 { Err(NotADuration::Zero) } else { Ok(seconds) }
}

fn memory(text: &str) -> Result<Bytes, QuantityError> {
    parse_bytes(text)
}

fn cpu(text: &str) -> Result<Millicores, QuantityError> {
    parse_millicores(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_an_end() {
        for (text, expected) in [
            ("0s", Ok(0)),
            ("90s", Ok(90)),
            ("2m", Ok(120)),
            ("24h", Ok(86_400)),
            ("24h 1s", Err(NotADuration::Form)),
            ("-1s", Err(NotADuration::Form)),
            ("5", Err(NotADuration::Form)),
            ("", Err(NotADuration::Form)),
        ] {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
        assert_eq!(interval("1s"), Ok(1));
        assert_eq!(interval("0s"), Err(NotADuration::Zero));
        assert_eq!(interval("900ms"), Err(NotADuration::Zero));
    }
}
