//! EC2: launch templates, and types of instances.

use crate::answer::Refusal;
use crate::call::Call;
use crate::steps::Engine;
use crate::xml::{items, leaf, maybe, nest};

/// A launch template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaunchTemplate {
    /// The type of instances in each version, from version 1 on.
    pub versions: Vec<Option<String>>,
    /// The default version.
    pub default: usize,
}

impl LaunchTemplate {
    /// A template of these versions. The first is the default one.
    #[must_use]
    pub fn of(versions: &[Option<&str>]) -> Self {
        Self { versions: versions.iter().map(|kind| kind.map(str::to_owned)).collect(), default: 1 }
    }
}

/// A type of instances.
struct Kind {
    name: &'static str,
    cpus: u32,
    memory_mib: u32,
    /// Maker and number of its GPUs.
    gpus: Option<(&'static str, u32)>,
    architecture: &'static str,
    /// Its network interfaces, and the addresses of each.
    network: (u32, u32),
}

/// Some types as EC2 shows them.
const KINDS: [Kind; 6] = [
    Kind {
        name: "g4ad.xlarge",
        cpus: 4,
        memory_mib: 16_384,
        gpus: Some(("AMD", 1)),
        architecture: "x86_64",
        network: (2, 4),
    },
    Kind {
        name: "g4dn.xlarge",
        cpus: 4,
        memory_mib: 16_384,
        gpus: Some(("NVIDIA", 1)),
        architecture: "x86_64",
        network: (3, 10),
    },
    Kind {
        name: "m5.large",
        cpus: 2,
        memory_mib: 8192,
        gpus: None,
        architecture: "x86_64",
        network: (3, 10),
    },
    Kind {
        name: "m5.xlarge",
        cpus: 4,
        memory_mib: 16_384,
        gpus: None,
        architecture: "x86_64",
        network: (4, 15),
    },
    Kind {
        name: "m6g.4xlarge",
        cpus: 16,
        memory_mib: 65_536,
        gpus: None,
        architecture: "arm64",
        network: (8, 30),
    },
    Kind {
        name: "r5.2xlarge",
        cpus: 8,
        memory_mib: 65_536,
        gpus: None,
        architecture: "x86_64",
        network: (4, 15),
    },
];

impl Engine {
    pub(crate) fn describe_template_versions(&self, call: &Call) -> Result<Vec<String>, Refusal> {
        let by_id = call.parameter("LaunchTemplateId");
        let by_name = call.parameter("LaunchTemplateName");
        let id = by_id.or_else(|| by_name?.strip_prefix("of-")).unwrap_or_default();
        let template = self.templates.get(id).ok_or_else(|| match by_name {
            Some(name) => Refusal(
                400,
                "InvalidLaunchTemplateName.NotFoundException",
                format!("The specified launch template, with template name {name}, does not exist."),
            ),
            None => Refusal(
                400,
                "InvalidLaunchTemplateId.NotFound",
                format!("The specified launch template, with template ID {id}, does not exist."),
            ),
        })?;
        let asked: Vec<&str> =
            (1..).map_while(|at| call.parameter(&format!("LaunchTemplateVersion.{at}"))).collect();
        let mut shown = Vec::new();
        for version in asked {
            let number = match version {
                "$Default" => template.default,
                "$Latest" => template.versions.len(),
                number => number.parse().unwrap_or_default(),
            };
            let kind = number.checked_sub(1).and_then(|at| template.versions.get(at)).ok_or_else(|| {
                let words = format!(
                    "Could not find the specified version {version} for the launch template with ID {id}."
                );
                Refusal(400, "InvalidLaunchTemplateId.VersionNotFound", words)
            })?;
            let data = [leaf("imageId", "ami-0123456789abcdef0"), maybe("instanceType", kind.as_ref())];
            shown.push(
                [
                    leaf("launchTemplateId", id),
                    leaf("launchTemplateName", format!("of-{id}")),
                    leaf("versionNumber", number),
                    leaf("createTime", "2026-01-01T00:00:00.000Z"),
                    leaf("defaultVersion", number == template.default),
                    nest("launchTemplateData", &data),
                ]
                .concat(),
            );
        }
        Ok(vec![items("launchTemplateVersionSet", shown)])
    }
}

/// The types that are named or filtered, by pages.
pub(crate) fn describe_types(call: &Call, largest: usize) -> Result<Vec<String>, Refusal> {
    let by_filter = call.parameter("Filter.1.Name") == Some("instance-type");
    let prefix = if by_filter { "Filter.1.Value" } else { "InstanceType" };
    let names: Vec<&str> = (1..).map_while(|at| call.parameter(&format!("{prefix}.{at}"))).collect();
    let unknown: Vec<&str> =
        names.iter().copied().filter(|name| KINDS.iter().all(|kind| kind.name != *name)).collect();
    if !by_filter && !unknown.is_empty() {
        let words = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(Refusal(400, "InvalidInstanceType", words));
    }
    let all: Vec<&Kind> = KINDS.iter().filter(|kind| names.contains(&kind.name)).collect();
    let start: usize = call.parameter("NextToken").and_then(|token| token.parse().ok()).unwrap_or_default();
    let next = (start + largest < all.len()).then(|| start + largest);
    let shown = all.into_iter().skip(start).take(largest).map(kind);
    Ok(vec![items("instanceTypeSet", shown), maybe("nextToken", next)])
}

fn kind(kind: &Kind) -> String {
    let gpus = kind.gpus.map(|(maker, count)| {
        let memory = nest("memoryInfo", &[leaf("sizeInMiB", 16_384)]);
        let gpu = [leaf("name", "T4"), leaf("manufacturer", maker), leaf("count", count), memory].concat();
        nest("gpuInfo", &[items("gpus", [gpu]), leaf("totalGpuMemoryInMiB", 16_384 * count)])
    });
    let (interfaces, addresses) = kind.network;
    [
        leaf("instanceType", kind.name),
        leaf("currentGeneration", true),
        nest(
            "processorInfo",
            &[
                items("supportedArchitectures", [kind.architecture.to_owned()]),
                leaf("sustainedClockSpeedInGhz", 3.1),
            ],
        ),
        nest("vCpuInfo", &[leaf("defaultVCpus", kind.cpus), leaf("defaultCores", kind.cpus.div_ceil(2))]),
        nest("memoryInfo", &[leaf("sizeInMiB", kind.memory_mib)]),
        nest(
            "networkInfo",
            &[leaf("maximumNetworkInterfaces", interfaces), leaf("ipv4AddressesPerInterface", addresses)],
        ),
        gpus.unwrap_or_default(),
    ]
    .concat()
}
