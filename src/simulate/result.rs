//! The result of one policy.

use super::cluster::{Cluster, Kind};
use super::resources::Resource;
use super::series::Point;
use super::world::{KindTally, Tally};

/// The result of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyResult {
    /// Its name.
    pub name: String,
    /// The settings in which it differs, if it is a further policy to compare.
    pub settings: Option<String>,
    /// Instances times seconds, from the request for an instance until the request for its deletion.
    pub node_seconds: u128,
    /// The requests of users (and of the hub if it runs among them) divided by what the nodes that take users offer, both
    /// summed over time, for the resource with the highest ratio.
    pub utilization: Ratio,
    /// Users who requested a server.
    pub users: usize,
    /// Users whose pod was not scheduled at once: they had to wait for a node.
    pub waited: usize,
    /// The waiting times of these users, from the request until their server ran; `None` if there are none.
    pub wait: Option<Waits>,
    /// Each of these users, in the order in which they were served.
    pub late: Vec<Late>,
    /// The same for each kind of users; empty where there is one kind.
    pub kinds: Vec<KindResult>,
    /// Nodes cordoned.
    pub cordons: usize,
    /// Nodes uncordoned.
    pub uncordons: usize,
    /// Instances created; the ones at the start are not counted.
    pub created: usize,
    /// Instances deleted.
    pub deletions: usize,
    /// How often a machine was parked.
    pub parks: usize,
    /// Maximum number of instances at one time.
    pub peak_nodes: usize,
    /// Users whose node was deleted under them.
    pub lost: usize,
    /// Number of runs.
    pub runs: usize,
    /// Plans that a second run immediately afterwards would have corrected.
    pub unsettled: usize,
    /// The points over time, if requested.
    pub points: Vec<Point>,
}

/// The result of one policy for one kind of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindResult {
    /// Their name.
    pub name: &'static str,
    /// The number of users of this kind who requested a server.
    pub users: usize,
    /// The number of users who had to wait for a node.
    pub waited: usize,
    /// The waiting times of these users.
    pub wait: Option<Waits>,
}

/// A user who had to wait for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// The time of the request, in seconds since the simulation began.
    pub asked: u64,
    /// How long they waited, in seconds.
    pub seconds: u64,
}

/// A ratio that keeps both of its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    /// The dividend.
    pub part: u128,
    /// The divisor.
    pub whole: u128,
}

/// The waiting times of users, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// The median.
    pub p50: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The longest.
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

/// The precision of comparisons of two ratios.
const MILLIONTHS: u128 = 1_000_000;

impl Ratio {
    /// The ratio in parts of one (1000: thousandths), rounded half up; `None` if the divisor is zero.
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
