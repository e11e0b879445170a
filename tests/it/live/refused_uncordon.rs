//! An uncordon that the cluster refuses for good: what was to be replaced stays, run after run.

use std::time::Duration;

use serde_json::json;

use super::{Program, user};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

impl ControlPlane {
    /// Lets the cluster refuse all uncordons of a node.
    fn refuse_uncordons_of(&self, node: &str) {
        let is_cordoned =
            |object: &str| format!("(has({object}.spec.unschedulable) && {object}.spec.unschedulable)");
        let expression = format!(
            "object.metadata.name != '{node}' || !{} || {}",
            is_cordoned("oldObject"),
            is_cordoned("object")
        );
        let rule = json!({
            "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["nodes"],
        });
        let policy = json!({
            "metadata": {"name": "stays-cordoned"},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": expression, "message": "it stays cordoned"}],
            },
        });
        self.admin().post(POLICIES, &policy).success();
        let binding = json!({
            "metadata": {"name": "stays-cordoned"},
            "spec": {"policyName": "stays-cordoned", "validationActions": ["Deny"]},
        });
        self.admin().post(BINDINGS, &binding).success();
        let path = format!("/api/v1/nodes/{node}?dryRun=All");
        self.wait_until("the policy is in force", Duration::from_mins(1), || {
            let answer = self.admin().patch(&path, &json!({"spec": {"unschedulable": null}}));
            (answer.status == 422).then_some(())
        });
    }

    fn allow_uncordons_again(&self, node: &str) {
        for path in [BINDINGS, POLICIES] {
            self.admin().delete(&format!("{path}/stays-cordoned")).success();
        }
        let path = format!("/api/v1/nodes/{node}?dryRun=All");
        self.wait_until("the policy is gone", Duration::from_mins(1), || {
            let answer = self.admin().patch(&path, &json!({"spec": {"unschedulable": null}}));
            (answer.status == 200).then_some(())
        });
    }
}

/// By hand: `n0` has a user, `n3` under our cordon has got a critical pod, `n1` and `n2` are empty. Asked for are 2 of the
/// 24 Gi that serve; `MIN_NODES=3` are kept: `n3`, which must be, `n0`, and one of the empty two. The other one may only be
/// cordoned once `n3` is back.
#[test]
fn where_an_uncordon_is_refused_for_good_nothing_is_cordoned_in_exchange_and_min_nodes_hold() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let [n0, n1, n2, n3] = ["n0", "n1", "n2", "n3"].map(Node::new);
    plane.create_nodes(&[n0, n1, n2, n3.cordoned_long_ago()]);
    plane.create_namespace("hub");
    plane.create_bound_pod(&user("ada").memory("1Gi").on("n0"));
    plane.create_bound_pod(&Pod::new("hub", "proxy").memory("1Gi").on("n3"));
    plane.refuse_uncordons_of("n3");
    let program = Program::new(&plane, &Identity::Admin).with("MIN_NODES", "3");
    for _ in 0..3 {
        let ended = program.run(&["--yes", "-o", "json"]).must_be(1);
        let story = ended.story();
        assert_eq!(story.len(), 2, "{story:?}");
        assert_eq!(story[0], "uncordon n3: failed");
        assert!(story[1].starts_with("cordon ") && story[1].ends_with(": notTried"), "{story:?}");
        assert!(
            ended.report.contains("node n3, which was to take over, is not uncordoned"),
            "{}",
            ended.report
        );
        assert!(ended.report.contains("it stays cordoned"), "{}", ended.report);
        assert_eq!(plane.cordoned(), ["n3"]);
    }
    plane.allow_uncordons_again("n3");
    let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(
        ended.story().iter().filter(|told| told.ends_with(": applied")).count(),
        2,
        "{:?}",
        ended.story()
    );
    let cordoned = plane.cordoned();
    assert!(cordoned == ["n1"] || cordoned == ["n2"], "{cordoned:?}");
}
