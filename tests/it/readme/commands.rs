//! Every command of every page is run, or the files and objects that it names are checked.

use std::time::Duration;

use fake_http::Clock;
use fake_http::waiting::until;

use super::checkout::{Checkout, Ran};
use super::names;
use super::page::Page;
use super::way::Way;
use crate::control_plane::ControlPlane;
use crate::objects::{Node, Pod};

/// The time for which a test waits for something that normally takes a moment.
const PATIENCE: Duration = Duration::from_mins(1);

/// Words of commands, with the expected output.
const WRITES: [(&str, &str); 14] = [
    (" simulate", "\nfloor "),
    (" --plot", "<svg "),
    (" settings", "MAX_UTILIZATION"),
    (" schema", "\"$schema\""),
    (" completions", "kube-rebalancer"),
    (" man", ".TH kube-rebalancer 1"),
    // At least two rows: the header, and a user who requested 2 Gi.
    (" trace ", "start,end,memory,cpu\n20"),
    (" trace ", ",2Gi,"),
    (" --from", "\nnodes ("),
    (" --dry-run", "\nnodes (5)"),
    (" --yes", "\nnodes (5)"),
    (" apply ", "cronjob.batch/kube-rebalancer serverside-applied\n"),
    (" kustomize ", "\nkind: CronJob\n"),
    (" create job ", " created\n"),
];

/// The commands of a page, each with its way.
fn commands(page: &Page) -> Vec<(String, Way)> {
    let way = |command: String| match Way::of(&command) {
        Some(way) => (command, way),
        None => {
            unreachable!("{}: no test runs this command, see tests/it/readme/way.rs: {command}", page.name)
        }
    };
    page.commands().into_iter().map(way).collect()
}

/// Checks that a command succeeded, and that its output is the expected one.
#[track_caller]
fn must_have_worked(command: &str, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{command}\n{}\n{}", ran.wrote, ran.told);
    assert!(!ran.told.contains("Warning"), "{command}\n{}", ran.told);
    let expected: Vec<&str> =
        WRITES.iter().filter(|(words, _)| command.contains(words)).map(|(_, text)| *text).collect();
    assert!(!expected.is_empty(), "nobody has said what this command writes: {command}");
    for text in expected {
        assert!(ran.wrote.contains(text), "{command}\ndid not write {text:?}:\n{}\n{}", ran.wrote, ran.told);
    }
}

#[test]
fn every_command_has_a_way_in_which_it_is_run() {
    let count: usize = Page::all().iter().map(|page| commands(page).len()).sum();
    assert!(count > 10, "{count} commands");
}

#[test]
fn what_needs_no_cluster_works() {
    for page in Page::all() {
        let checkout = Checkout::new();
        for (command, _) in commands(&page).into_iter().filter(|(_, way)| *way == Way::Shell) {
            must_have_worked(&command, &checkout.run(&command, ""));
        }
    }
}

/// Five nodes, of which a hub and a user need one each: three are kept, two can be deleted.
fn hub(plane: &ControlPlane) {
    let nodes: Vec<Node> = (0..5).map(|index| Node::new(&format!("n{index}"))).collect();
    plane.create_nodes(&nodes);
    let output = plane.kubectl(&["create", "deployment", "hub", "--image=none"]);
    assert!(output.status.success(), "{output:?}");
    plane.create_namespace("users");
    let ada = Pod::new("users", "jupyter-ada").memory("2Gi").label("hub.jupyter.org/username", "ada");
    plane.create_bound_pod(&ada.on("n1"));
}

#[test]
fn what_needs_a_cluster_works_on_a_real_control_plane() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    hub(&plane);
    for page in Page::all() {
        let checkout = Checkout::on(&plane);
        for (command, way) in commands(&page) {
            match way {
                Way::Cluster if command.contains("$(date") => dump_twice(&checkout, &command),
                Way::Cluster => must_have_worked(&command, &checkout.run(&command, "")),
                Way::Terminal => agree(&checkout, &command),
                Way::Logs => read_logs(&plane, &checkout, &page, &command),
                Way::Shell | Way::Build | Way::Bench | Way::Image | Way::Chart | Way::Role => {}
            }
        }
    }
}

/// A dump whose name has the time, made again as by `cron`: in another second, the minimum for different names.
fn dump_twice(checkout: &Checkout, command: &str) {
    for _ in 0..2 {
        let ran = checkout.run(command, "");
        assert_eq!(ran.code, Some(0), "{command}\n{}", ran.told);
        assert!(ran.wrote.contains("\"jupyter-ada\""), "{command}\n{}", ran.wrote);
        let second = || Clock::real().now().as_second();
        let made = second();
        until("the next dump has another name", PATIENCE, || (second() > made).then_some(())).unwrap();
    }
}

/// On a terminal a person says yes; without a terminal this is not possible, and nothing is changed.
fn agree(checkout: &Checkout, command: &str) {
    let unasked = checkout.run(command, "y\n");
    assert_eq!(unasked.code, Some(2), "{command}\n{}", unasked.told);
    assert!(unasked.told.contains("the plan needs a yes"), "{command}\n{}", unasked.told);
    let Some(asked) = checkout.run_on_a_terminal(command, "y\n") else {
        println!("skipped on a terminal, as there is no `script` to make one: {command}");
        return;
    };
    assert_eq!(asked.code, Some(0), "{command}\n{}", asked.wrote);
    let all_done = |number: usize| format!("actions ({number}), in this order: {number} done");
    assert!((1..9).any(|number| asked.wrote.contains(&all_done(number))), "{command}\n{}", asked.wrote);
}

/// A pod's log is at its kubelet, and kwok, which simulates the kubelets, has none. So kubectl must find the pods and fail
/// at their node; the commands after a pipe read the log that the page shows.
fn read_logs(plane: &ControlPlane, checkout: &Checkout, page: &Page, command: &str) {
    let (logs, reader) = command.split_once(" | ").map_or((command, None), |(one, rest)| (one, Some(rest)));
    if logs.contains("kube-rebalancer") {
        let job = plane.unique("job");
        let from = ["--from=cronjob/kube-rebalancer", "--namespace=kube-rebalancer"];
        let output = plane.kubectl(&[&["create", "job", &job], &from[..]].concat());
        assert!(output.status.success(), "{output:?}");
    }
    plane.wait_until(&format!("only a kubelet is missing for: {logs}"), PATIENCE, || {
        let ran = checkout.run(logs, "");
        ran.told.contains("containerLogs").then_some(())
    });
    if let Some(reader) = reader {
        let shown =
            page.blocks().into_iter().filter(|(kind, block)| *kind == "text" && block.starts_with('['));
        let shown: String = shown.map(|(_, block)| block).collect();
        must_have_worked(reader, &checkout.run(reader, &shown));
    }
}

#[test]
fn what_cannot_be_run_here_names_what_is_there() {
    for page in Page::all() {
        for (command, way) in commands(&page) {
            match way {
                Way::Build => names::build(&command),
                Way::Bench => names::bench(&command),
                Way::Image => names::image(&command),
                Way::Chart => names::chart(&command),
                Way::Role => names::role(&command),
                Way::Shell | Way::Cluster | Way::Terminal | Way::Logs => {}
            }
        }
    }
}
