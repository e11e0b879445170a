//! One table per rule.

use super::*;

/// The requests of a pod with this `spec` and `status`: memory, processor time, and the rest by name.
#[expect(clippy::type_complexity, reason = "compared with literals")]
fn resized(spec: &str, status: &str) -> Result<(u64, u64, Vec<(String, u64)>), BadField> {
    let (spec, status) = (serde_json::from_str(spec).unwrap(), serde_json::from_str(status).unwrap());
    let requests = of_pod(&spec, &status)?;
    let (memory, cpu) = requests.memory_and_cpu();
    Ok((memory.0, cpu.0, requests.further().map(|(name, amount)| (name.to_owned(), amount)).collect()))
}

/// The same for a pod that was never resized and requests memory and processor time only.
fn requests(spec: &str) -> Result<(u64, u64), BadField> {
    resized(spec, "{}").map(|(memory, cpu, further)| {
        assert_eq!(further, []);
        (memory, cpu)
    })
}

/// A container, or an init container, with memory in Mi and processor time in millicores.
fn asks(mebibytes: u64, millicores: u64) -> String {
    format!(r#"{{"resources":{{"requests":{{"memory":"{mebibytes}Mi","cpu":"{millicores}m"}}}}}}"#)
}

fn sidecar(mebibytes: u64, millicores: u64) -> String {
    asks(mebibytes, millicores).replacen('{', r#"{"restartPolicy":"Always","#, 1)
}

/// Expected values by the formula of the Kubernetes documentation on sidecar containers ("Resource sharing within
/// containers") and of KEP 753, worked by hand.
#[test]
fn the_larger_of_running_and_starting_is_asked_for_per_resource() {
    let cases = [
        ("nothing at all", vec![], vec![], (0, 0)),
        ("containers add up", vec![], vec![asks(64, 100), asks(4096, 500)], (4160, 600)),
        ("a large init step counts alone", vec![asks(6144, 50)], vec![asks(1024, 100)], (6144, 100)),
        ("init steps do not add up", vec![asks(300, 1), asks(200, 2)], vec![asks(100, 3)], (300, 3)),
        ("a sidecar runs with the containers", vec![sidecar(50, 10)], vec![asks(100, 20)], (150, 30)),
        (
            "a sidecar counts in the init steps after it",
            vec![sidecar(50, 10), asks(200, 5)],
            vec![asks(100, 20)],
            (250, 30), // memory: step 200 + 50; cpu: running 20 + 10
        ),
        (
            "a sidecar does not count in the init steps before it",
            vec![asks(200, 5), sidecar(50, 10)],
            vec![asks(100, 20)],
            (200, 30), // memory: step 200, running 150
        ),
        (
            "several sidecars pile up",
            vec![sidecar(10, 0), sidecar(20, 0), asks(70, 0), sidecar(30, 0)],
            vec![asks(35, 0)],
            (100, 0), // step 70 + 30 = 100, running 35 + 60 = 95
        ),
    ];
    for (what, init, containers, (mebibytes, millicores)) in cases {
        let spec =
            format!(r#"{{"initContainers":[{}],"containers":[{}]}}"#, init.join(","), containers.join(","));
        let expected = (mebibytes << 20, millicores);
        assert_eq!(requests(&spec).unwrap(), expected, "{what}");
    }
}

#[test]
fn pod_level_requests_replace_the_resources_they_name_and_overhead_comes_on_top() {
    let containers = asks(1024, 700);
    for (what, rest, (mebibytes, millicores)) in [
        ("overhead is added", r#""overhead":{"memory":"120Mi","cpu":"250m"}"#, (1144, 950)),
        ("memory is replaced", r#""resources":{"requests":{"memory":"2Gi"}}"#, (2048, 700)),
        ("a smaller one replaces too", r#""resources":{"requests":{"cpu":"500m"}}"#, (1024, 500)),
        ("a limit does not", r#""resources":{"limits":{"memory":"9Gi"}}"#, (1024, 700)),
        (
            "overhead comes after",
            r#""resources":{"requests":{"memory":"1Mi"}},"overhead":{"memory":"2Mi"}"#,
            (3, 700),
        ),
    ] {
        let spec = format!(r#"{{"containers":[{containers}],{rest}}}"#);
        let expected = (mebibytes << 20, millicores);
        assert_eq!(requests(&spec).unwrap(), expected, "{what}");
    }
}

#[test]
fn a_limit_stands_in_for_a_missing_request_of_the_same_resource() {
    let whole =
        r#"{"containers":[{}],"resources":{"limits":{"memory":"2Gi","cpu":2},"requests":{"cpu":0.5}}}"#;
    assert_eq!(requests(whole).unwrap(), (2 << 30, 500), "of the pod as a whole");
    let spec = r#"{"containers":[{"resources":{"limits":{"memory":"2Gi","cpu":2},"requests":{"cpu":0.5}}}]}"#;
    assert_eq!(requests(spec).unwrap(), (2 << 30, 500));
}

#[test]
fn a_bad_amount_is_named_by_its_path() {
    for (spec, field) in [
        (
            r#"{"containers":[{},{"resources":{"requests":{"memory":"1.5.2Gi"}}}]}"#,
            "spec.containers[1].resources.requests.memory",
        ),
        (
            r#"{"initContainers":[{"resources":{"limits":{"cpu":"-1"}}}]}"#,
            "spec.initContainers[0].resources.limits.cpu",
        ),
        (r#"{"overhead":{"memory":"much"}}"#, "spec.overhead.memory"),
        (r#"{"resources":{"requests":{"cpu":""}}}"#, "spec.resources.requests.cpu"),
    ] {
        assert_eq!(requests(spec).unwrap_err().field, field);
    }
}

#[test]
fn a_sum_above_the_largest_quantity_saturates() {
    for (one, other) in [("7Ei", "1Ei"), ("1e30", "1e30"), ("0", "1e30")] {
        let container =
            |memory: &str| format!(r#"{{"resources":{{"requests":{{"memory":"{memory}","cpu":"10P"}}}}}}"#);
        let spec = format!(r#"{{"containers":[{},{}]}}"#, container(one), container(other));
        assert_eq!(requests(&spec).unwrap(), (LARGEST, LARGEST), "{one} and {other}");
    }
}

#[test]
fn every_resource_is_asked_for_by_the_same_rules() {
    let asks =
        |name: &str, amount: &str| format!(r#"{{"resources":{{"requests":{{"{name}":"{amount}"}}}}}}"#);
    let gpu = |amount| asks("nvidia.com/gpu", amount);
    let of = |what: &str, count| vec![(what.to_owned(), count)];
    let cases = [
        ("added up", format!(r#""containers":[{},{}]"#, gpu("1"), gpu("2")), of("nvidia.com/gpu", 3)),
        (
            "the larger init step",
            format!(r#""initContainers":[{}],"containers":[{}]"#, gpu("4"), gpu("1")),
            of("nvidia.com/gpu", 4),
        ),
        (
            "a limit for a request",
            r#""containers":[{"resources":{"limits":{"nvidia.com/gpu":1}}}]"#.to_owned(),
            of("nvidia.com/gpu", 1),
        ),
        (
            "bytes of the node's disk",
            format!(r#""containers":[{}]"#, asks("ephemeral-storage", "1.5Gi")),
            of("ephemeral-storage", 3 << 29),
        ),
        (
            "pod-level",
            format!(
                r#""containers":[{}],"resources":{{"requests":{{"hugepages-2Mi":"8Mi"}}}}"#,
                asks("hugepages-2Mi", "4Mi")
            ),
            of("hugepages-2Mi", 8 << 20),
        ),
        ("none of it", format!(r#""containers":[{}]"#, gpu("0")), vec![]),
        ("overhead", r#""overhead":{"example.com/token":"1"}"#.to_owned(), of("example.com/token", 1)),
    ];
    for (what, spec, expected) in cases {
        assert_eq!(resized(&format!("{{{spec}}}"), "{}").unwrap().2, expected, "{what}");
    }
    let bad = resized(&format!(r#"{{"containers":[{}]}}"#, gpu("one")), "{}").unwrap_err();
    assert_eq!(bad.field, "spec.containers[0].resources.requests.nvidia.com/gpu");
}

/// `determineContainerReqs` of `k8s.io/component-helpers/resource`, worked by hand.
/// Kubernetes enhancement 5004: a node does not list such a resource, so no account of the node knows it.
#[test]
fn devices_of_a_device_class_are_no_part_of_a_node_s_account() {
    let spec = r#"{"containers":[{"name":"c","resources":{"requests":{
        "memory":"1Gi","deviceclass.resource.kubernetes.io/gpu.example.com":"1","example.com/gpu":"2"}}}]}"#;
    assert_eq!(resized(spec, "{}").unwrap(), (1 << 30, 0, vec![("example.com/gpu".to_owned(), 2)]));
}

#[test]
fn a_resized_container_asks_for_the_largest_of_what_it_wants_and_has() {
    let spec = r#"{"containers":[{"name":"notebook","resources":{"requests":{"memory":"4Gi","cpu":"1"}}}],
        "initContainers":[
            {"name":"sidecar","restartPolicy":"Always","resources":{"requests":{"memory":"1Gi"}}},
            {"name":"step","resources":{"requests":{"memory":"1Gi"}}}]}"#;
    let status = |memory: &str, allocated: &str, more: &str| {
        format!(
            r#"{{"containerStatuses":[{{"name":"other","allocatedResources":{{"memory":"99Gi"}}}},
                {{"name":"notebook","resources":{{"requests":{{"memory":"{memory}"}}}},
                 "allocatedResources":{{"memory":"{allocated}"}}}}]{more}}}"#
        )
    };
    let condition = |reason: &str| {
        format!(r#","conditions":[{{"type":"PodResizePending","status":"True","reason":"{reason}"}}]"#)
    };
    let infeasible = condition("Infeasible");
    // The sidecar's 1Gi is added; the request of the step is less than that of the running containers.
    let cases = [
        ("no status", "{}".to_owned(), 5),
        ("what it has is larger", status("6Gi", "6Gi", ""), 7),
        ("what is set aside is larger", status("2Gi", "6Gi", ""), 7),
        ("what it wants is larger", status("2Gi", "2Gi", ""), 5),
        ("deferred still counts what it wants", status("2Gi", "2Gi", &condition("Deferred")), 5),
        ("infeasible counts what it has", status("2Gi", "3Gi", &infeasible), 4),
        ("infeasible, as 1.32 wrote it", status("2Gi", "2Gi", r#","resize":"Infeasible""#), 3),
        ("infeasible without any status", format!("{{{}}}", &infeasible[1..]), 5),
        (
            "a sidecar is resized, an init step is not",
            r#"{"initContainerStatuses":[{"name":"sidecar","allocatedResources":{"memory":"2Gi"}},
                {"name":"step","allocatedResources":{"memory":"64Gi"}}]}"#
                .to_owned(),
            6,
        ),
    ];
    for (what, status, gibibytes) in cases {
        let (memory, cpu, _) = resized(spec, &status).unwrap();
        assert_eq!((memory, cpu), (gibibytes << 30, 1000), "{what}");
    }
    let bad = resized(spec, &status("much", "1", "")).unwrap_err();
    assert_eq!(bad.field, "status.containerStatuses[1].resources.requests.memory");
}

/// `effectivePodLevelResources` of `k8s.io/component-helpers/resource`, worked by hand.
#[test]
fn a_pod_resized_as_a_whole_asks_for_the_largest_of_what_it_wants_and_has() {
    let spec = r#"{"resources":{"requests":{"memory":"4Gi"}},
        "containers":[{"name":"notebook","resources":{"requests":{"memory":"1Gi","cpu":"1"}}}]}"#;
    let status = |given: &str, set_aside: &str, more: &str| {
        format!(
            r#"{{"resources":{{"requests":{{"memory":"{given}","cpu":"9"}}}},"allocatedResources":{{"memory":"{set_aside}"}}{more}}}"#
        )
    };
    let infeasible = r#","conditions":[{"type":"PodResizePending","status":"True","reason":"Infeasible"}]"#;
    // The pod names no CPU as a whole, so the CPU of its container counts.
    for (what, status, gibibytes) in [
        ("no status", "{}".to_owned(), 4),
        ("what it has is larger", status("6Gi", "2Gi", ""), 6),
        ("what is set aside is larger", status("2Gi", "6Gi", ""), 6),
        ("what it wants is larger", status("2Gi", "2Gi", ""), 4),
        ("infeasible counts what it has", status("2Gi", "3Gi", infeasible), 3),
        ("infeasible without any status", format!("{{{}}}", &infeasible[1..]), 4),
    ] {
        let (memory, cpu, _) = resized(spec, &status).unwrap();
        assert_eq!((memory, cpu), (gibibytes << 30, 1000), "{what}");
    }
    let bad = resized(spec, &status("1Gi", "much", "")).unwrap_err();
    assert_eq!(bad.field, "status.allocatedResources.memory");
}

#[test]
fn thousandths_of_a_byte_are_noticed_where_they_are_a_mistake() {
    for (memory, expected) in [
        ("512m", true),
        ("100000m", true),
        ("512Mi", false),
        ("0m", false),
        ("1073741824000m", false),
        ("1", false),
    ] {
        let spec = format!(r#"{{"containers":[{{"resources":{{"requests":{{"memory":"{memory}"}}}}}}]}}"#);
        let spec = serde_json::from_str(&spec).unwrap();
        assert_eq!(of_pod(&spec, &Status::default()).unwrap().millibytes, expected, "{memory}");
    }
}

/// A pod of half a megabyte, which any user may create, took minutes when each step added up all resources.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "nothing but the time tells steps for each pair from steps for each"
)]
fn a_pod_of_thousands_of_resources_and_steps_is_read_in_no_time() {
    let many = 8000;
    let resources: Vec<String> = (0..many).map(|at| format!(r#""a.b/{at}":"1""#)).collect();
    let sidecar =
        format!(r#"{{"restartPolicy":"Always","resources":{{"requests":{{{}}}}}}}"#, resources.join(","));
    let step = r#"{"resources":{"requests":{"a.b/7":"2"}}}"#;
    let named: Vec<String> = (0..many).map(|at| format!(r#"{{"name":"c{at}"}}"#)).collect();
    let spec = format!(
        r#"{{"initContainers":[{sidecar}{}],"containers":[{}]}}"#,
        format!(",{step}").repeat(many),
        named.join(",")
    );
    let reversed: Vec<String> = named.iter().rev().cloned().collect();
    let status = format!(r#"{{"containerStatuses":[{}]}}"#, reversed.join(","));
    let started = std::time::Instant::now();
    let (_, _, further) = resized(&spec, &status).unwrap();
    let took = started.elapsed();
    assert_eq!(further.len(), many);
    let of = |name: &str| further.iter().find(|(known, _)| known == name).map(|(_, amount)| *amount);
    assert_eq!((of("a.b/7"), of("a.b/8")), (Some(3), Some(1)), "the step runs beside the sidecar");
    assert!(took.as_secs() < 30, "{took:?}");
}

/// The step's own resource counts with the sidecars that were declared before it, of whichever list the resource is.
#[test]
fn a_step_that_names_a_resource_adds_the_sidecars_before_it() {
    let with = |policy: &str, name: &str, amount: u64| {
        format!(r#"{{{policy}"resources":{{"requests":{{"{name}":"{amount}"}}}}}}"#)
    };
    let always = r#""restartPolicy":"Always","#;
    let init = [
        with(always, "a.b/gpu", 2),
        with("", "a.b/gpu", 3),   // 3 + 2
        with("", "a.b/other", 4), // gpu: 2, no more than all sidecars
        with(always, "a.b/gpu", 1),
    ];
    let spec = |containers: &str| {
        format!(r#"{{"initContainers":[{}],"containers":[{containers}]}}"#, init.join(","))
    };
    let further = |containers: &str| resized(&spec(containers), "{}").unwrap().2;
    let expected = |gpu: u64| vec![("a.b/gpu".to_owned(), gpu), ("a.b/other".to_owned(), 4)];
    assert_eq!(further(""), expected(5));
    assert_eq!(further(&with("", "a.b/gpu", 6)), expected(9), "6 beside the sidecars' 3");
}

#[test]
fn the_first_of_many_statuses_of_one_name_counts() {
    let status = |name: &str, memory: u64| {
        format!(r#"{{"name":"{name}","allocatedResources":{{"memory":"{memory}"}}}}"#)
    };
    for others in [1, 100] {
        let mut all: Vec<String> = (0..others).map(|at| status(&format!("o{at}"), 1)).collect();
        all.extend([status("main", 7), status("main", 9)]);
        let statuses = format!(r#"{{"containerStatuses":[{}]}}"#, all.join(","));
        let (memory, _, _) = resized(r#"{"containers":[{"name":"main"}]}"#, &statuses).unwrap();
        assert_eq!(memory, 7, "{others}");
    }
}
