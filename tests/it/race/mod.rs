//! The race between a run of the program, the scheduler, users and a second run: every interleaving of a small world,
//! explored state by state. The planner and the precondition code that it asks are the real ones.
//!
//! ```text
//!   state      nodes, marks, pods, what each run has in mind      key   a state as a number
//!   real       the door to plan() and recheck                     run   apply, one request at a time
//!   actors     users, scheduler, kubelets, clock, operator        explore   breadth first; the properties
//!   evictions  a model of its own: one pod, and the runs that evict it
//! ```
//!
//! In every reachable state:
//! - no node is deleted under a pod, and no pod is bound to a node that was deleted;
//! - an undisturbed run undoes its cordon of a node that is critical by its second list;
//! - without further changes, one clean run would leave no critical node cordoned by this program, and `MIN_NODES` in
//!   service (after the claims of dead runs have expired).
//!
//! The exploration is exhaustive for a [`Scope`], without a bound on time, on the number of runs, or on the arrivals and
//! departures of users. Covered: a run may die between any two requests; its patches of one kind go out in any order; a
//! kubelet may change a version at any moment; a reservation binds at any moment within 600 s, or never; a run may last
//! almost 660 s, twice the default.
//!
//! Not covered: growing; NotReady nodes; `EMPTY_GRACE`; pods of other classes than user's and critical; clocks that
//! disagree; a request that takes effect after its run's deadline; a slow deletion by the cloud; an operator who
//! uncordons a node between its claim and its deletion; time in steps smaller than 330 s. Two runs at a time meet two
//! pods on nodes for one, and one pod on nodes for three; two pods on nodes for three take minutes: an ignored test.

mod actors;
mod evictions;
mod explore;
mod key;
mod real;
mod run;
mod state;

use explore::{Order, Other, Scope, Violation, Weakness};

/// One run at a time, as with the Lease: a user, a critical pod, and two nodes for three pods each.
const WITH_LEASE: Scope = Scope {
    nodes: 2,
    critical: 1,
    dynamic: 1,
    room: 3,
    runs: 1,
    others: &[Other::Kubelets, Other::NewNodes],
    order: Order::NodesFirst,
    weakness: None,
};

/// Two runs at a time, as after the deletion of the Lease, on two nodes for one pod each: a pod more or less changes what
/// the planner wants. Conflicts come from the other run.
const WITHOUT_LEASE: Scope = Scope { room: 1, runs: 2, others: &[Other::NewNodes], ..WITH_LEASE };

/// Explores, and prints the result.
#[expect(
    clippy::print_stdout,
    reason = "the number of states and the trace are what the reader wants to see"
)]
fn explore(what: &str, scope: Scope) -> Option<Violation> {
    let explored = scope.explore();
    println!("{what}: {} states, {} steps", explored.states, explored.steps);
    let (violation, trace) = explored.violation?;
    println!("{trace}  => {violation}");
    Some(violation)
}

fn holds(what: &str, scope: Scope) {
    assert_eq!(explore(what, scope), None, "{what}");
}

fn loses_a_pod(what: &str, scope: Scope) {
    let found = explore(what, scope);
    assert!(matches!(found, Some(Violation::PodLost { .. })), "{what}: {found:?}");
}

#[test]
fn one_run_at_a_time_is_safe() {
    holds("a user", WITH_LEASE);
    holds("two users", Scope { dynamic: 2, ..WITH_LEASE });
}

#[test]
fn which_list_comes_first_does_not_matter() {
    holds("pods first", Scope { order: Order::PodsFirst, ..WITH_LEASE });
    holds("pods first, two runs", Scope { order: Order::PodsFirst, critical: 0, ..WITHOUT_LEASE });
}

#[test]
fn two_runs_without_a_lease_are_safe() {
    holds("a user and a critical pod", WITHOUT_LEASE);
    holds(
        "a user, kubelets",
        Scope { critical: 0, others: &[Other::Kubelets, Other::NewNodes], ..WITHOUT_LEASE },
    );
    holds("a user, room for three", Scope { critical: 0, room: 3, others: &[], ..WITHOUT_LEASE });
    holds("a critical pod, room for three", Scope { dynamic: 0, room: 3, others: &[], ..WITHOUT_LEASE });
}

#[test]
#[ignore = "minutes: cargo test --test it race -- --ignored --nocapture"]
fn two_runs_without_a_lease_are_safe_on_larger_nodes() {
    holds("a user and a critical pod, two runs", Scope { room: 3, others: &[], ..WITHOUT_LEASE });
}

#[test]
fn three_nodes_are_safe() {
    holds("three nodes", Scope { nodes: 3, room: 1, others: &[Other::NewNodes], ..WITH_LEASE });
    holds("three nodes, room for three", Scope { nodes: 3, others: &[], ..WITH_LEASE });
}

#[test]
fn without_the_late_bind_rule_a_pod_is_lost() {
    let weakness = Some(Weakness::NoLateBind);
    // A pod in the run's first list keeps an empty node that it fits anyway, so the pod must arrive after that list.
    loses_a_pod("no late-bind rule", Scope { weakness, others: &[Other::LateWatch], ..WITH_LEASE });
}

/// The taint has the age of the cordon, independent of the annotation.
#[test]
fn a_cordon_stamped_with_the_time_of_the_observation_is_safe_too() {
    let weakness = Some(Weakness::StampedAtObservation);
    holds("cordon stamped at observation", Scope { weakness, critical: 0, ..WITH_LEASE });
}

#[test]
fn without_the_second_list_a_critical_node_is_cordoned_and_a_pod_is_lost() {
    let weakness = Some(Weakness::NoSecondList);
    let found = explore("no second list", Scope { weakness, ..WITH_LEASE });
    assert!(matches!(found, Some(Violation::CordonKept { .. })), "{found:?}");
    loses_a_pod("no second list, two runs", Scope { weakness, critical: 0, ..WITHOUT_LEASE });
}

#[test]
fn without_the_claim_two_runs_lose_a_pod() {
    let weakness = Some(Weakness::NoClaim);
    loses_a_pod("no claim, two runs", Scope { weakness, ..WITHOUT_LEASE });
}

#[test]
fn a_planner_that_is_blind_to_critical_pods_leaves_one_under_our_cordon() {
    let weakness = Some(Weakness::BlindPlanner);
    let found = explore("blind planner", Scope { weakness, ..WITH_LEASE });
    assert!(matches!(found, Some(Violation::CriticalStaysCordoned { .. })), "{found:?}");
}

#[test]
fn without_min_nodes_too_few_serve() {
    let weakness = Some(Weakness::NoMinNodes);
    let found = explore("no MIN_NODES", Scope { weakness, ..WITH_LEASE });
    assert_eq!(found, Some(Violation::TooFewServe { serving: 0 }));
}

/// An operator uncordons a node that this program cordoned, which leaves the annotation, and cordons it again. The
/// annotation is then older than the cordon, and the scheduler may have reserved the node for a pod in between.
#[test]
fn an_operator_who_cordons_again_does_not_make_our_mark_lie() {
    holds("operator", Scope { critical: 0, room: 1, others: &[Other::Operator], ..WITH_LEASE });
}

/// The scheduler may not know of a cordon yet when the next run follows at once.
#[test]
fn a_scheduler_that_learns_late_of_a_cordon_is_waited_for() {
    holds("late watch", Scope { others: &[Other::LateWatch], ..WITH_LEASE });
}
