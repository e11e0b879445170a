//! Converts dumps of pods, made one after the other, into stays.
//!
//! ```text
//!   09:00  ada            ada: from its creation to its end, if a dump shows that,
//!   09:05  ada  bob            else to 09:10, the first dump without it
//!   09:10       bob       bob: to 09:10, the last dump, with a note
//! ```
//!
//! A pod that is created and deleted between two dumps is not seen. One dump at a time is in memory, and every pod that
//! has not ended yet.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use jiff::Timestamp;
use kube_rebalancer_core::model::Amounts;
use kube_rebalancer_core::plan::is_users;
use kube_rebalancer_core::policy::Policy;

use super::Stay;
use super::dump_time::dump_time;
use kube_rebalancer_ports::{End, PodLife, Source};

/// Counts of the dumps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodsSummary {
    /// Dumps read.
    pub dumps: usize,
    /// Pods of users in them.
    pub users: usize,
    /// The number of these pods that were still in the last dump.
    pub still_there: usize,
    /// Pods that are not users'.
    pub others: usize,
}

impl fmt::Display for PodsSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dumps, users, still_there, others } = self;
        write!(
            formatter,
            "pods of users: {users}, in {dumps} dumps; still there in the last one, whose time is taken for their end: \
             {still_there}; other pods, left out: {others}"
        )
    }
}

/// Reads the dumps with `read`, in order of the times in their names, and passes on the stays of the pods that belong
/// to users according to these settings.
pub fn from_pods<E>(
    sources: &[Source],
    policy: &Policy,
    read: impl Fn(&Source) -> Result<Vec<PodLife>, E>,
) -> Result<(Vec<Stay>, PodsSummary), PodsError>
where
    E: Error + Send + Sync + 'static,
{
    let mut dumps = Vec::new();
    for source in sources {
        let Source::File(path) = source else { return Err(PodsError::NoName) };
        let time = dump_time(path).ok_or_else(|| PodsError::NoTime { dump: source.to_string() })?;
        dumps.push((time, source));
    }
    dumps.sort_by_key(|(time, _)| *time);
    if dumps.len() < 2 {
        return Err(PodsError::OnlyOne);
    }
    if let Some([(time, first), (_, second)]) =
        dumps.array_windows().find(|[(earlier, _), (later, _)]| earlier == later)
    {
        let (first, second) = (first.to_string(), second.to_string());
        return Err(PodsError::SameTime { time: *time, first, second });
    }
    let mut watch = Watch::new(policy);
    for (time, source) in dumps {
        let lives = read(source).map_err(|error| PodsError::Read(Box::new(error)))?;
        watch.look(time, lives);
    }
    Ok(watch.finish())
}

/// The pods that the dumps have shown so far.
#[derive(Debug)]
struct Watch<'a> {
    policy: &'a Policy,
    /// The time of the last dump.
    latest: Timestamp,
    /// The pods of users that have not ended, by uid.
    present: BTreeMap<String, Present>,
    /// Ended pods that dumps still show, and pods that belong to no user, by uid; true for users' pods.
    known: BTreeMap<String, bool>,
    stays: Vec<Stay>,
    summary: PodsSummary,
}

#[derive(Clone, Debug)]
struct Present {
    start: Timestamp,
    requests: Amounts,
    deleting_until: Option<Timestamp>,
    seen: Timestamp,
}

impl<'a> Watch<'a> {
    fn new(policy: &'a Policy) -> Self {
        Self {
            policy,
            latest: Timestamp::MIN,
            present: BTreeMap::new(),
            known: BTreeMap::new(),
            stays: Vec::new(),
            summary: PodsSummary::default(),
        }
    }

    /// Takes the pods of a dump.
    fn look(&mut self, now: Timestamp, lives: Vec<PodLife>) {
        let known = std::mem::take(&mut self.known);
        for PodLife { pod, uid, created_at, deleting_until, end } in lives {
            let is_new = !known.contains_key(&uid) && !self.present.contains_key(&uid);
            if !is_users(&pod, self.policy) {
                self.summary.others += usize::from(is_new);
                self.known.insert(uid, false);
                continue;
            }
            self.summary.users += usize::from(is_new);
            let earlier = self.present.remove(&uid);
            match end {
                End::NotYet => {
                    let present =
                        Present { start: created_at, requests: pod.requests, deleting_until, seen: now };
                    self.present.insert(uid, present);
                }
                End::Over(ended_at) => {
                    if is_new || earlier.is_some() {
                        self.stays.push(Stay::new(
                            created_at,
                            ended_at.unwrap_or(now).min(now),
                            &pod.requests,
                        ));
                    }
                    self.known.insert(uid, true);
                }
            }
        }
        let latest = self.latest;
        let gone = self.present.extract_if(.., |_, present| present.seen < now);
        self.stays.extend(gone.map(|(_, present)| {
            // The last dump has the pod and this one does not; if it was being deleted, it ended by that deadline.
            let end = present.deleting_until.map_or(now, |until| until.clamp(latest, now));
            Stay::new(present.start, end, &present.requests)
        }));
        self.latest = now;
        self.summary.dumps += 1;
    }

    fn finish(mut self) -> (Vec<Stay>, PodsSummary) {
        self.summary.still_there = self.present.len();
        let latest = self.latest;
        let still_there = self.present.into_values();
        self.stays.extend(still_there.map(|present| Stay::new(present.start, latest, &present.requests)));
        (self.stays, self.summary)
    }
}

/// An error that prevents a trace from dumps.
#[derive(Debug, thiserror::Error)]
pub enum PodsError {
    /// A dump cannot be read.
    #[error(transparent)]
    Read(Box<dyn Error + Send + Sync>),
    /// Standard input has no name that could hold a time.
    #[error("--pods -: a dump from standard input has no name that says when it was made, expected a file")]
    NoName,
    /// A dump's name does not say when it was made.
    #[error(
        "{dump}: the name does not say when the dump was made, expected one such as pods-2026-01-15T09:00:00Z.json"
    )]
    NoTime {
        /// The dump.
        dump: String,
    },
    /// One dump alone does not show the length of a stay.
    #[error("one dump does not show how long pods stay, expected at least two")]
    OnlyOne,
    /// The names of two dumps have the same time.
    #[error("{first} and {second} are of the same time {time}, expected one dump of each")]
    SameTime {
        /// The time.
        time: Timestamp,
        /// A dump.
        first: String,
        /// Another one.
        second: String,
    },
}
