//! A simulated campus, whose runs the pictures show.

use jiff::SignedDuration;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_simulate::Contender;
use kube_rebalancer_simulate::cluster::Cluster;
use kube_rebalancer_simulate::scenario::{Scenario, Scheduler};
use kube_rebalancer_simulate::users::{Demand, MONDAY, Profile};
use kube_rebalancer_simulate::watch::{Watched, watch};

/// Shows every run to the observer: the first is at midnight of a Monday, and `interval` seconds are between two.
pub(super) fn runs(
    days: u32,
    interval: u64,
    policy: &Policy,
    observer: &mut (dyn FnMut(Watched<'_>) + Send),
) {
    let demand = Demand { profile: Profile::Class, users_per_day: 1000, days, seed: 1 };
    let scenario = Scenario {
        sessions: demand.sessions(),
        people: Vec::new(),
        start: MONDAY,
        length: demand.length(),
        cluster: Cluster { zones: 1, ..Profile::Class.cluster(Profile::Class.machine()) },
        scheduler: Scheduler::Pack,
        boot_time: 120,
        wake_time: 240,
        image_pull: 60,
        interval,
        seed: 1,
    };
    let contender = Contender {
        name: "kube-rebalancer".to_owned(),
        settings: None,
        policy: policy.clone(),
        run_timeout: SignedDuration::from_mins(5),
        history: None,
        calendar: [].into(),
    };
    watch(&scenario, &contender, observer).unwrap();
}
