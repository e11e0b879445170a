//! The values of one policy over time, for a plot.

/// One policy's simulation over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panel {
    /// The policy's name.
    pub title: String,
    /// Its result in a few words, such as `512 node-hours, 3 of 900 users waited`.
    pub note: String,
    /// The points; each one is valid from its time until the time of the next one. Times increase strictly; the first
    /// is 0 and the last is the end of the simulation.
    pub points: Vec<Point>,
}

/// The cluster from one moment until the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Seconds since the simulation began.
    pub at: u64,
    /// Memory that served and waiting users request, in bytes.
    pub workload: u64,
    /// Memory that one node offers its users at the optimal utilization, in bytes, never 0: `workload` divided by it is
    /// the workload in nodes, so that it plots on the same axis.
    pub node_at_optimum: u64,
    /// The same, plus the amount that foresight expects.
    pub expected: u64,
    /// Nodes that take new users.
    pub serving: u32,
    /// The serving nodes that are marked to fill last.
    pub fill_last: u32,
    /// Nodes that are cordoned.
    pub cordoned: u32,
    /// Instances that are not Ready yet.
    pub booting: u32,
    /// Nodes whose machine is parked.
    pub parked: u32,
    /// Users whose pod has no node yet.
    pub waiting: u32,
}
