//! What a pod stores is bounded, whatever its user writes.

use super::*;

/// The pods of a live cluster, read one after the other.
fn read(values: &[Value]) -> (Vec<Pod>, Vec<String>) {
    let (mut warnings, mut interner) = (Vec::new(), Interner::default());
    let mut pods = Vec::new();
    for value in values {
        let field = |name: &str| value.get(name).cloned().unwrap_or_else(|| json!({})).to_string();
        let (metadata, spec, status) = (field("metadata"), field("spec"), field("status"));
        let object = Object {
            metadata: serde_json::from_str(&metadata).unwrap(),
            spec: serde_json::from_str(&spec).unwrap(),
            status: serde_json::from_str(&status).unwrap(),
        };
        let mut reading = Reading {
            evictions: true,
            is_live: true,
            interner: &mut interner,
            label_keys: None,
            warnings: &mut warnings,
            millibytes: &mut Examples::default(),
        };
        pods.push(pod(Identity::of(&object).unwrap(), &object, &mut reading).unwrap());
    }
    (pods, warnings.iter().map(ToString::to_string).collect())
}

fn with_spec(name: &str, spec: &Value) -> Value {
    json!({"metadata": {"namespace": "hub", "name": name}, "spec": spec})
}

fn claim(name: &str) -> Value {
    json!({"name": "v", "persistentVolumeClaim": {"claimName": name}})
}

/// The API server takes any text as the name of a claim. None with more than 253 bytes exists, and none with 254.
#[test]
fn the_name_of_a_claim_that_cannot_exist_is_cut_and_stays_one_that_cannot_exist() {
    let names = ["a".repeat(253), "b".repeat(1 << 20), format!("{}ä", "c".repeat(253))];
    let volumes: Vec<Value> = names.iter().map(|name| claim(name)).collect();
    let (pods, _) = read(&[with_spec("p", &json!({"volumes": volumes}))]);
    let lengths: Vec<usize> = pods[0].claims.iter().map(|claim| claim.len()).collect();
    assert_eq!(lengths, [253, 254, 255]);
    // The claim of an ephemeral volume is named after the pod and the volume.
    let ephemeral = json!({"name": "v".repeat(63), "ephemeral": {}});
    let (pods, _) = read(&[with_spec(&"p".repeat(253), &json!({"volumes": [ephemeral]}))]);
    assert_eq!(pods[0].claims[0].len(), 254);
}

#[test]
fn no_more_names_of_volumes_that_are_safe_to_lose_are_read_than_a_pod_has_volumes() {
    let many = 6000;
    let volumes: Vec<Value> =
        (0..many).map(|at| json!({"name": format!("v{at:05}"), "emptyDir": {}})).collect();
    let names: Vec<String> = (0..many).rev().map(|at| format!("v{at:05}")).collect();
    let safe = json!({"cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": names.join(",")});
    let value = json!({"metadata": {"name": "p", "annotations": safe}, "spec": {"volumes": volumes.clone()}});
    let (pods, _) = read(std::slice::from_ref(&value));
    // An annotation of 42,000 bytes names more volumes than a pod has, and none of them counts.
    assert_eq!(pods[0].local_volume.as_deref(), Some("v00000"));
    // A few volumes, all of them safe to lose.
    let safe =
        json!({"cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": "v00002,v00001,v00000"});
    let few = json!({"metadata": {"name": "p", "annotations": safe}, "spec": {"volumes": volumes[..3]}});
    assert_eq!(read(&[few]).0[0].local_volume, None);
}

/// A pod whose affinity names this number of hosts, each pod other ones.
fn picky(name: &str, hosts: usize) -> Value {
    let hosts: Vec<String> = (0..hosts).map(|at| format!("{name}-0123456789-{at:05}")).collect();
    let expressions = json!([{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": hosts}]);
    let required = json!({"nodeSelectorTerms": [{"matchExpressions": expressions}]});
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}});
    with_spec(name, &json!({"affinity": affinity}))
}

fn fits_nowhere(pod: &Pod) -> bool {
    pod.constraints.affinity == Some(Affinity(vec![]))
}

/// Fifty thousand bytes each: no pod is too large by itself.
#[test]
fn large_constraints_of_all_pods_have_one_bound_that_ordinary_ones_do_not_share() {
    let large: Vec<Value> = (0..400).map(|at| picky(&format!("p{at:03}"), 700)).collect();
    let (pods, warnings) = read(&large);
    let stored = pods.iter().filter(|pod| !fits_nowhere(pod)).count();
    assert!((100..250).contains(&stored), "{stored} of 50,000 bytes in 8 MiB");
    assert!(pods.iter().take(stored).all(|pod| !fits_nowhere(pod)), "the first ones of the list");
    assert_eq!(warnings.len(), 400 - stored);
    let expected = "pod hub/p399 counts as a pod that fits no node: its node selector, affinity and tolerations take 47 KiB; above 4 KiB each, all pods together may take 8 MiB";
    assert!(warnings[399 - stored].starts_with(expected), "{}", warnings[399 - stored]);
    // Afterwards an ordinary pod counts as always, and so does one that shares its constraints with an earlier pod.
    let mut more = large.clone();
    more.extend([picky("ada", 40), with_spec("shared", &large[0]["spec"])]);
    let (pods, _) = read(&more);
    let [.., ada, shared] = pods.as_slice() else { panic!() };
    assert!(!fits_nowhere(ada) && !fits_nowhere(shared));
    assert!(Arc::ptr_eq(&pods[0].constraints, &shared.constraints));
}

/// Three and a half thousand bytes each: fifty hosts, each pod other ones.
#[test]
fn ordinary_constraints_of_all_pods_have_a_bound_too_and_small_ones_have_none() {
    let ordinary: Vec<Value> = (0..12_000).map(|at| picky(&format!("p{at:05}"), 50)).collect();
    let small: Vec<Value> = (0..3).map(|at| picky(&format!("small{at}"), 15)).collect();
    let shared = with_spec("shared", &ordinary[0]["spec"]);
    let last = picky("last", 50);
    let all: Vec<Value> = ordinary.into_iter().chain(small).chain([shared, last]).collect();
    let (pods, warnings) = read(&all);
    let stored = pods.iter().take(12_000).filter(|pod| !fits_nowhere(pod)).count();
    // 32 MiB of 3,500 to 3,700 bytes.
    assert!((9_000..9_600).contains(&stored), "{stored}");
    assert!(pods.iter().take(stored).all(|pod| !fits_nowhere(pod)), "the first ones of the list");
    assert_eq!(warnings.len(), 12_000 - stored + 1);
    let [.., small, shared, last] = pods.as_slice() else { panic!() };
    assert!(!fits_nowhere(small) && !fits_nowhere(shared) && fits_nowhere(last));
    let words = " bytes; up to 4 KiB each, all pods together may take 32 MiB, and the pods before this \
                 one in the list take all of it";
    assert!(warnings.last().unwrap().ends_with(words), "{warnings:?}");
}

/// Every pod may name another owner, with texts of 512 bytes. Controllers of real names are small.
#[test]
fn controllers_take_the_same_room_and_a_pod_without_one_keeps_its_node() {
    let owned = |at: usize, letters: usize| {
        let text = |field: &str| format!("{field}{at:05}{}", "x".repeat(letters));
        let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": true,
                            "name": text("name"), "uid": text("uid")}]);
        json!({"metadata": {"namespace": "hub", "name": format!("p{at:05}"), "ownerReferences": owner}})
    };
    let long: Vec<Value> = (0..40_000).map(|at| owned(at, 490)).collect();
    let (pods, _) = read(&long);
    assert!(pods.iter().all(|pod| pod.controller.is_some()), "up to 1.5 KiB a pod is small");
    let huge = |at: usize| {
        let mut large = owned(at, 490);
        let first = &mut large["metadata"]["ownerReferences"][0];
        first["kind"] = json!("k".repeat(500));
        first["apiVersion"] = json!(format!("{}/v1", "g".repeat(490)));
        large
    };
    let huge: Vec<Value> = (0..20_000).map(huge).collect();
    let (pods, warnings) = read(&huge);
    let named = pods.iter().filter(|pod| pod.controller.is_some()).count();
    // 32 MiB of 2,200 bytes.
    assert!((14_500..16_500).contains(&named), "{named}");
    assert!(pods.iter().skip(named).all(fits_nowhere));
    assert!(warnings[0].contains("the texts of its controller take 2"), "{}", warnings[0]);
}

#[test]
fn names_of_claims_and_resources_take_the_same_room() {
    let name = |at: usize, letter: &str| format!("{}-{at:05}", letter.repeat(240));
    let claims =
        |at: usize| -> Vec<Value> { (0..200).map(|one| claim(&name(at * 200 + one, "c"))).collect() };
    let pods: Vec<Value> =
        (0..300).map(|at| with_spec(&format!("p{at:03}"), &json!({"volumes": claims(at)}))).collect();
    let (pods, warnings) = read(&pods);
    let (first, last) = (&pods[0], &pods[299]);
    assert_eq!((first.claims.len(), fits_nowhere(first)), (200, false));
    assert!((1..20).contains(&last.claims.len()) && fits_nowhere(last), "{}", last.claims.len());
    assert!(warnings.last().unwrap().contains("the names of its claims take 57 KiB"), "{warnings:?}");

    let resources = |at: usize| -> Value {
        (0..64)
            .map(|one| (format!("a.b/{}", name(at * 64 + one, "r")), json!("1")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let pods: Vec<Value> = (0..700)
        .map(|at| {
            with_spec(
                &format!("p{at:03}"),
                &json!({"containers": [{"resources": {"requests": resources(at)}}]}),
            )
        })
        .collect();
    let (pods, _) = read(&pods);
    let count = |pod: &Pod| pod.requests.further().count();
    assert_eq!((count(&pods[0]), fits_nowhere(&pods[0])), (64, false));
    assert!((1..20).contains(&count(&pods[699])) && fits_nowhere(&pods[699]), "{}", count(&pods[699]));
}

#[test]
fn a_pod_with_more_labels_than_budgets_of_any_cluster_name_is_not_evicted() {
    let labelled = |labels: usize| {
        let labels: serde_json::Map<String, Value> =
            (0..labels).map(|at| (format!("l{at}"), json!(""))).collect();
        let owner =
            json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "controller": true}]);
        let metadata = json!({"namespace": "hub", "name": "p", "labels": labels, "ownerReferences": owner});
        let (pods, _) = read(&[json!({"metadata": metadata, "spec": {"nodeName": "n1"}})]);
        pods[0].eviction.is_some()
    };
    assert!(labelled(64) && !labelled(65));
}
