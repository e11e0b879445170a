//! A small plan as a whole document.

use kube_rebalancer_core::plan::{Action, GrowReason, Limit, NoticeKind, PodNotice, Warning};

use super::*;

/// The document of a small plan, worked out by hand.
const SMALL: &str = r#"{
  "schema": "kube-rebalancer/plan/v2",
  "version": "0.1.0",
  "observedAt": "2017-06-14T12:00:00Z",
  "source": "cluster.json",
  "dryRun": true,
  "settings": {
    "MAX_UTILIZATION": 0.85,
    "MIN_NODES": 3,
    "PREEMPTIBLE_LABELS": [
      "hub.jupyter.org/autoscaler-ephemeral"
    ],
    "EMPTY_GRACE": "30m",
    "KEEP_ZONES": true
  },
  "pools": [
    {
      "name": "",
      "before": {
        "managed": 2,
        "serving": 2,
        "cordoned": 0,
        "booting": 0,
        "broken": 0,
        "notInUse": 0,
        "underPressure": 0,
        "claimed": 0,
        "reserved": 0,
        "critical": 0,
        "empty": 0,
        "instancesWithoutNode": 0,
        "waitingPods": 0,
        "utilization": {
          "decides": "memory",
          "memory": 0.7,
          "cpu": 0.25,
          "requested": {
            "memoryBytes": 7516192768,
            "cpuMillicores": 1000
          },
          "capacity": {
            "memoryBytes": 10737418240,
            "cpuMillicores": 4000
          }
        }
      },
      "band": "within",
      "after": {
        "serving": 2,
        "booting": 0,
        "created": 0,
        "utilization": {
          "decides": "memory",
          "memory": 0.7,
          "cpu": 0.25,
          "requested": {
            "memoryBytes": 7516192768,
            "cpuMillicores": 1000
          },
          "capacity": {
            "memoryBytes": 10737418240,
            "cpuMillicores": 4000
          }
        }
      },
      "expected": {
        "memoryBytes": 1073741824,
        "cpuMillicores": 0
      },
      "limits": [
        {
          "setting": "MAX_NODES",
          "reason": "WaitingPods",
          "asked": 2,
          "allowed": 1,
          "message": "MAX_NODES: waiting pods need 2 new nodes, 1 may be created"
        }
      ]
    }
  ],
  "actions": [
    {
      "action": "uncordon",
      "pool": "",
      "node": "b",
      "reason": "MinNodes",
      "message": "2 nodes in service, MIN_NODES is 3"
    },
    {
      "action": "grow",
      "pool": "",
      "group": null,
      "from": 2,
      "to": 3,
      "instead": [],
      "reason": "MinNodes",
      "message": "only 2 nodes can serve, MIN_NODES is 3"
    }
  ],
  "nodes": [
    {
      "name": "a",
      "pool": "",
      "state": "serving",
      "managed": true,
      "reserved": false,
      "occupants": 8,
      "critical": false,
      "requested": {
        "memoryBytes": 6979321856,
        "cpuMillicores": 500
      },
      "capacity": {
        "memoryBytes": 13637287936,
        "cpuMillicores": 1930
      },
      "verdict": "keep",
      "reason": "Needed",
      "message": "its capacity is needed: the nodes that stay (1 of them must) have utilization 0.748 of memory; it has 8 pods"
    }
  ],
  "limits": [
    {
      "setting": "MAX_CORDONS",
      "reason": "MaxCordons",
      "asked": 3,
      "allowed": 1,
      "message": "MAX_CORDONS: 3 cordons asked for, 1 made"
    }
  ],
  "warnings": [
    {
      "reason": "Observed",
      "message": "node group z/users has no template",
      "objects": []
    },
    {
      "reason": "Gated",
      "message": "pod hub/ada is held back by a scheduling gate; its request is ignored",
      "objects": [
        "pod/hub/ada"
      ]
    }
  ],
  "notices": [
    {
      "namespace": "hub",
      "name": "bob",
      "reason": "TriggeredScaleUp",
      "message": "node b becomes schedulable for it"
    }
  ],
  "guard": null,
  "violations": [],
  "refused": null
}
"#;

#[test]
fn a_small_plan_in_full() {
    let mut plan = fixture::quiet();
    plan.nodes.truncate(1);
    plan.actions = vec![
        fixture::uncordon("b"),
        Action::Grow {
            pool: String::new(),
            group: None,
            from: 2,
            to: 3,
            instead: Vec::new(),
            reason: GrowReason::MinNodes { nodes: 2, min: 3 },
        },
    ];
    plan.limits = vec![Limit::MaxCordons { asked: 3, allowed: 1 }];
    plan.pools[0].limits = vec![Limit::WaitingPods { asked: 2, allowed: 1 }];
    plan.pools[0].demand.expected.memory.0 = 1 << 30;
    plan.warnings = vec![Warning::Gated { pod: "hub/ada".to_owned() }];
    plan.notices = vec![PodNotice {
        namespace: "hub".to_owned(),
        name: "bob".to_owned(),
        uid: "not shown".to_owned(),
        kind: NoticeKind::TriggeredScaleUp,
        message: "node b becomes schedulable for it".to_owned(),
        started: None,
    }];
    let observed = ["node group z/users has no template".to_owned()];
    assert_eq!(report_with(&plan, &Facts { observed: &observed, ..facts() }), SMALL);
}
