//! Whole plans of clusters with more kinds of waiting pods than a run considers.

use super::{policy, user};
use crate::check;
use crate::model::{Amounts, Bytes, Millicores, Node, Pod, SchedulerRefusal, Snapshot, Unbound};
use crate::plan::fixture::{ago, node, now};
use crate::plan::{Warning, plan};

/// A pod that was refused ten seconds ago, of this number of bytes.
fn waits(namespace: &str, at: u64) -> Pod {
    let name = format!("{namespace}-{at:04}");
    let refusal = Some(SchedulerRefusal { message: "".into(), since: Some(ago(10)) });
    let uid = name.as_str().into();
    let unbound = Unbound { uid, refusal, created_at: Some(ago(10)), ..Unbound::default() };
    let requests = Amounts::pod(Bytes((1 << 30) + at), Millicores(100));
    let unbound = Some(Box::new(unbound));
    let any = user(&name, 1);
    Pod { namespace: namespace.into(), requests, unbound, ready: false, ..any }
}

#[test]
fn a_user_with_thousands_of_kinds_of_pods_holds_up_no_other_user_and_nothing_counts_for_the_rest() {
    let nodes: Vec<Node> = (0..5000).map(|at| node(&format!("n{at:04}"))).collect();
    // Readers share equal constraints.
    let any = user("any", 1).constraints;
    let shared = |pod: Pod| Pod { constraints: any.clone(), ..pod };
    let mut pods: Vec<Pod> = (0..2100).map(|at| shared(waits("evil", at))).collect();
    pods.extend((9000..9003).map(|at| shared(waits("hub", at))));
    let snapshot = Snapshot::new(now(), nodes, pods, Vec::new(), 9999).unwrap();
    let plan = plan(&snapshot, &policy()).unwrap();
    assert_eq!(check::check(&snapshot, &policy(), &plan), []);
    let aside = plan.warnings.iter().find_map(|warning| {
        let Warning::TooManyKinds { pod, pods } = warning else { return None };
        Some((pod.as_str(), *pods))
    });
    assert_eq!(aside, Some(("evil/evil-1997", 103)));
    assert_eq!(plan.pools[0].before.waiting_pods, 2103);
    let told = |namespace: &str| plan.notices.iter().filter(|notice| notice.namespace == namespace).count();
    assert_eq!((told("hub"), told("evil")), (3, 1997));
    let bytes = (0..1997).chain(9000..9003).map(|at| (1 << 30) + at).sum::<u64>();
    assert_eq!(plan.pools[0].demand.waiting.memory.0, bytes);
}
