//! What a person reads, looked at as a whole. The goldens were read and their numbers worked out by hand.

use std::collections::BTreeSet;

use super::*;
use crate::report::fixture::{self, facts};
use kube_rebalancer_core::model::{Amounts, Bytes, Millicores};
use kube_rebalancer_core::plan::{
    Action, CordonReason, DeleteReason, GrowReason, InstanceReason, KeepReason, Limit, MarkReason,
    ParkReason, Reason, SteerReason, TooManyBroken, UncordonReason, UnmarkReason, UnsteerReason, Verdict,
    WakeReason, Warning,
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
fn an_evening_in_eighty_columns() {
    let expected = "\
kube-rebalancer 0.1.0, dry run: nothing is changed

source       cluster.json
observed     2017-06-14T12:00:00Z
nodes        7 managed: 5 serving, 2 cordoned, 0 booting, 0 broken
             1 empty, 1 with critical pods; 1 more not managed
memory       20.5Gi requested, 63.5Gi allocatable on the nodes that serve
cpu          1.7 cores requested, 9.7 cores allocatable on the nodes that serve
utilization  0.323 of memory; cpu 0.176
             below the band 0.65 to 0.85 (target 0.75)
waiting      no pod waits for a node
settings     PREEMPTIBLE_LABELS=hub.jupyter.org/autoscaler-ephemeral
             EMPTY_GRACE=30m

Below the band: 3 nodes are cordoned, 1 empty node is deleted; then 2 nodes
serve at utilization 0.748 of memory.

actions (4), in this order
  cordon: utilization 0.323 of memory is below 0.65; it has no pods
    1  gke-prod-highmem-pool-0df1a536-17c7
    2  gke-prod-highmem-pool-0df1a536-2zbs
  cordon: utilization 0.323 of memory is below 0.65; it has 3 pods
    3  gke-prod-highmem-pool-0df1a536-j3m8
  delete: it is empty since 2017-06-14T11:00:00Z and cordoned since
          2017-06-14T09:00:00Z
    4  gke-prod-highmem-pool-0df1a536-kz7z

warnings (1)
  - no memory is requested, so none is counted, by 4 pods,
    datahub/cull-deployment-9f2 among them

nodes (8); .. stands for gke-prod-highmem-pool-0df1a536-
  verdict   node    state     pods         memory
  keep      ..0zc0  serving      9  7.3 of 12.7Gi  #####.....
            it runs the critical pod datahub/hub-deployment-1750684654-bpql1
  cordon    ..17c7  serving      0  0.5 of 12.7Gi  #.........
            utilization 0.323 of memory is below 0.65; it has no pods
  cordon    ..2zbs  serving      0  0.5 of 12.7Gi  #.........
            utilization 0.323 of memory is below 0.65; it has no pods
  keep      ..8pbd  cordoned     2  2.0 of 12.7Gi  #.........
            not empty: 2 pods, datahub/jupyter-user07-1791 among them
  keep      ..f31s  serving     10  8.0 of 12.7Gi  ######....
            its capacity is needed: the nodes that stay (1 of them must) come to
              utilization 0.748 of memory; it has 10 pods
  cordon    ..j3m8  serving      3  2.8 of 12.7Gi  ##........
            utilization 0.323 of memory is below 0.65; it has 3 pods
  delete    ..kz7z  cordoned     0  0.5 of 12.7Gi  #.........
            it is empty since 2017-06-14T11:00:00Z and cordoned since
              2017-06-14T09:00:00Z
  keep      ..tfrz  serving      -              -  -
            not managed: NODE_SELECTOR does not match it
";
    assert_eq!(report(&fixture::evening(), PAPER), expected);
}

#[test]
fn two_pools_have_a_section_each_and_cpu_a_column_where_it_decides() {
    let expected = "\
kube-rebalancer 0.1.0, dry run: nothing is changed

source       cluster.json
observed     2017-06-14T12:00:00Z
nodes        5 managed in 2 pools; 1 more not managed
settings     PREEMPTIBLE_LABELS=hub.jupyter.org/autoscaler-ephemeral
             EMPTY_GRACE=30m

In 2 pools: 1 node is uncordoned, 1 node is cordoned.

pool compute
nodes        3 managed: 2 serving, 1 cordoned, 0 booting, 0 broken
             1 empty, 0 with critical pods
memory       7.0Gi requested, 25.4Gi allocatable on the nodes that serve
cpu          14.6 cores requested, 15.8 cores allocatable on the nodes that
             serve
utilization  0.924 of cpu; memory 0.276
             above the band 0.65 to 0.85 (target 0.75)
waiting      1 pod that the scheduler cannot place
plan         Above the band: 1 node is uncordoned; then 3 nodes serve at
             utilization 0.620 of cpu.
limit        MAX_CREATIONS: 4 new nodes asked for, 3 created in this run

pool user
nodes        2 managed: 1 serving, 0 cordoned, 0 booting, 0 broken, 1 reserved
             0 empty, 0 with critical pods
memory       0.5Gi requested, 12.7Gi allocatable on the nodes that serve
cpu          0.1 cores requested, 1.9 cores allocatable on the nodes that serve
utilization  0.052 of cpu; memory 0.039
             below the band 0.65 to 0.85 (target 0.75)
waiting      no pod waits for a node
plan         Below the band: 1 node is cordoned; then no node serves.

actions (2), in this order
  uncordon: utilization 0.924 of cpu is above 0.85
    1  cpu-c
  cordon: utilization 0.323 of memory is below 0.65; it has no pods
    2  user-a

limits
  - MAX_CORDONS: 2 cordons asked for, 1 made

warnings (1)
  - reserved by the taint nvidia.com/gpu:NoSchedule: node user-b; NODE_SELECTOR
    leaves such nodes out, POOL_LABEL makes them a pool

nodes of pool compute (3)
  verdict   node   state     pods         memory         cpu
  keep      cpu-a  serving      4  3.5 of 12.7Gi  7.3 of 7.9  #########.
            its capacity is needed: the nodes that stay come to utilization
              0.620 of cpu; it has 4 pods
  keep      cpu-b  serving      4  3.5 of 12.7Gi  7.3 of 7.9  #########.
            its capacity is needed: the nodes that stay come to utilization
              0.620 of cpu; it has 4 pods
  uncordon  cpu-c  cordoned     0  0.5 of 12.7Gi  0.1 of 7.9  #.........
            utilization 0.924 of cpu is above 0.85

nodes of pool user (2)
  verdict   node    state    pods         memory         cpu
  cordon    user-a  serving     0  0.5 of 12.7Gi  0.1 of 1.9  #.........
            utilization 0.323 of memory is below 0.65; it has no pods
  keep      user-b  serving     1  1.3 of 12.7Gi  0.2 of 1.9  #.........
            reserved: the taint nvidia.com/gpu:NoSchedule keeps it for pods that
              need what only such nodes have

nodes that are not managed (1)
  verdict   node    state    pods  memory
  keep      core-a  serving     -       -  -
            not managed: NODE_SELECTOR does not match it
";
    assert_eq!(report(&fixture::two_pools(), PAPER), expected);
}

#[test]
fn a_wide_terminal_has_full_names_and_the_reason_beside_them() {
    let text = report(&fixture::evening(), Layout { width: 160, ..PAPER });
    let row = "  keep      gke-prod-highmem-pool-0df1a536-8pbd  cordoned     2  2.0 of 12.7Gi  #.........  \
               not empty: 2 pods, datahub/jupyter-user07-1791 among them\n";
    assert!(text.contains(row), "{text}");
    assert!(!text.contains("stands for"), "{text}");
}

#[test]
fn a_thousand_nodes_are_grouped_and_every_touched_one_is_named() {
    let plan = fixture::thousand();
    let text = report(&plan, PAPER);
    let groups = "
nodes (1000) by reason; --all-nodes lists each; .. stands for
  gke-prod-highmem-pool-0df1a536-
  cordon    30 nodes, below band: ..0000, ..0001, ..0002 and 27 more
            for example: utilization 0.323 of memory is below 0.65; it has no
              pods
            pods 0 to 2, median 1; memory 0.039 to 0.157, median 0.098
  delete    10 nodes, empty and cordoned: ..0030, ..0031, ..0032 and 7 more
            it is empty since 2017-06-14T11:00:00Z and cordoned since
              2017-06-14T09:00:00Z
            pods 0 each; memory 0.039 each
  keep      848 nodes, needed: ..0152, ..0153, ..0154 and 845 more
            for example: its capacity is needed: the nodes that stay (1 of them
              must) come to utilization 0.748 of memory; it has 8 pods
            pods 6 to 11, median 8; memory 0.394 to 0.689, median 0.512
  keep      100 nodes, pods remaining: ..0052, ..0053, ..0054 and 97 more
            for example: not empty: 4 pods, prod/jupyter-52 among them
            pods 1 to 7, median 4; memory 0.098 to 0.453, median 0.276
  keep      12 nodes, critical pod: ..0040, ..0041, ..0042 and 9 more
            for example: it runs the critical pod prod/hub-40
            pods 5 each; memory 0.335 each
";
    assert!(text.ends_with(groups), "{text}");
    let warnings = "
warnings (30)
  - pod prod/huge-0 fits no node, even an empty one; its request is ignored
  - pod prod/huge-1 fits no node, even an empty one; its request is ignored
  - pod prod/huge-2 fits no node, even an empty one; its request is ignored
    and 27 more like these; --output json has them all
";
    assert!(text.contains(warnings), "{text}");
    assert!(text.lines().count() < 120, "{} lines", text.lines().count());
    for action in &plan.actions {
        let line = format!("  {}\n", action.node().unwrap());
        assert!(text.contains(&line), "{line}");
    }
    let all = report(&plan, Layout { all_nodes: true, ..PAPER });
    assert_eq!(all.lines().filter(|line| line.contains(" of 12.7Gi  ")).count(), 1000);
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
            Warning::RefusedByScheduler {
                pod: text.to_owned(),
                node: "a".to_owned(),
                message: text.to_owned(),
            },
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
            its capacity is needed: the nodes that stay (1 of them must) come to
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
