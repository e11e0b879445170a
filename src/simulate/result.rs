//! What came of one policy.

use super::cluster::{Cluster, Kind};
use super::resources::Resource;
use super::series::Point;
use super::world::{KindTally, Tally};

/// What came of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyResult {
    /// Its name.
    pub name: String,
    /// What its settings differ in, if it is one of those to be compared.
    pub settings: Option<String>,
    /// Instances times seconds, from asking for one until asking for its deletion.
    pub node_seconds: u128,
    /// What users asked for, and the hub where it ran among them, over what the nodes that took users offered, both summed
    /// over time: of the resource of which it is most.
    pub utilization: Ratio,
    /// Users who asked for a server.
    pub users: usize,
    /// Those whose pod was not bound at once: they had to wait for a node.
    pub waited: usize,
    /// How long those waited, from asking until their server ran; `None` if there were none.
    pub wait: Option<Waits>,
    /// Each of them, in the order in which they were served.
    pub late: Vec<Late>,
    /// The same for each kind of users; empty where there is one kind.
    pub kinds: Vec<KindResult>,
    /// Nodes cordoned.
    pub cordons: usize,
    /// Nodes uncordoned.
    pub uncordons: usize,
    /// Instances created, those apart that were there at first.
    pub created: usize,
    /// Instances deleted.
    pub deletions: usize,
    /// How often a machine was parked.
    pub parks: usize,
    /// The most instances at one time.
    pub peak_nodes: usize,
    /// Users whose node was deleted under them.
    pub lost: usize,
    /// How often it looked.
    pub runs: usize,
    /// Plans that a run right after them would have corrected.
    pub unsettled: usize,
    /// What happened over time, if that was asked for.
    pub points: Vec<Point>,
}

/// What came of one policy for one kind of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindResult {
    /// Their name.
    pub name: &'static str,
    /// The number of users of this kind who asked for a server.
    pub users: usize,
    /// The number of users who had to wait for a node.
    pub waited: usize,
    /// The waiting times of these users.
    pub wait: Option<Waits>,
}

/// Somebody who had to wait for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// When they asked, in seconds since their simulation began.
    pub asked: u64,
    /// How long they waited, in seconds.
    pub seconds: u64,
}

/// A ratio that keeps both of its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    /// What is divided.
    pub part: u128,
    /// What it is divided by.
    pub whole: u128,
}

/// How long users waited, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Half of them so long or less.
    pub p50: u64,
    /// 99 of 100 of them so long or less.
    pub p99: u64,
    /// The one who waited longest.
    pub max: u64,
}

impl Waits {
    /// Computes percentiles by nearest rank: the smallest value that is not below that percentage of all values.
    pub(super) fn new(waits: &mut [u64]) -> Option<Self> {
        waits.sort_unstable();
        let rank = |percent: usize| waits.get((waits.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Self { p50: rank(50)?, p99: rank(99)?, max: rank(100)? })
    }
}

impl PolicyResult {
    pub(super) fn new(
        name: String,
        settings: Option<String>,
        cluster: &Cluster,
        tally: Tally,
        points: Vec<Point>,
    ) -> Self {
        let late = tally.asked.iter().zip(&tally.waits);
        let late = late.map(|(asked, seconds)| Late { asked: *asked, seconds: *seconds }).collect();
        let mut waits = tally.waits;
        let kind = |(kind, mut tally): (&Kind, KindTally)| KindResult {
            name: kind.name,
            users: tally.users,
            waited: tally.waits.len(),
            wait: Waits::new(&mut tally.waits),
        };
        let several = cluster.kinds.len() > 1;
        let kinds = cluster.kinds.iter().zip(tally.kinds).filter(|_| several).map(kind).collect();
        Self {
            name,
            settings,
            node_seconds: tally.node_seconds,
            utilization: utilization(cluster.counted, tally.requested, tally.offered),
            users: tally.users,
            waited: waits.len(),
            wait: Waits::new(&mut waits),
            late,
            kinds,
            cordons: tally.cordons,
            uncordons: tally.uncordons,
            created: tally.created,
            deletions: tally.deletions,
            parks: tally.parks,
            peak_nodes: tally.peak,
            lost: tally.lost,
            runs: tally.runs,
            unsettled: tally.unsettled,
            points,
        }
    }
}

/// The ratio of the most used resource among the counted resources.
fn utilization(counted: &[Resource], requested: [u128; 3], offered: [u128; 3]) -> Ratio {
    let ratios = Resource::ALL.iter().zip(requested.iter().zip(offered));
    let counts = ratios.filter(|(resource, _)| counted.contains(resource));
    let ratio = |(_, (part, whole)): (_, (&u128, u128))| Ratio { part: *part, whole };
    counts.map(ratio).max_by_key(|ratio| ratio.rounded(MILLIONTHS)).unwrap_or_default()
}

/// Fine enough to compare two ratios.
const MILLIONTHS: u128 = 1_000_000;

impl Ratio {
    /// How many parts of such a size it is (1000: thousandths), rounded half up; `None` if it is divided by nothing.
    #[must_use]
    pub fn rounded(self, parts: u128) -> Option<u128> {
        (self.part * parts * 2 + self.whole).checked_div(self.whole * 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        assert_eq!(Waits::new(&mut []), None);
        assert_eq!(Waits::new(&mut [7]), Some(Waits { p50: 7, p99: 7, max: 7 }));
        let mut waits: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(Waits::new(&mut waits), Some(Waits { p50: 100, p99: 198, max: 200 }));
        assert_eq!(Waits::new(&mut [1, 2, 3, 4]), Some(Waits { p50: 2, p99: 4, max: 4 }));
    }

    #[test]
    fn a_ratio_is_rounded_half_up() {
        assert_eq!(Ratio { part: 1, whole: 2000 }.rounded(1000), Some(1));
        assert_eq!(Ratio { part: 1, whole: 2001 }.rounded(1000), Some(0));
        assert_eq!(Ratio { part: 2, whole: 3 }.rounded(1000), Some(667));
        assert_eq!(Ratio { part: 1, whole: 0 }.rounded(1000), None);
    }
}
