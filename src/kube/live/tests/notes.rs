//! Notes of a provider that no run wrote.

use super::*;

/// The longest note that a run writes and reads.
const LONGEST: usize = 64 << 10;

/// A server whose Lease, held by this run, has a note of this length.
fn server(length: usize) -> String {
    let note = "x".repeat(length);
    let lease = json!({
        "kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": "kube-rebalancer", "namespace": "default", "annotations": {"a/key": note}},
        "spec": {"holderIdentity": "a run"},
    });
    start(move |_| Answer::ok(std::iter::once(lease.to_string())))
}

#[tokio::test]
async fn a_note_that_is_too_long_is_an_error_that_names_its_annotation() {
    let url = server(LONGEST);
    let text = live(&url, &[]).notes().read("a/key").await.unwrap();
    assert_eq!(text.map(|text| text.len()), Some(LONGEST));
    assert_eq!(live(&url, &[]).notes().read("another").await.unwrap(), None);
    let url = server(LONGEST + 1);
    let error = live(&url, &[]).notes().read("a/key").await.unwrap_err();
    let told = "annotation a/key of the Lease default/kube-rebalancer has 65537 bytes, more than any run writes; remove it \
                with: kubectl annotate lease --namespace default kube-rebalancer a/key-";
    assert_eq!(error.to_string(), told);
}

/// A run that wrote it could not read it any more.
#[tokio::test]
async fn a_note_that_no_run_could_read_is_not_written() {
    let url = server(1);
    let live = Live { dry_run: false, ..live(&url, &[]) };
    live.notes().write("a/key", Some(&"x".repeat(LONGEST))).await.unwrap();
    let error = live.notes().write("a/key", Some(&"x".repeat(LONGEST + 1))).await.unwrap_err();
    assert_eq!(error.to_string(), "annotation a/key would have 65537 bytes, and a note has at most 65536");
}
