//! Dry runs of two builds on one real API server, in turns: what each costs the server, the wire and the clock.
//!
//! ```text
//!   PROGRAM=target/release/kube-rebalancer OTHER=../0.1.0/target/release/kube-rebalancer NODES=1000 PODS=20000 \
//!     REQUIRE_CONTROL_PLANE=true cargo test --test it live::side_by_side -- --ignored --nocapture
//! ```
//!
//! A relay between a program and the server counts the bytes that the server sends. Controllers, scheduler and kwok end before
//! the first run, so that the server works for the runs alone. Its processor time is that of `kube-apiserver` and `etcd`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Program;
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};

const ROUNDS: usize = 5;
const WORKERS: usize = 8;
/// The number of variables of a notebook.
const VARIABLES: usize = 40;

/// The cost of one run.
struct Cost {
    server: Duration,
    bytes: u64,
    wall: Duration,
}

#[test]
#[ignore = "a measurement: it prints a table"]
fn two_builds_on_one_server() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let (nodes, pods) = (number("NODES", 1000), number("PODS", 20_000));
    fill(&plane, nodes, pods);
    for idle in ["kwok", "kube-scheduler", "kube-controller-manager"] {
        plane.end(idle);
    }
    let counted = Arc::new(AtomicU64::new(0));
    let address = plane.url().strip_prefix("https://").unwrap();
    let relay = relay(address, &counted);
    let program = Program::new(&plane, &Identity::Admin).with("PREEMPTIBLE_LABELS", "user");
    let config = std::fs::read_to_string(&program.kubeconfig).unwrap();
    std::fs::write(&program.kubeconfig, config.replace(address, &relay)).unwrap();

    let programs = [
        text("PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_kube-rebalancer").to_owned()),
        text("OTHER").expect("OTHER names the program to compare with"),
    ];
    let mut costs = programs.each_ref().map(|_| Vec::new());
    for round in 0..=ROUNDS {
        for (path, costs) in programs.iter().zip(&mut costs) {
            let cost = measure(&plane, &counted, path, &program);
            // The first round fills caches.
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    println!("{nodes} nodes, {pods} pods; medians of {ROUNDS} runs in turns, least and greatest");
    for (path, costs) in programs.iter().zip(&costs) {
        let server = spread(costs, |cost| cost.server.as_millis());
        let bytes = spread(costs, |cost| u128::from(cost.bytes >> 10));
        let wall = spread(costs, |cost| cost.wall.as_millis());
        println!("{path}\n  server CPU {server} ms, received {bytes} KiB, wall {wall} ms");
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures the time of a clock on the wall")]
fn measure(plane: &ControlPlane, counted: &AtomicU64, path: &str, program: &Program<'_>) -> Cost {
    let (before, bytes, start) = (server_time(plane), counted.load(Ordering::SeqCst), Instant::now());
    let mut command = Command::new(path);
    let output = command
        .args(["--dry-run", "--output", "json"])
        .env_clear()
        .env("KUBECONFIG", &program.kubeconfig)
        .env("HOME", plane.directory())
        .env("MAX_NODES", "2000")
        .envs(program.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let wall = start.elapsed();
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    let server = server_time(plane).checked_sub(before).unwrap();
    Cost { server, bytes: counted.load(Ordering::SeqCst) - bytes, wall }
}

/// Nodes, and pods that run on them, made through the API; each pod is as large as a notebook's.
fn fill(plane: &ControlPlane, nodes: usize, pods: usize) {
    let name = |index: usize| format!("n{:05}", index % nodes);
    let made: Vec<Node> = (0..nodes).map(|index| Node::new(&name(index)).memory("64Gi").cpu("16")).collect();
    plane.create_nodes(&made);
    plane.create_namespace("hub");
    let variables: Vec<Value> = (0..VARIABLES)
        .map(|index| json!({"name": format!("JUPYTERHUB_{index}"), "value": format!("https://hub/{index}")}))
        .collect();
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (variables, name) = (&variables, &name);
            scope.spawn(move || {
                for index in (worker..pods).step_by(WORKERS) {
                    let user = format!("user-{index}");
                    let pod = Pod::new("hub", &user).memory("2Gi").cpu("100m").label("user", &user);
                    let mut pod = pod.on(&name(index)).json();
                    pod["spec"]["containers"][0]["env"] = json!(variables);
                    plane.admin().post("/api/v1/namespaces/hub/pods", &pod).success();
                }
            });
        }
    });
    let last = "/api/v1/namespaces/hub/pods?limit=1&fieldSelector=status.phase%21%3DRunning";
    plane.wait_until("all pods run", Duration::from_mins(10), || {
        plane.admin().get(last).success()["items"].as_array().unwrap().is_empty().then_some(())
    });
}

/// The processor time so far of the API server and its store.
fn server_time(plane: &ControlPlane) -> Duration {
    let ids = plane.process_ids();
    let ticks: u64 = ids.into_iter().filter_map(ticks_of).sum();
    Duration::from_millis(ticks * 10)
}

/// The hundredths of a second that a process has worked, if it is one of the two.
fn ticks_of(id: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11).map_while(|field| field.parse::<u64>().ok());
    ["kube-apiserver", "etcd"].contains(&name).then_some(fields.next()? + fields.next()?)
}

/// Passes connections on to the server, and counts the bytes of its answers. It ends with the process.
fn relay(server: &str, counted: &Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (server, counted) = (server.to_owned(), Arc::clone(counted));
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(&server).unwrap();
            let (to, from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let counted = Arc::clone(&counted);
            thread::spawn(move || pass(from, to, &AtomicU64::new(0)));
            thread::spawn(move || pass(server, client, &counted));
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream, counted: &AtomicU64) -> Option<()> {
    let mut piece = vec![0; 1 << 18];
    while let Some(length) = from.read(&mut piece).ok().filter(|length| *length > 0) {
        to.write_all(&piece[..length]).ok()?;
        counted.fetch_add(u64::try_from(length).ok()?, Ordering::SeqCst);
    }
    to.shutdown(Shutdown::Write).ok()
}

fn spread(costs: &[Cost], of: impl Fn(&Cost) -> u128) -> String {
    let mut all: Vec<u128> = costs.iter().map(of).collect();
    all.sort_unstable();
    format!("{} ({}-{})", all[all.len() / 2], all[0], all[all.len() - 1])
}

#[expect(clippy::disallowed_methods, reason = "whoever measures names the programs and the sizes")]
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str, otherwise: usize) -> usize {
    text(name).map_or(otherwise, |text| text.parse().unwrap())
}
