//! Whole pages. The goldens were read and their numbers worked out by hand.

use super::*;

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
            its capacity is needed: the nodes that stay (1 of them must) have
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
            its capacity is needed: the nodes that stay have utilization 0.620
              of cpu; it has 4 pods
  keep      cpu-b  serving      4  3.5 of 12.7Gi  7.3 of 7.9  #########.
            its capacity is needed: the nodes that stay have utilization 0.620
              of cpu; it has 4 pods
  uncordon  cpu-c  cordoned     0  0.5 of 12.7Gi  0.1 of 7.9  #.........
            utilization 0.924 of cpu is above 0.85

nodes of pool user (2)
  verdict   node    state    pods         memory         cpu
  cordon    user-a  serving     0  0.5 of 12.7Gi  0.1 of 1.9  #.........
            utilization 0.323 of memory is below 0.65; it has no pods
  keep      user-b  serving     1  1.3 of 12.7Gi  0.2 of 1.9  #.........
            reserved: the taint nvidia.com/gpu:NoSchedule dedicates it to other
              pods

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
              must) have utilization 0.748 of memory; it has 8 pods
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
  - pod prod/huge-0 fits no node, even an empty one, and its request is ignored:
    no node has the label disk=big
  - pod prod/huge-1 fits no node, even an empty one, and its request is ignored:
    no node has the label disk=big
  - pod prod/huge-2 fits no node, even an empty one, and its request is ignored:
    no node has the label disk=big
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
