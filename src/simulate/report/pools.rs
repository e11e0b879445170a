//! Pools, zones and kinds of users in the report, if there are several.

use std::io::Result;

use kube_rebalancer_page::{Page, Tone};

use super::line::{WIDTHS, cores, fact, time};
use crate::Simulation;
use crate::cluster::Pool;
use crate::result::{KindResult, PolicyResult};
use crate::scenario::Scenario;

/// Writes the machines of the nodes, a line for each pool.
pub(super) fn nodes(page: &mut Page<'_>, scenario: &Scenario) -> Result<()> {
    let cluster = &scenario.cluster;
    let coming = format!(
        "a node boots in {}, its first user waits {} for the image",
        time(scenario.boot_time),
        time(scenario.image_pull)
    );
    let size = |pool: &Pool| {
        let (machine, room) = (pool.machine, pool.room());
        let of = format!("of which {} and {}", room.memory, cores(room.cpu.0));
        (format!("{} and {} cores each, {of}", machine.memory, cores(machine.cpu.0)), gpus(pool.gpus))
    };
    if let [pool] = cluster.pools.as_slice() {
        fact(page, "nodes", &format!("{} are for users; {coming}", size(pool).0))?;
    } else {
        for (index, pool) in cluster.pools.iter().enumerate() {
            let (size, gpus) = size(pool);
            let for_whom = if cluster.core == Some(index) { "the hub; one node" } else { "users" };
            let label = if index == 0 { "nodes" } else { "" };
            fact(page, label, &format!("{}: {size} are for {for_whom}{gpus}", pool.name))?;
        }
        fact(page, "", &coming)?;
    }
    if cluster.zones > 1 {
        let zones = format!(
            "{}; a returning user needs a node in the zone of their disk, which is the zone of their first node",
            cluster.zones
        );
        fact(page, "zones", &zones)?;
    }
    Ok(())
}

fn gpus(gpus: u64) -> String {
    match gpus {
        0 => String::new(),
        1 => ", with a GPU".to_owned(),
        several => format!(", with {several} GPUs"),
    }
}

/// Writes the users who waited by kind, if there are several kinds.
pub(super) fn kinds(page: &mut Page<'_>, simulation: &Simulation) -> Result<()> {
    let of_kinds = |result: &PolicyResult| {
        let kind = |kind: &KindResult| {
            let longest = kind.wait.map(|wait| format!(", at most {}", time(wait.max))).unwrap_or_default();
            format!("{} {} of {}{longest}", kind.name, kind.waited, kind.users)
        };
        result.kinds.iter().map(kind).collect::<Vec<_>>().join("; ")
    };
    let mut several = simulation.results.iter().filter(|result| !result.kinds.is_empty()).peekable();
    if several.peek().is_none() {
        return Ok(());
    }
    page.line(0, &[(Tone::Dim, "users waited, by kind")])?;
    let [width, ..] = WIDTHS;
    for result in several {
        let name = format!("{:<width$} ", result.name);
        page.paragraph(0, width + 1, (Tone::Plain, &name), (Tone::Plain, &of_kinds(result)))?;
    }
    page.blank()
}
