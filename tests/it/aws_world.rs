//! A cluster whose nodes are the instances of a fake Auto Scaling group: an instance in service registers its Node; a
//! terminating or stopped one is no longer Ready, and Ready again once its machine runs; the Node of a deleted one is deleted, as
//! by kubelets and a cloud controller.
//!
//! ```text
//!   FakeAsg ── instances ──> a thread that looks again and again ── register, stop, start, remove ──> Cluster
//! ```

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use fake_asg::{FakeAsg, Instance};
use fake_http::waiting;

use crate::kubelets::Cluster;
use crate::objects::Node;

/// Between two looks of the thread.
const PAUSE: Duration = Duration::from_millis(10);
/// The time limit for a step that usually takes a moment, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The connected world. Dropping it does not change the cloud or the cluster.
#[derive(Debug)]
pub(crate) struct AwsWorld {
    asg: Arc<FakeAsg>,
    group: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// The number of the thread's reads.
    looks: AtomicUsize,
}

impl AwsWorld {
    /// Joins the two.
    pub(crate) fn join<C>(asg: Arc<FakeAsg>, group: &str, cluster: C) -> Self
    where
        C: Deref<Target: Cluster> + Send + 'static,
    {
        let shared = Arc::new(Shared::default());
        let (own, own_asg, own_group) = (Arc::clone(&shared), Arc::clone(&asg), group.to_owned());
        let thread = std::thread::spawn(move || {
            // By the names of nodes: whether the kubelet runs.
            let mut kubelets: BTreeMap<String, bool> = BTreeMap::new();
            while !own.stop.load(Ordering::Relaxed) {
                let instances = own_asg.group(&own_group).unwrap().instances;
                let there: BTreeMap<String, &Instance> =
                    instances.iter().map(|one| (node_name(&one.id), one)).collect();
                kubelets.retain(|name, _| {
                    let stays = there.contains_key(name);
                    if !stays {
                        cluster.remove(name);
                    }
                    stays
                });
                for (name, one) in &there {
                    let runs = runs(one);
                    match kubelets.get(name).copied() {
                        None if one.lifecycle == "InService" => {
                            cluster.register(&node_of(&one.id, &one.zone));
                        }
                        Some(true) if !runs => cluster.stop(name),
                        Some(false) if runs => cluster.start(name),
                        None => continue,
                        Some(_) => {}
                    }
                    kubelets.insert(name.clone(), runs);
                }
                own.looks.fetch_add(1, Ordering::Release);
                waiting::take(PAUSE);
            }
        });
        Self { asg, group: group.to_owned(), shared, thread: Some(thread) }
    }

    /// The nodes whose instances run or will run, and are not terminating. A new one may register before a test has read it.
    pub(crate) fn running(&self) -> Vec<String> {
        let instances = self.asg.group(&self.group).unwrap().instances.into_iter();
        let stays = |one: &Instance| matches!(one.lifecycle.as_str(), "InService" | "Pending");
        instances.filter(stays).map(|one| node_name(&one.id)).collect()
    }

    /// Waits until nothing is under way in the group, and until the nodes have followed.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let settled = || {
            let instances = self.asg.group(&self.group).unwrap().instances;
            instances.iter().all(is_at_rest).then_some(())
        };
        waiting::until("nothing is under way in the group", PATIENCE, settled).unwrap();
        // The look that is under way may have begun before this moment.
        let enough = self.shared.looks.load(Ordering::Acquire) + 2;
        let caught_up = || (self.shared.looks.load(Ordering::Acquire) >= enough).then_some(());
        waiting::until("the nodes follow the instances", PATIENCE, caught_up).unwrap();
    }
}

/// Whether a kubelet runs on an instance, in standby too.
fn runs(one: &Instance) -> bool {
    one.power == "running" && !one.lifecycle.starts_with("Terminating")
}

fn is_at_rest(one: &Instance) -> bool {
    one.lifecycle == "InService" || (one.lifecycle == "Standby" && matches!(one.power, "running" | "stopped"))
}

/// The name of an instance's node: AWS's default, from its address.
pub(crate) fn node_name(id: &str) -> String {
    let number = u64::from_str_radix(id.trim_start_matches("i-"), 16).unwrap();
    format!("ip-10-{}-{}-{}.ec2.internal", (number >> 16) % 256, (number >> 8) % 256, number % 256)
}

/// The Node of an instance, as the cloud controller and the kubelet describe it, with 8 GiB and 4 processors.
pub(crate) fn node_of(id: &str, zone: &str) -> Node {
    let name = node_name(id);
    Node::new(&name)
        .on_aws(zone, id)
        .label("kubernetes.io/hostname", &name)
        .label("topology.kubernetes.io/region", "us-east-1")
        .label("eks.amazonaws.com/nodegroup", "users")
}

/// The environment with which a run uses the fake, and no profiles of the user.
pub(crate) fn environment(asg: &FakeAsg) -> [(&'static str, String); 6] {
    [
        ("AWS_ENDPOINT_URL", asg.url()),
        ("AWS_ACCESS_KEY_ID", "AKIAFAKE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "s3cret-access-key".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
    ]
}

impl Drop for AwsWorld {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let joined = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = joined
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}
