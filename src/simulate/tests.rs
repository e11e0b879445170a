//! Whole simulations.

use super::cluster::Cluster;
use super::scenario::Scheduler;
use super::session::Session;
use super::*;
use kube_rebalancer_core::model::{Bytes, Millicores};

const MACHINE: Machine = Machine::new(Bytes(8 << 30), 4);

fn scenario(sessions: Vec<Session>) -> Scenario {
    Scenario {
        sessions,
        start: crate::users::MONDAY,
        length: 3600,
        cluster: Cluster::uniform(MACHINE),
        people: Vec::new(),
        scheduler: Scheduler::Spread,
        boot_time: 120,
        wake_time: 240,
        image_pull: 60,
        interval: 300,
        seed: 1,
    }
}

fn contender(policy: Policy) -> Contender {
    Contender {
        history: None,
        calendar: [].into(),
        name: "kube-rebalancer".to_owned(),
        settings: None,
        policy,
        run_timeout: SignedDuration::from_mins(5),
    }
}

fn session(start: u64, end: u64, parts: u64) -> Session {
    let memory = Bytes(MACHINE.room().memory.0 * parts / 100);
    Session { start, end, memory, cpu: Millicores(10), kind: 0 }
}

#[test]
fn the_fixed_size_is_the_smallest_with_which_nobody_waits() {
    // Two users of 60 % share no node, and none fits beside the hub of 17 % and a user of 60 %.
    for users in [1, 2, 5] {
        let scenario = scenario((0..users).map(|user| session(user, 3000, 60)).collect());
        let extras = Extras { points_every: None, by_hour: None, progress: &|_| {} };
        let simulation = simulate(&scenario, &[contender(Policy::default())], extras).unwrap();
        let fixed = simulation.results.last().unwrap();
        assert_eq!(fixed.name, "fixed size");
        assert_eq!((fixed.peak_nodes, fixed.waited), (usize::try_from(users).unwrap(), 0));
        assert_eq!(fixed.node_seconds, u128::from(users) * 3600);
    }
}

#[test]
fn what_happens_at_the_end_counts_to_the_end_and_no_further() {
    // One user arrives in the last second, another one would have arrived after it.
    let scenario = scenario(vec![session(3599, 9999, 10), session(3600, 9999, 10)]);
    let extras = Extras { points_every: Some(600), by_hour: None, progress: &|_| {} };
    let simulation = simulate(&scenario, &[contender(Policy::default())], extras).unwrap();
    for result in &simulation.results {
        assert_eq!(result.users, 1, "{}", result.name);
        let times: Vec<u64> = result.points.iter().map(|point| point.at).collect();
        assert_eq!(times, [0, 600, 1200, 1800, 2400, 3000, 3600], "{}", result.name);
    }
}

#[test]
fn progress_adds_up_to_what_was_announced() {
    let scenario = scenario(vec![session(10, 20, 10)]);
    let seconds = std::sync::atomic::AtomicU64::new(0);
    let progress = |more| {
        seconds.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
    };
    let contenders = [contender(Policy::default()), contender(Policy::default())];
    let extras = Extras { points_every: None, by_hour: None, progress: &progress };
    simulate(&scenario, &contenders, extras).unwrap();
    assert_eq!(seconds.into_inner(), Extras::steps(&scenario, 2));
}

#[test]
fn names_that_mean_something_in_a_certain_cluster_only_are_left_out() {
    let policy = Policy {
        omit_labels: BTreeSet::from(["zone".to_owned()]),
        omit_namespaces: BTreeSet::from(["hub".to_owned()]),
        own_node: Some("node-000001".to_owned()),
        ..Policy::default()
    };
    let taken = simulated(&policy);
    assert_eq!(taken.preemptible_labels, BTreeSet::from([USER_LABEL.to_owned()]));
    assert!(taken.omit_labels.is_empty() && taken.own_node.is_none());
    assert_eq!(taken.omit_namespaces, BTreeSet::from(["kube-system".to_owned()]));
    assert_eq!(taken.bounds, policy.bounds);
}

#[test]
fn a_user_who_fits_no_node_is_told_at_once() {
    let error = scenario(vec![session(0, 10, 100), session(0, 10, 101)]).check().unwrap_err();
    assert_eq!(error.asked.memory, session(0, 10, 101).memory);
    assert_eq!(scenario(vec![session(0, 10, 100)]).check(), Ok(()));
}

#[test]
fn the_fixed_size_is_found_for_each_pool_and_nobody_waits_in_any_zone() {
    let of_kind = |start, kind, gibi: u64| Session {
        start,
        end: 3000,
        memory: Bytes(gibi << 30),
        cpu: Millicores(10),
        kind,
    };
    // Three GPUs are two nodes; two users with much memory one; small ones of 4 Gi a node each.
    let sessions = vec![
        of_kind(0, 2, 1),
        of_kind(1, 2, 1),
        of_kind(2, 2, 1),
        of_kind(3, 1, 50),
        of_kind(4, 1, 50),
        of_kind(5, 0, 4),
        of_kind(6, 0, 4),
    ];
    let scenario = Scenario { cluster: Cluster::of_three_pools(MACHINE), ..scenario(sessions) };
    assert_eq!(fixed::smallest(&scenario).unwrap(), [2, 1, 2, 0]);
    let extras = Extras { points_every: None, by_hour: None, progress: &|_| {} };
    let simulation = simulate(&scenario, &[contender(Policy::default())], extras).unwrap();
    let fixed = simulation.results.last().unwrap();
    assert_eq!((fixed.peak_nodes, fixed.waited), (2 + 1 + 2 + 1, 0), "with the core node");
    let kinds: Vec<_> = fixed.kinds.iter().map(|kind| (kind.name, kind.users, kind.waited)).collect();
    assert_eq!(kinds, [("small", 2, 0), ("big-memory", 2, 0), ("gpu", 3, 0)]);
}

#[test]
fn every_profile_and_several_zones_are_simulated_without_a_broken_promise() {
    use crate::users::people::people;
    use crate::users::{Demand, Profile};
    for (profile, zones) in [
        (Profile::Timetable, 1),
        (Profile::Cpu, 1),
        (Profile::Pools, 1),
        (Profile::Class, 3),
        (Profile::Pools, 2),
    ] {
        for scheduler in [Scheduler::Spread, Scheduler::Pack] {
            let sessions = Demand { profile, users_per_day: 200, days: 1, seed: 1 }.sessions();
            let people = if zones > 1 { people(&sessions, 1) } else { Vec::new() };
            let cluster = Cluster { zones, ..profile.cluster(profile.machine()) };
            let scenario = Scenario { length: 86_400, cluster, people, scheduler, ..scenario(sessions) };
            scenario.check().unwrap();
            let extras = Extras { points_every: None, by_hour: None, progress: &|_| {} };
            let simulation = simulate(&scenario, &[contender(Policy::default())], extras).unwrap();
            let fixed = simulation.results.last().unwrap();
            assert_eq!(fixed.waited, 0, "{profile:?} in {zones} zones, {scheduler:?}");
            assert!(fixed.users > 0, "{profile:?}");
        }
    }
}

/// Two mornings with a night between: the node that is parked in the evening is woken in the morning, and no new one is
/// created.
#[test]
fn with_give_back_park_machines_are_woken_in_the_morning_in_place_of_new_ones() {
    use kube_rebalancer_core::policy::{Bounds, GiveBack};
    let morning = |start: u64| (0..8).map(move |user| session(start + user * 60, start + 7200, 60));
    let mut scenario = scenario(morning(600).chain(morning(43_200)).collect());
    (scenario.length, scenario.boot_time, scenario.interval) = (54_000, 600, 60);
    let with = |give_back| {
        let bounds = Bounds { min_nodes: 1, ..Bounds::default() };
        contender(Policy { bounds, give_back, ..Policy::default() })
    };
    let extras = Extras { points_every: None, by_hour: None, progress: &|_| {} };
    let contenders = [with(GiveBack::Delete), with(GiveBack::Park)];
    let simulation = simulate(&scenario, &contenders, extras).unwrap();
    let [deletes, parks] = [&simulation.results[0], &simulation.results[1]];
    assert_eq!((deletes.lost, parks.lost), (0, 0));
    assert!(parks.created < deletes.created, "{} and {}", parks.created, deletes.created);
    assert!(parks.parks > 0 && deletes.parks == 0, "{} and {}", parks.parks, deletes.parks);
    let longest = |result: &PolicyResult| result.wait.map(|wait| wait.max);
    assert!(longest(parks) <= longest(deletes), "{:?} and {:?}", longest(parks), longest(deletes));
}

/// The second user fits beside no other one, arrives at half past midnight, and waits for a machine and its image.
#[test]
fn waiting_users_are_counted_by_hour_and_added_up_over_traces() {
    let sessions = vec![session(10, 3000, 60), session(1800, 3000, 60), session(1801, 3000, 60)];
    let scenario = Scenario { length: 7200, interval: 60, ..scenario(sessions) };
    let zone = TimeZone::fixed(jiff::tz::offset(9));
    let extras = Extras { points_every: None, by_hour: Some(&zone), progress: &|_| {} };
    let mut policy = Policy::default();
    policy.bounds.min_nodes = 1;
    let one = simulate(&scenario, &[contender(policy)], extras).unwrap();
    let hours = one.hours.clone().unwrap();
    let users: Vec<(usize, usize)> =
        hours.users.iter().copied().enumerate().filter(|(_, users)| *users > 0).collect();
    assert_eq!(users, [(9, 3)], "midnight in UTC is nine there");
    let main = &one.results[0];
    assert!(main.waited > 0);
    let longest = main.wait.unwrap().max;
    assert_eq!(hours.waited[0][9], Hour { waited: main.waited, longest });
    assert_eq!(hours.waited[0].iter().map(|hour| hour.waited).sum::<usize>(), main.waited);
    let fixed = one.results.len() - 1;
    assert_eq!(hours.waited[fixed], vec![Hour::default(); 24]);

    let two = sum(vec![one.clone(), one.clone()]).unwrap();
    assert_eq!(two.floor.node_seconds, 2 * one.floor.node_seconds);
    for (two, one) in two.results.iter().zip(&one.results) {
        assert_eq!((two.users, two.waited, two.created), (2 * one.users, 2 * one.waited, 2 * one.created));
        assert_eq!((two.node_seconds, two.peak_nodes), (2 * one.node_seconds, one.peak_nodes));
        assert_eq!((two.wait, two.utilization.rounded(1000)), (one.wait, one.utilization.rounded(1000)));
    }
    assert_eq!(two.hours.unwrap().waited[0][9], Hour { waited: 2 * main.waited, longest });
    assert_eq!(sum(Vec::new()), None);
}
