//! What Azure sells: sizes of machines in a region, among other things.

use fake_http::Answer;
use serde_json::{Value, json};

use crate::answer::json as answer_with;
use crate::call::Call;

/// Name, processors, memory in GB, GPUs, architecture.
const SIZES: [(&str, u32, &str, u32, &str); 5] = [
    ("Standard_B1s", 1, "0.5", 0, "x64"),
    ("Standard_D4ps_v5", 4, "16", 0, "Arm64"),
    ("Standard_D4s_v5", 4, "16", 0, "x64"),
    ("Standard_E8s_v5", 8, "64", 0, "x64"),
    ("Standard_NC4as_T4_v3", 4, "28", 1, "x64"),
];

/// The list of a region; of another one it is empty.
pub(crate) fn answer(call: &Call) -> Answer {
    let filter = call.parameter("$filter").unwrap_or_default();
    let region =
        filter.strip_prefix("location eq '").and_then(|rest| rest.strip_suffix('\'')).unwrap_or_default();
    let disk =
        json!({"resourceType": "disks", "name": "Premium_LRS", "locations": [region], "capabilities": null});
    let sizes = SIZES.iter().map(|size| machine(size, region));
    let all: Vec<Value> = [disk].into_iter().chain(sizes).collect();
    let is_sold = region.eq_ignore_ascii_case("westeurope");
    answer_with(200, &json!({"value": if is_sold { all } else { Vec::new() }}))
}

fn machine((name, cpus, memory, gpus, architecture): &(&str, u32, &str, u32, &str), region: &str) -> Value {
    let mut capabilities = vec![
        json!({"name": "vCPUs", "value": cpus.to_string()}),
        json!({"name": "MemoryGB", "value": memory}),
        json!({"name": "CpuArchitectureType", "value": architecture}),
    ];
    if *gpus > 0 {
        capabilities.push(json!({"name": "GPUs", "value": gpus.to_string()}));
    }
    json!({
        "resourceType": "virtualMachines",
        "name": name,
        "tier": "Standard",
        "size": name.trim_start_matches("Standard_"),
        "locations": [region],
        "locationInfo": [{"location": region, "zones": ["1", "2", "3"]}],
        "capabilities": capabilities,
        "restrictions": [],
    })
}
