//! Which Leases keep a run out.

use serde_json::json;

use super::program::Program;
use super::world::{self, LEASES, holder};

/// The Lease of another holder, renewed at that time for that number of seconds; the server's clock shows 09:00.
fn run_beside(renewed: &str, seconds: i32) -> (Option<i32>, Option<String>) {
    let fake = world::start();
    let spec = json!({"holderIdentity": "mallory", "renewTime": renewed, "leaseDurationSeconds": seconds});
    let lease = json!({"metadata": {"name": "kube-rebalancer"}, "spec": spec});
    fake.client().post(LEASES, &lease).success();
    fake.set_date("Thu, 15 Jan 2026 09:00:00 GMT");
    let ran = Program::new(&fake, "60s").run(&["--yes"]);
    (ran.code, holder(&fake))
}

#[test]
fn a_lease_keeps_a_run_out_for_as_long_as_a_run_can_last_and_no_longer() {
    let mallory = Some("mallory".to_owned());
    assert_eq!(run_beside("2026-01-15T08:59:00.000000Z", 330), (Some(4), mallory.clone()));
    assert_eq!(run_beside("2026-01-15T08:59:00.000000Z", 86_400), (Some(4), mallory));
    // It is over; it is of the future; it claims more than a run can last. Each is taken over and given back.
    assert_eq!(run_beside("2026-01-15T08:54:00.000000Z", 330), (Some(0), None));
    assert_eq!(run_beside("9999-12-30T00:00:00.000000Z", 330), (Some(0), None));
    assert_eq!(run_beside("2026-01-15T08:59:00.000000Z", i32::MAX), (Some(0), None));
}
