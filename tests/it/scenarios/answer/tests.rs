use serde_json::{Value, json};

use super::Answer;

/// A plan of the second version of the format, and each line with a change that must make it wrong.
#[test]
fn an_answer_that_differs_in_one_point_is_wrong() {
    let plan = json!({
        "pools": [{"name": "gpu", "before": {"utilization": {"decides": "cpu", "memory": 0.2, "cpu": 0.9184}},
                   "limits": [{"setting": "MAX_CREATIONS", "asked": 12, "allowed": 10}]}],
        "actions": [
            {"action": "uncordon", "node": "n3", "reason": "WaitingPod", "message": "it has room for pod hub/ada"},
            {"action": "grow", "group": null, "pool": "gpu", "from": 2, "to": 4, "reason": "AboveBand", "message": ""},
            {"action": "mark", "node": "n4", "reason": "Empty", "message": ""}],
        "nodes": [
            {"name": "n1", "managed": true, "verdict": "keep", "reason": "LosesPod", "message": "argo/step is lost"},
            {"name": "cp", "managed": false, "verdict": "keep", "reason": "ControlPlane", "message": ""}],
        "warnings": [{"reason": "Reserved", "message": "a taint keeps users away", "objects": ["g1"]}],
    });
    let check = |text: &str| Answer::parse(text).unwrap().check(0, &plan, "");
    let right = "exit 0\nuncordon n3 WaitingPod + hub/ada\ngrow 2 pool gpu AboveBand\nmaybe cordon n9\n\
        keep n1 LosesPod + argo/step\nunmanaged cp\nutilization gpu 0.918 of cpu\nutilization 0.918\n\
        limit MAX_CREATIONS 12 -> 10\nwarned Taint + g1\nsaid n1 + argo/step\nunsaid fits on no node\n";
    assert_eq!(check(right), Ok(()));
    assert_eq!(check(&right.replace("maybe", "mark n4\nmaybe")), Ok(()));
    assert_eq!(check(&right.replace("maybe cordon n9", "maybe cordon n9\nmark n4")), Ok(()));
    for (part, other) in [
        ("exit 0", "exit 3"),
        ("uncordon n3", "uncordon n4"),
        ("WaitingPod", "Needed"),
        ("hub/ada", "hub/bob"),
        ("grow 2", "grow 1"),
        ("pool gpu", "pool cpu"),
        ("maybe cordon", "cordon"),
        ("uncordon n3 WaitingPod + hub/ada\n", ""),
        ("keep n1 LosesPod", "keep n1 Needed"),
        ("keep n1", "keep n2"),
        ("unmanaged cp", "unmanaged n1"),
        ("gpu 0.918", "gpu 0.919"),
        ("of cpu", "of memory"),
        ("12 -> 10", "12 -> 11"),
        ("warned Taint", "warned Label"),
        ("said n1", "said n2"),
        ("unsaid fits on no node", "unsaid taint"),
        ("unmanaged cp", "refused + cp"),
    ] {
        assert!(check(&right.replacen(part, other, 1)).is_err(), "{other}");
    }
    for text in ["exit 0\n", "nothing\n", "exit 0\nnothing\ncordonn n1\n", "exit 0\ncordon\n"] {
        assert!(Answer::parse(text).is_err(), "{text:?}");
    }
    let refused = Answer::parse("exit 0\nrefused + etcd\n").unwrap();
    assert_eq!(refused.check(0, &Value::Null, "error: etcdserver\n"), Ok(()));
    assert!(refused.check(0, &Value::Null, "error: another\n").is_err());
    assert!(check("exit 0\nnothing\n").is_err());
}
