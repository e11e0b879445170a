//! Sizes of machines: the hardware of each, by the list of what a region sells.
//!
//! The shorter list of `locations/REGION/vmSizes` is deprecated in favor of this one.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{parse_bytes, parse_count};
use kube_rebalancer_join::Hardware;
use kube_rebalancer_rest::{CloudError, Kind};
use serde::Deserialize;

use super::arm::Arm;
use crate::id::is_name;

/// The version of the list.
const VERSION: &str = "2021-07-01";
const MIB: u64 = 1024 * 1024;

/// A size of machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MachineSize {
    /// Its hardware.
    pub(crate) hardware: Hardware,
    /// Whether its processors are of ARM's kind.
    pub(crate) is_arm: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    resource_type: Option<String>,
    name: Option<String>,
    #[serde(default)]
    capabilities: Option<Vec<Capability>>,
}

#[derive(Debug, Deserialize)]
struct Capability {
    name: String,
    value: String,
}

impl Arm {
    /// The hardware of these sizes in a region, by their names in lower case. One that the region does not sell is missing.
    pub(crate) async fn sizes(
        &self,
        subscription: &str,
        location: &str,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, MachineSize>, CloudError> {
        let what = format!("look at the sizes of machines in {location}");
        if !is_name(location) {
            return Err(CloudError::new(Kind::Other, format!("cannot {what}: that is no region")));
        }
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.Compute/skus?$filter=location%20eq%20%27{location}%27"
        );
        let all: Vec<Raw> = self.list(&what, &path, VERSION, false).await?;
        let mut found = BTreeMap::new();
        for one in all {
            let is_machine =
                one.resource_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("virtualMachines"));
            let name = one.name.as_deref().unwrap_or_default().to_ascii_lowercase();
            if is_machine && names.contains(&name) {
                let size = one.size().map_err(|why| {
                    CloudError::new(Kind::Other, format!("cannot {what}: size {name} is without {why}"))
                })?;
                found.insert(name, size);
            }
        }
        Ok(found)
    }
}

impl Raw {
    fn size(&self) -> Result<MachineSize, &'static str> {
        let of = |wanted: &str| {
            let mut all = self.capabilities.iter().flatten();
            all.find(|one| one.name.eq_ignore_ascii_case(wanted)).map(|one| one.value.as_str())
        };
        let count = |name: &str| of(name).and_then(|text| parse_count(text).ok()).filter(|count| *count > 0);
        // A size with a part of its processors, such as E8-4, names that part apart.
        let cpus = count("vCPUsAvailable").or_else(|| count("vCPUs")).ok_or("vCPUs")?;
        let memory = of("MemoryGB").and_then(|text| parse_bytes(&format!("{text}Gi")).ok());
        let memory_mib = memory.map(|bytes| bytes.0 / MIB).filter(|mib| *mib > 0).ok_or("MemoryGB")?;
        let gpus =
            count("GPUs").filter(|_| !is_of_amd(self.name.as_deref().unwrap_or_default())).unwrap_or(0);
        let is_arm = of("CpuArchitectureType").is_some_and(|kind| kind.eq_ignore_ascii_case("Arm64"));
        Ok(MachineSize { hardware: Hardware { memory_mib, cpus, gpus }, is_arm })
    }
}

/// Whether the GPUs of a size are AMD's, which have another resource. The list does not say so.
fn is_of_amd(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_nv4 = name.starts_with("standard_nv") && name.ends_with("as_v4");
    is_nv4 || name.starts_with("standard_ng") || name.contains("v710") || name.contains("mi300x")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, capabilities: &[(&str, &str)]) -> Result<MachineSize, &'static str> {
        let capabilities = capabilities
            .iter()
            .map(|(name, value)| Capability { name: (*name).to_owned(), value: (*value).to_owned() });
        let raw = Raw {
            resource_type: None,
            name: Some(name.to_owned()),
            capabilities: Some(capabilities.collect()),
        };
        raw.size()
    }

    #[test]
    fn a_size_is_read_with_its_hardware() {
        let small = read("Standard_B1s", &[("vCPUs", "1"), ("MemoryGB", "0.5")]).unwrap();
        assert_eq!(small.hardware, Hardware { memory_mib: 512, cpus: 1, gpus: 0 });
        let part =
            [("vCPUs", "8"), ("vCPUsAvailable", "4"), ("MemoryGB", "64"), ("CpuArchitectureType", "x64")];
        assert_eq!(read("Standard_E8-4s_v5", &part).unwrap().hardware.cpus, 4);
        let arm = [("vCPUs", "4"), ("MemoryGB", "16"), ("CpuArchitectureType", "Arm64")];
        assert!(read("Standard_D4ps_v5", &arm).unwrap().is_arm);
        let gpu = [("vCPUs", "4"), ("MemoryGB", "28"), ("GPUs", "1")];
        for (name, gpus) in [
            ("Standard_NC4as_T4_v3", 1),
            ("Standard_NC24ads_A100_v4", 1),
            ("Standard_NV6ads_A10_v5", 1),
            ("Standard_NV4as_v4", 0),
            ("Standard_NV4ads_V710_v5", 0),
        ] {
            assert_eq!(read(name, &gpu).unwrap().hardware.gpus, gpus, "{name}");
        }
        assert_eq!(read("a", &[("vCPUs", "4")]), Err("MemoryGB"));
        assert_eq!(read("a", &[("vCPUs", "many"), ("MemoryGB", "4")]), Err("vCPUs"));
    }
}
