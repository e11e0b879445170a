//! The usage of pods on one line, and the number of pods without valid samples on the next.

use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::plan::Used;
use kube_rebalancer_page::count;

use super::amount::amount;

/// `memory requested 57.5Gi, used 31.2Gi; cpu requested 20.0 cores, used 3.1 cores`.
pub(super) fn amounts(used: &Used) -> String {
    let of = |resource: Resource| {
        let unit = match resource {
            Resource::Memory => "",
            Resource::Cpu => " cores",
        };
        let [requested, used] = [&used.requested, &used.used]
            .map(|amounts| format!("{}{unit}", amount(resource, amounts.of(resource))));
        format!("{resource} requested {requested}, used {used}")
    };
    format!("{}; {}", of(Resource::Memory), of(Resource::Cpu))
}

/// `by 37 pods; 3 count by their requests: 2 without metrics, 1 with old ones`.
pub(super) fn pods(used: &Used) -> String {
    let measured = format!("by {}", count(used.measured, "pod"));
    match used.unmeasured_pods() {
        0 => measured,
        pods => {
            let reasons: Vec<String> =
                used.unmeasured.iter().map(|(why, pods)| format!("{pods} {why}")).collect();
            let verb = if pods == 1 { "counts by its requests" } else { "count by their requests" };
            format!("{measured}; {pods} {verb}: {}", reasons.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube_rebalancer_core::model::{Amounts, Bytes, Millicores};
    use kube_rebalancer_core::plan::Unmeasured;

    #[test]
    fn usage_is_told_beside_the_requests_of_the_same_pods() {
        let gibi = |tenths: u64| Bytes((tenths << 30) / 10);
        let mut used = Used {
            measured: 37,
            requested: Amounts::pod(gibi(575), Millicores(20_000)),
            used: Amounts::pod(gibi(312), Millicores(3100)),
            ..Used::default()
        };
        assert_eq!(
            amounts(&used),
            "memory requested 57.5Gi, used 31.2Gi; cpu requested 20.0 cores, used 3.1 cores"
        );
        assert_eq!(pods(&used), "by 37 pods");
        used.unmeasured = [(Unmeasured::Missing, 2), (Unmeasured::Stale, 1)].into();
        assert_eq!(pods(&used), "by 37 pods; 3 count by their requests: 2 without metrics, 1 with old ones");
        used.unmeasured = [(Unmeasured::Absurd, 1)].into();
        assert_eq!(pods(&used), "by 37 pods; 1 counts by its requests: 1 with impossible ones");
    }
}
