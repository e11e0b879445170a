//! The whole report for a person. The goldens were read and their numbers worked out by hand.

mod pages;

use std::collections::BTreeSet;

use super::*;
use crate::report::fixture::{self, facts};
use kube_rebalancer_core::model::{Amounts, Bytes, Millicores};
use kube_rebalancer_core::plan::{
    Action, CordonReason, DeleteReason, EvictReason, GrowReason, InstanceReason, KeepReason, Limit,
    MarkReason, ObjectReason, ParkReason, Reason, SteerReason, TooManyBroken, UncordonReason, UnmarkReason,
    UnsteerReason, Verdict, WakeReason, Warning,
};
use kube_rebalancer_ports::{Outcome, PortError};

const PAPER: Layout = Layout { width: 80, color: false, all_nodes: false };

fn report_with(plan: &Plan, layout: Layout, facts: &Facts<'_>) -> String {
    let mut out = Vec::new();
    write(&mut out, plan, facts, layout).unwrap();
    String::from_utf8(out).unwrap()
}

fn report(plan: &Plan, layout: Layout) -> String {
    report_with(plan, layout, &facts())
}

/// All words with single spaces between them, so that a sentence is found however it was wrapped.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_action_and_every_reason_is_written() {
    let plan = fixture::everything("gke-prod-0df1a536-", "prod/jupyter-x");
    let text = unwrapped(&report(&plan, Layout { all_nodes: true, ..PAPER }));
    for (index, action) in plan.actions.iter().enumerate() {
        let group = "us-central1-a/gke-prod-0df1a536-grp";
        let target = match action {
            Action::Grow { group: Some(_), .. } => {
                format!(
                    "{group}: from 8 instances to 10; if it refuses, us-central1-a/gke-prod-0df1a536-other"
                )
            }
            Action::Grow { group: None, .. } => {
                "the cluster, whose node groups are not known: from 8 nodes to 10".to_owned()
            }
            Action::Evict { node, .. } => format!("prod/jupyter-x of {node}"),
            Action::DeleteInstance { .. } => format!("gke-prod-0df1a536-inst of {group}"),
            Action::Delete { node, restarts, .. } | Action::Park { node, restarts, .. }
                if !restarts.is_empty() =>
            {
                format!("{node} (starts again elsewhere: prod/jupyter-x)")
            }
            Action::Uncordon { .. }
            | Action::Cordon { .. }
            | Action::Delete { .. }
            | Action::Park { .. }
            | Action::Wake { .. }
            | Action::Mark { .. }
            | Action::Unmark { .. }
            | Action::Steer { .. }
            | Action::DeleteObject { .. }
            | Action::Unsteer { .. } => action.node().unwrap().to_owned(),
        };
        let words = format!("{}: {} {} {target}", action.verb(), action.reason(), index + 1);
        assert!(text.contains(&words), "{words}\n{text}");
    }
    for node in &plan.nodes {
        let name = format!("{} {} ", node.verdict.verb(), node.name);
        assert!(text.contains(&name), "{name}\n{text}");
        let reason = node.verdict.reason().to_string();
        assert!(text.contains(&reason), "{reason}\n{text}");
    }
    for sentence in plan.all_limits().map(ToString::to_string) {
        assert!(text.contains(&format!("- {sentence}")), "{sentence}\n{text}");
    }
    for sentence in plan.warnings.iter().map(ToString::to_string) {
        assert!(text.contains(&format!("- {sentence}")), "{sentence}\n{text}");
    }
}

#[test]
fn the_fixture_leaves_no_word_out() {
    let plan = fixture::everything("n", "a/b");
    let verdicts = plan.nodes.iter().map(|node| (node.verdict.verb(), node.verdict.reason().word()));
    let actions = plan.actions.iter().map(|action| (action.verb(), action.reason().word()));
    let used: BTreeSet<_> = verdicts.chain(actions).collect();
    let all = [
        ("keep", KeepReason::WORDS),
        ("uncordon", UncordonReason::WORDS),
        ("grow", GrowReason::WORDS),
        ("cordon", CordonReason::WORDS),
        ("delete", DeleteReason::WORDS),
        ("delete-instance", InstanceReason::WORDS),
        ("evict", EvictReason::WORDS),
        ("delete-object", ObjectReason::WORDS),
        ("park", ParkReason::WORDS),
        ("wake", WakeReason::WORDS),
        ("steer", SteerReason::WORDS),
        ("unsteer", UnsteerReason::WORDS),
        ("mark", MarkReason::WORDS),
        ("unmark", UnmarkReason::WORDS),
    ];
    let all: BTreeSet<_> =
        all.into_iter().flat_map(|(verb, words)| words.iter().map(move |word| (verb, *word))).collect();
    assert_eq!(used, all);
    let limits: BTreeSet<_> = plan.all_limits().map(Reason::word).collect();
    assert_eq!(limits, Limit::WORDS.iter().copied().collect());
    let warnings: BTreeSet<_> = plan.warnings.iter().map(Reason::word).collect();
    assert_eq!(warnings, Warning::WORDS.iter().copied().collect());
}

#[test]
fn no_name_breaks_the_page() {
    let longest_label = "n".repeat(61);
    let longest_pod = format!("{}/{}", "s".repeat(63), "p".repeat(253));
    for (name, pod) in [
        ("n", "a/b"),
        (longest_label.as_str(), longest_pod.as_str()),
        ("gke-datahub-prod-user-pool-2024-01-0df1a536-", "prod/hub-1"),
        ("\u{1b}[2J\u{1b}]0;pwned\u{7}\n- fake line ", "\u{9b}31m\u{202e}prod/\r\nhub \u{2028}"),
        ("\u{7684}\u{65e5}\u{672c}-\u{1f4a9}", "caf\u{e9}/hub"),
        ("", ""),
    ] {
        let mut plan = fixture::everything(name, pod);
        for (node, huge) in plan.nodes.iter_mut().zip([u64::MAX, i64::MAX.unsigned_abs(), (1 << 60) - 1]) {
            node.capacity = Amounts::pod(Bytes(huge), Millicores(huge));
            node.requested = Amounts::pod(Bytes(huge - 1), Millicores(huge - 1));
            node.occupants = 1_000_000;
        }
        let mut of_pools = fixture::everything(name, pod);
        for node in &mut of_pools.nodes {
            node.pool = pod.to_owned();
        }
        let mut compute = fixture::pool(pod, &plan.nodes);
        compute.before.utilization = fixture::utilization((1, u64::MAX), (u64::MAX, 1));
        of_pools.pools = vec![compute, fixture::pool("", &[])];
        let layouts = [72, 80, 100, 160, 300]
            .into_iter()
            .flat_map(|width| [false, true].map(|all_nodes| Layout { width, color: false, all_nodes }));
        for layout in layouts {
            let facts = Facts { source: pod, ..facts() };
            let text = report_with(&plan, layout, &facts) + &report_with(&of_pools, layout, &facts);
            for line in text.lines() {
                let printable = line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
                assert!(printable, "{line:?}");
                assert!(line.len() <= layout.width, "{} columns: {line}", line.len());
                assert!(!line.ends_with(' '), "{line:?}");
                assert!(!line.starts_with("- fake"), "{line:?}");
            }
        }
    }
}

#[test]
fn a_megabyte_from_the_cluster_does_not_bury_the_report() {
    let megabyte = "\u{202e}".repeat(350_000);
    let words = "no end ".repeat(150_000);
    for text in [megabyte.as_str(), words.as_str()] {
        let mut plan = fixture::quiet();
        plan.nodes[1].name = text.to_owned();
        plan.nodes[0].verdict = Verdict::Keep(KeepReason::Unreadable { what: text.to_owned() });
        plan.warnings = vec![
            Warning::RefusedByScheduler { pod: text.to_owned(), node: "a".to_owned(), message: text.into() },
            Warning::BadMark { node: "a".to_owned(), annotation: "b".to_owned(), value: text.to_owned() },
        ];
        let observed = [text.to_owned()];
        let report = report_with(&plan, PAPER, &Facts { source: text, observed: &observed, ..facts() });
        assert!(report.len() < 60_000, "{} bytes", report.len());
        assert!(report.contains("nodes (2)"), "what follows is still there");
        assert!(report.lines().all(|line| line.len() <= 80 && line.is_ascii()), "{report}");
    }
}

#[test]
fn a_name_that_fits_no_column_stands_above_its_figures() {
    let name = "ip-192-168-100-200.eu-central-1.compute.internal";
    let plan = fixture::plan(vec![fixture::kept("a", 8), fixture::kept(name, 8)], Vec::new());
    let rows = "
  keep      ip-192-168-100-200.eu-central-1.compute.internal
                                        serving     8  6.5 of 12.7Gi  #####.....
            its capacity is needed: the nodes that stay (1 of them must) have
              utilization 0.748 of memory; it has 8 pods
";
    let text = report(&plan, PAPER);
    assert!(text.ends_with(rows), "{text}");
}

#[test]
fn colour_only_where_it_is_wanted_and_never_alone() {
    let plan = fixture::everything("gke-prod-0df1a536-", "prod/jupyter-x");
    let colored = report(&plan, Layout { color: true, ..PAPER });
    let uncolored = report(&plan, PAPER);
    assert!(!uncolored.contains('\u{1b}'));
    let stripped = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"]
        .into_iter()
        .fold(colored.clone(), |text, code| text.replace(code, ""));
    assert_eq!(stripped, uncolored);
    for verb in [
        "\u{1b}[32muncordon:\u{1b}[0m",
        "\u{1b}[32mgrow:\u{1b}[0m",
        "\u{1b}[33mcordon:\u{1b}[0m",
        "\u{1b}[31mdelete:\u{1b}[0m",
        "\u{1b}[2mkeep      \u{1b}[0m",
    ] {
        assert!(colored.contains(verb), "{verb:?} in {colored}");
    }
}

#[test]
fn what_must_not_be_trusted_is_said_before_anything_else() {
    let mut plan = fixture::quiet();
    plan.actions = vec![fixture::uncordon("b")];
    plan.guard = Some(TooManyBroken { broken: 5, managed: 10, max_percent: 45, ok_nodes: 3 });
    let violations = ["node a: cordoned, but it runs the critical pod x/y".to_owned()];
    let text = report_with(&plan, PAPER, &Facts { violations: &violations, ..facts() });
    let start = "\
kube-rebalancer 0.1.0, dry run: nothing is changed

REFUSED: the checker found 1 rule broken by this plan, so nothing is changed.
  That is a defect of this program: please report it with this text and the
  snapshot.
  - node a: cordoned, but it runs the critical pod x/y

TOO MANY BROKEN NODES: 5 of 10 managed nodes are broken or not in use: more than
  MAX_UNREADY_PERCENT=45% and at least OK_UNREADY_NODES=3; only uncordons are
  left in the plan. A network partition looks like this.

source       cluster.json
";
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains("\nToo many nodes are broken: 1 node is uncordoned;"), "{text}");
    assert!(text.contains("\nactions (1), NOT carried out\n"), "{text}");
}

#[test]
fn outcomes_stand_behind_what_they_belong_to() {
    let outcomes = [
        Outcome::Applied,
        Outcome::AlreadySo,
        Outcome::Postponed("it got the critical pod prod/hub-1".to_owned()),
        Outcome::Failed(PortError("the server answered 500".to_owned())),
    ];
    let text = report_with(
        &fixture::evening(),
        PAPER,
        &Facts { dry_run: false, outcomes: Some(&outcomes), ..facts() },
    );
    let actions = "
actions (4), in this order: 1 done, 1 already so, 1 stale, 1 failed
  cordon: utilization 0.323 of memory is below 0.65; it has no pods
    1  gke-prod-highmem-pool-0df1a536-17c7 - done
    2  gke-prod-highmem-pool-0df1a536-2zbs - was already so
  cordon: utilization 0.323 of memory is below 0.65; it has 3 pods
    3  gke-prod-highmem-pool-0df1a536-j3m8 - STALE, skipped: it got the critical
       pod prod/hub-1
  delete: it is empty since 2017-06-14T11:00:00Z and cordoned since
          2017-06-14T09:00:00Z
    4  gke-prod-highmem-pool-0df1a536-kz7z - FAILED: the server answered 500
";
    assert!(text.contains(actions), "{text}");
    assert!(text.starts_with("kube-rebalancer 0.1.0\n"), "{text}");
}

#[test]
fn a_refusal_says_what_is_missing() {
    let mut out = Vec::new();
    let refusal = Refusal::NoPodVisible { nodes: 17 };
    write_refusal(&mut out, &refusal, &facts(), PAPER).unwrap();
    let expected = "\
kube-rebalancer 0.1.0, dry run: nothing is changed

REFUSED: there is no plan and nothing is changed: 17 nodes but not one pod in
  any namespace: a missing permission looks just like this.

source       cluster.json
settings     PREEMPTIBLE_LABELS=hub.jupyter.org/autoscaler-ephemeral
             EMPTY_GRACE=30m
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_cluster_without_nodes_has_a_report_too() {
    let mut plan = fixture::plan(Vec::new(), Vec::new());
    plan.pools[0].after.serving = 0;
    let text = report(&plan, PAPER);
    assert!(text.contains("\nnodes        0 managed: 0 serving,"), "{text}");
    assert!(text.ends_with("\nNothing to do: within the band; no node serves.\n"), "{text}");
}
