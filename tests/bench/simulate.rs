//! Whole simulations with all policies to compare: the default week, and a semester of 16 weeks with 20,000 users a
//! week. Run with `cargo bench --bench simulate`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot make its cluster should stop")]

use divan::Bencher;
use jiff::SignedDuration;
use kube_rebalancer_core::model::Bytes;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_simulate::cluster::Cluster;
use kube_rebalancer_simulate::scenario::{Scenario, Scheduler};
use kube_rebalancer_simulate::users::{Demand, MONDAY, Profile};
use kube_rebalancer_simulate::{Contender, Extras, Machine, simulate};

fn main() {
    divan::main();
}

fn scenario(days: u32, users_per_day: u32) -> Scenario {
    let demand = Demand { profile: Profile::Class, users_per_day, days, seed: 1 };
    Scenario {
        sessions: demand.sessions(),
        start: MONDAY,
        length: demand.length(),
        cluster: Cluster::uniform(Machine::new(Bytes(52 << 30), 8)),
        people: Vec::new(),
        scheduler: Scheduler::Spread,
        boot_time: 120,
        wake_time: 240,
        image_pull: 60,
        interval: 60,
        seed: 1,
    }
}

fn run(bencher: Bencher<'_, '_>, days: u32, users_per_day: u32) {
    let contender = Contender {
        history: None,
        calendar: [].into(),
        name: "kube-rebalancer".to_owned(),
        settings: None,
        policy: Policy::default(),
        run_timeout: SignedDuration::from_mins(5),
    };
    let extras = Extras { points_every: None, by_hour: None, progress: &|_| {} };
    let contenders = [contender];
    bencher.bench_local(|| simulate(&scenario(days, users_per_day), &contenders, extras).unwrap());
}

#[divan::bench]
fn week(bencher: Bencher<'_, '_>) {
    run(bencher, 7, 2000);
}

/// 3,456 a weekday, 40 % of that at weekends, and the class of 60: 20,300 a week.
#[divan::bench(sample_count = 3)]
fn semester(bencher: Bencher<'_, '_>) {
    run(bencher, 112, 3456);
}
