//! What a pod asks for, by the scheduler's own rule (`k8s.io/component-helpers/resource`, `PodRequests`).
//!
//! ```text
//!   running = sum of containers + sidecars       sidecar: an init container with restartPolicy Always
//!   init    = largest of (init container + the sidecars declared before it)
//!   pod     = max(running, init), per resource
//!   a resource named in spec.resources.requests replaces it
//!   plus spec.overhead
//! ```

use kube_rebalancer_core::model::{
    Bytes, Millicores, QuantityError, Requests, parse_bytes, parse_millicores,
};

use super::error::{BadField, FieldProblem};
use super::raw::{Amount, Amounts, Container, RestartPolicy, Spec};

/// Amounts that are still being added up: no sum of any number of containers can wrap.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    memory: u128,
    cpu: u128,
}

impl Sum {
    fn plus(self, other: Self) -> Self {
        Self { memory: self.memory + other.memory, cpu: self.cpu + other.cpu }
    }

    fn larger(self, other: Self) -> Self {
        Self { memory: self.memory.max(other.memory), cpu: self.cpu.max(other.cpu) }
    }
}

/// The requests of a pod.
pub(super) fn of_pod(spec: &Spec<'_>) -> Result<Requests, BadField> {
    let mut containers = Sum::default();
    for (index, container) in spec.containers.iter().enumerate() {
        containers = containers.plus(of_container(container, "containers", index)?);
    }
    let mut sidecars = Sum::default();
    let mut largest_step = Sum::default();
    for (index, container) in spec.init_containers.iter().enumerate() {
        let step = of_container(container, "initContainers", index)?.plus(sidecars);
        largest_step = largest_step.larger(step);
        if container.restart_policy == Some(RestartPolicy::Always) {
            sidecars = step;
        }
    }
    let mut total = containers.plus(sidecars).larger(largest_step);

    let whole_pod = &spec.resources.requests;
    if let Some(memory) = &whole_pod.memory {
        total.memory = bytes(memory, || "spec.resources.requests.memory".to_owned())?;
    }
    if let Some(cpu) = &whole_pod.cpu {
        total.cpu = millicores(cpu, || "spec.resources.requests.cpu".to_owned())?;
    }
    total = total.plus(amounts(&spec.overhead, &NOTHING, |_, resource| format!("spec.overhead.{resource}"))?);

    let bounded = |sum: u128| {
        i64::try_from(sum)
            .map(i64::unsigned_abs)
            .map_err(|_| BadField::new("spec.containers", FieldProblem::SumTooLarge))
    };
    Ok(Requests { memory: Bytes(bounded(total.memory)?), cpu: Millicores(bounded(total.cpu)?) })
}

const NOTHING: Amounts<'static> = Amounts { cpu: None, memory: None, pods: None };

/// A container asks for its requests; where it has only a limit, for that: the API server fills requests in this way,
/// a file made by hand may lack them.
fn of_container(container: &Container<'_>, list: &str, index: usize) -> Result<Sum, BadField> {
    let resources = &container.resources;
    amounts(&resources.requests, &resources.limits, |part, resource| {
        format!("spec.{list}[{index}].resources.{part}.{resource}")
    })
}

fn amounts(
    requests: &Amounts<'_>,
    limits: &Amounts<'_>,
    path: impl Fn(&str, &str) -> String,
) -> Result<Sum, BadField> {
    let memory = match (&requests.memory, &limits.memory) {
        (Some(request), _) => bytes(request, || path("requests", "memory"))?,
        (None, Some(limit)) => bytes(limit, || path("limits", "memory"))?,
        (None, None) => 0,
    };
    let cpu = match (&requests.cpu, &limits.cpu) {
        (Some(request), _) => millicores(request, || path("requests", "cpu"))?,
        (None, Some(limit)) => millicores(limit, || path("limits", "cpu"))?,
        (None, None) => 0,
    };
    Ok(Sum { memory, cpu })
}

fn bytes(amount: &Amount<'_>, path: impl FnOnce() -> String) -> Result<u128, BadField> {
    let bad = |problem: QuantityError| BadField::new(path(), problem);
    parse_bytes(&amount.0).map(|bytes| u128::from(bytes.0)).map_err(bad)
}

fn millicores(amount: &Amount<'_>, path: impl FnOnce() -> String) -> Result<u128, BadField> {
    let bad = |problem: QuantityError| BadField::new(path(), problem);
    parse_millicores(&amount.0).map(|millicores| u128::from(millicores.0)).map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(spec: &str) -> Result<Requests, BadField> {
        of_pod(&serde_json::from_str(spec).unwrap())
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
            let spec = format!(
                r#"{{"initContainers":[{}],"containers":[{}]}}"#,
                init.join(","),
                containers.join(",")
            );
            let expected = Requests { memory: Bytes(mebibytes << 20), cpu: Millicores(millicores) };
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
            let expected = Requests { memory: Bytes(mebibytes << 20), cpu: Millicores(millicores) };
            assert_eq!(requests(&spec).unwrap(), expected, "{what}");
        }
    }

    #[test]
    fn a_limit_stands_in_for_a_missing_request_of_the_same_resource() {
        let spec =
            r#"{"containers":[{"resources":{"limits":{"memory":"2Gi","cpu":2},"requests":{"cpu":0.5}}}]}"#;
        assert_eq!(requests(spec).unwrap(), Requests { memory: Bytes(2 << 30), cpu: Millicores(500) });
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
    fn a_sum_above_the_largest_quantity_is_an_error() {
        let spec = r#"{"containers":[{"resources":{"requests":{"memory":"7Ei"}}},{"resources":{"requests":{"memory":"1Ei"}}}]}"#;
        let bad = requests(spec).unwrap_err();
        assert_eq!((bad.field.as_str(), bad.problem), ("spec.containers", FieldProblem::SumTooLarge));
    }
}
