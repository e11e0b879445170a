//! The messages of a live run at their receivers.

use std::net::TcpListener;
use std::sync::mpsc;

use fake_http::{Outcome, serve, whole};
use hyper::{Method, Response};
use serde_json::Value;

use crate::fake_api::{FakeApi, Fault, Requests, Resource};
use crate::objects::{Node, Pod};

struct World {
    api: FakeApi,
    home: tempfile::TempDir,
    hook: Receiver,
}

/// A receiver on this machine.
struct Receiver {
    url: String,
    got: mpsc::Receiver<String>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/T0/B0/s3cr3t", listener.local_addr().unwrap());
        let (send, got) = mpsc::channel();
        let task = serve(listener, move |head, body| {
            send.send(format!("{} {}\n{}", head.method, head.uri, String::from_utf8_lossy(body))).ok();
            Outcome::Answer(Response::new(whole("")))
        });
        drop(task.unwrap()); // it goes on until the process ends
        Self { url, got }
    }

    /// The bodies that have arrived. A run waits for the answers, so all have arrived at its end.
    fn bodies(&self) -> Vec<Value> {
        let bodies = self.got.try_iter().map(|got| got.split_once('\n').unwrap().1.to_owned());
        bodies.map(|body| serde_json::from_str(&body).unwrap()).collect()
    }
}

/// Two nodes of 8Gi within the band, and a pod that fits on neither.
fn world() -> World {
    let api = FakeApi::start();
    api.add_namespace("hub");
    api.add_namespace("default");
    for name in ["n0", "n1"] {
        api.add_node(&Node::new(name));
        api.add_pod(&Pod::new("hub", &format!("on-{name}")).label("user", "a").memory("6Gi").on(name));
    }
    api.add_pod(&Pod::new("hub", "huge").label("user", "b").memory("900Gi").unschedulable());
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("kubeconfig"), api.kubeconfig()).unwrap();
    World { api, home, hook: Receiver::start() }
}

impl World {
    fn run(&self, time: &str, arguments: &[&str]) -> (Option<i32>, String) {
        self.api.set_date(&format!("Thu, 15 Jan 2026 {time} GMT"));
        let output = self.command().args(arguments).output().unwrap();
        let all = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&all).into_owned())
    }

    fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"));
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .env("PREEMPTIBLE_LABELS", "user")
            .env("MIN_NODES", "1")
            .env("PACK", "false")
            .env("NOTIFY_URL", &self.hook.url)
            .env("METRICS_FILE", self.metrics());
        command
    }

    fn metrics(&self) -> std::path::PathBuf {
        self.home.path().join("rebalancer.prom")
    }

    fn metric(&self, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.metrics()).unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))
    }
}

fn keys(body: &Value) -> Vec<&str> {
    body["warnings"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect()
}

#[test]
fn a_trouble_is_reported_when_it_is_new_and_once_an_hour_while_it_lasts() {
    let world = world();
    let (code, output) = world.run("09:10:00", &["--yes"]);
    assert_eq!(code, Some(0), "{output}");
    let bodies = world.hook.bodies();
    assert_eq!(bodies.len(), 1, "{output}");
    assert!(keys(&bodies[0]).contains(&"FitsNowhere"), "{bodies:?}");
    assert_eq!(world.run("09:13:00", &["--yes"]).0, Some(0));
    assert_eq!(world.hook.bodies(), Vec::<Value>::new());
    assert_eq!(world.run("10:11:00", &["--yes"]).0, Some(0));
    assert_eq!(world.hook.bodies().len(), 1);
}

#[test]
fn where_nothing_can_be_noted_a_trouble_does_not_come_with_every_run() {
    let world = world();
    world.api.fail(Requests::of(Method::PATCH, "/configmaps/"), Fault::Forbidden);
    for (time, messages) in [("09:02:00", 1), ("09:10:00", 0), ("09:59:00", 0), ("10:01:00", 1)] {
        let (code, output) = world.run(time, &["--yes"]);
        assert_eq!((code, world.hook.bodies().len()), (Some(0), messages), "{time}: {output}");
    }
}

#[test]
fn a_dry_run_reports_nothing() {
    let world = world();
    for dry_run in ["--dry-run", "--dry-run=server"] {
        assert_eq!(world.run("09:02:00", &[dry_run]).0, Some(0));
        assert_eq!(world.hook.bodies(), Vec::<Value>::new(), "{dry_run}");
        assert!(!world.metrics().exists(), "{dry_run}");
    }
}

#[test]
fn a_run_that_cannot_see_the_cluster_is_a_failure_in_the_metrics_and_a_message() {
    let world = world();
    world.api.fail(Requests::of(Method::GET, "/api/v1/pods"), Fault::Forbidden);
    let (code, output) = world.run("09:02:00", &["--yes"]);
    assert_eq!(code, Some(3), "{output}");
    assert_eq!(keys(&world.hook.bodies()[0]), ["RunFailed"]);
    assert_eq!(world.metric("kube_rebalancer_last_run_success").as_deref(), Some("0"));
    assert_eq!(world.metric("kube_rebalancer_last_run_exit_code").as_deref(), Some("3"));
    assert_eq!(world.metric("kube_rebalancer_waiting_pods{pool=\"\"}"), None);
}

#[test]
fn the_metrics_are_those_of_the_plan() {
    let world = world();
    assert_eq!(world.run("09:02:00", &["--yes"]).0, Some(0));
    for (name, value) in [
        ("kube_rebalancer_last_run_success", "1"),
        ("kube_rebalancer_nodes{pool=\"\",state=\"serving\"}", "2"),
        ("kube_rebalancer_utilization_ratio{pool=\"\",resource=\"memory\"}", "0.750000"),
        ("kube_rebalancer_utilization_bound_ratio{bound=\"max\",pool=\"\"}", "0.850000"),
        ("kube_rebalancer_requested_memory_bytes{pool=\"\"}", "12884901888"),
        ("kube_rebalancer_warnings{reason=\"FitsNowhere\"}", "1"),
    ] {
        assert_eq!(world.metric(name).as_deref(), Some(value), "{name}");
    }
    let entries = std::fs::read_dir(world.home.path()).unwrap().count();
    assert_eq!(entries, 2, "the kubeconfig and the file of metrics");
}

#[test]
fn a_file_that_cannot_be_written_and_a_dead_receiver_fail_no_run() {
    let world = world();
    world.api.set_date("Thu, 15 Jan 2026 09:02:00 GMT");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = world
        .command()
        .env("METRICS_FILE", "/no/such/folder/rebalancer.prom")
        .env("PUSHGATEWAY_URL", format!("http://{nobody}"))
        .arg("--yes")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("METRICS_FILE: /no/such/folder/rebalancer.prom is not written"), "{log}");
    assert!(log.contains("PUSHGATEWAY_URL: the message was not delivered: no connection"), "{log}");
    assert_eq!(world.hook.bodies().len(), 1, "the other receiver gets its message");
}

#[test]
fn an_address_is_a_secret_that_no_output_shows() {
    let world = world();
    let (_, output) = world.run("09:02:00", &["--yes", "-o", "json"]);
    assert!(!output.contains("s3cr3t"), "{output}");
    let settings = |variable: &str, value: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(["settings", "-o", "json"])
            .env_clear()
            .env(variable, value)
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    for variable in ["NOTIFY_URL", "SLACK_WEBHOOK_URL"] {
        for value in
            ["https://hooks.example.com/s3cr3t", "hooks.example.com/s3cr3t", "https://me:s3cr3t@host/"]
        {
            let shown = settings(variable, value);
            assert!(!shown.contains("s3cr3t") && shown.contains(variable), "{shown}");
        }
    }
    for value in ["s3cr3t", "s3cr3t s3cr3t"] {
        let shown = settings("NOTIFY_SECRET", value);
        assert!(!shown.contains("s3cr3t") && shown.contains("NOTIFY_SECRET"), "{shown}");
    }
    // Other users of a machine can read a command line, so there is no flag.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .args(["--notify-secret", "x"])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// Their messages are kept in the folder that `tests/monitoring/try` names.
#[test]
fn both_channels_and_the_gateway_hear_of_a_run() {
    let world = world();
    let (slack, gateway) = (Receiver::start(), Receiver::start());
    world.api.set_date("Thu, 15 Jan 2026 09:10:00 GMT");
    let output = world
        .command()
        .env("SLACK_WEBHOOK_URL", &slack.url)
        .env("PUSHGATEWAY_URL", &gateway.url)
        .env("DASHBOARD_URL", "https://grafana.example.com/d/1")
        .arg("--yes")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(world.hook.bodies()[0]["dashboard"], "https://grafana.example.com/d/1");
    let blocks = slack.bodies();
    assert_eq!(blocks[0]["blocks"][0]["type"], "header");
    let metrics = std::fs::read_to_string(world.metrics()).unwrap();
    let pushed = gateway.got.try_iter().next().unwrap();
    assert!(
        pushed.starts_with("PUT /T0/B0/s3cr3t/metrics/job/kube-rebalancer/lease/kube-rebalancer\n"),
        "{pushed}"
    );
    assert!(pushed.ends_with(&metrics), "{pushed}");
    #[expect(clippy::disallowed_methods, reason = "the script that calls this test names a folder")]
    if let Some(folder) = std::env::var_os("MONITORING_OUT").map(std::path::PathBuf::from) {
        std::fs::write(folder.join("run.prom"), metrics).unwrap();
        std::fs::write(folder.join("slack.json"), blocks[0].to_string()).unwrap();
    }
}

/// A change is reported each time, and the note of a problem does not suppress it.
#[test]
fn a_change_is_reported() {
    let world = world();
    world.api.add_node(&Node::new("n2"));
    world.api.add_node(&Node::new("n3"));
    let (code, output) = world.run("09:10:00", &["--yes"]);
    assert_eq!(code, Some(0), "{output}");
    let bodies = world.hook.bodies();
    let done: Vec<&str> =
        bodies[0]["done"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(done, ["cordon node n3", "cordon node n2"], "{output}");
    assert!(world.api.get(Resource::Nodes, None, "n3").unwrap()["spec"]["unschedulable"] == true);
}
