//! Reads the schedule of the file `CALENDAR`.
//!
//! A file that cannot be read stops no run: the run continues without it, and the report has the reason.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_calendar::{BadCalendar, Calendar, LONGEST, Reading, read as read_text};
use kube_rebalancer_core::model::Window;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::chain;

use super::file;
use crate::settings::Settings;

/// Maximum time of reading a calendar. A real one takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The margin around the times of a run, which may last a day and uses the cluster's clock.
const SLACK: SignedDuration = SignedDuration::from_hours(24);

/// The events around a time, and the problems of reading them.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) windows: Arc<[Window]>,
    /// The problems, for the warnings of the report.
    pub(super) problems: Vec<String>,
}

/// Reads the events that may be in force in a run at this time.
pub(super) fn around(settings: &Settings, now: Timestamp) -> Known {
    let earlier = now.saturating_sub(SLACK).unwrap_or(Timestamp::MIN);
    read(settings, earlier, now)
}

/// Reads the events that may be in force between two times, including [`SLACK`] and `FORECAST_LEAD` after the
/// second one.
pub(super) fn read(settings: &Settings, from: Timestamp, until: Timestamp) -> Known {
    let Some(file) = settings.calendar() else { return Known::default() };
    match within_patience(file.to_owned(), settings.policy().clone(), from, until) {
        Ok(Calendar { windows, problems }) => {
            let problems = problems.iter().map(|problem| format!("CALENDAR {file}: {problem}"));
            Known { windows: windows.into(), problems: problems.collect() }
        }
        Err(error) => {
            let problem = format!("CALENDAR is not taken into account: {file}: {}", chain(&error));
            Known { windows: Arc::default(), problems: vec![problem] }
        }
    }
}

/// The reason why a calendar does not count.
#[derive(Debug, thiserror::Error)]
enum NotRead {
    #[error("it cannot be read")]
    File(#[from] io::Error),
    #[error(transparent)]
    Bad(#[from] BadCalendar),
    #[error("it takes longer than {} s to read", PATIENCE.as_secs())]
    Slow,
    #[error("it broke the reader: that is a defect of this program, please report it with the file")]
    Broken,
}

/// Reads on a separate thread, so that no file can block a run.
fn within_patience(
    file: String,
    policy: Policy,
    from: Timestamp,
    until: Timestamp,
) -> Result<Calendar, NotRead> {
    let (sender, receiver) = channel();
    thread::Builder::new().spawn(move || {
        let result = read_file(&file, &policy, from, until);
        // If reading took too long, the receiver is gone.
        sender.send(result).ok();
    })?;
    match receiver.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(NotRead::Slow),
        Err(RecvTimeoutError::Disconnected) => Err(NotRead::Broken),
    }
}

fn read_file(file: &str, policy: &Policy, from: Timestamp, until: Timestamp) -> Result<Calendar, NotRead> {
    let bytes = file::read(file, LONGEST)?;
    let later = policy.foresight.lead.saturating_add(SLACK);
    let until = until.saturating_add(later).unwrap_or(Timestamp::MAX);
    let zone = &policy.foresight.time_zone;
    let reading = Reading { zone, from, until, has_pools: policy.pool_label.is_some() };
    Ok(read_text(&String::from_utf8_lossy(&bytes), &reading)?)
}
