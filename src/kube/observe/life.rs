//! Reads the lives of pods, which a plan never asks for and a trace is made of.

use kube_rebalancer_ports::PodLife;
use kube_rebalancer_ports::Source;

use super::collector::Collector;
use super::error::ReadError;
use super::file;

/// Reads the pods of a dump in JSON with their lives. Other objects are passed over.
pub fn read_lives(source: &Source) -> Result<Vec<PodLife>, ReadError> {
    let mut collector = Collector::of_lives();
    file::read_source(source, &mut collector)?;
    Ok(collector.into_lives())
}
