//! Reads EC2's answers about launch templates and types of instances. A missing or invalid field is an error with its name.

use aws_smithy_xml::decode::{Document, ScopedDecoder};
use kube_rebalancer_join::Hardware;

use super::convert::Odd;
use super::ec2_answer::{data, field};
use crate::shape::MachineKind;

/// The type of instances in the one version of an answer, if it has one.
pub(super) fn kind_of_template(bytes: &[u8]) -> Result<Option<String>, Odd> {
    let mut versions = Vec::new();
    of_set(bytes, "DescribeLaunchTemplateVersionsResponse", "launchTemplateVersionSet", &mut |item| {
        let mut kind = None;
        while let Some(mut tag) = item.next_tag() {
            if tag.start_el().local() == "launchTemplateData" {
                kind = field(&mut tag, "instanceType")?;
            }
        }
        versions.push(kind.filter(|kind| !kind.is_empty()));
        Ok(())
    })?;
    match <[Option<String>; 1]>::try_from(versions) {
        Ok([kind]) => Ok(kind),
        Err(versions) => Err(format!("it has {} versions, expected 1", versions.len())),
    }
}

/// The types of an answer, and the token of its next page.
pub(super) fn machine_kinds(bytes: &[u8]) -> Result<(Vec<MachineKind>, Option<String>), Odd> {
    let mut kinds = Vec::new();
    let next = of_set(bytes, "DescribeInstanceTypesResponse", "instanceTypeSet", &mut |item| {
        kinds.push(machine_kind(item)?);
        Ok(())
    })?;
    Ok((kinds, next))
}

/// Reads each member of the set of an answer. Returns the token of the next page.
fn of_set(
    bytes: &[u8],
    root_name: &str,
    set_name: &str,
    read: &mut dyn FnMut(&mut ScopedDecoder<'_, '_>) -> Result<(), Odd>,
) -> Result<Option<String>, Odd> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
    let mut document = Document::new(text);
    let mut root = document.root_element().map_err(|error| error.to_string())?;
    if root.start_el().local() != root_name {
        return Err(format!("its element is {}", root.start_el().local()));
    }
    let (mut next, mut has_set) = (None, false);
    while let Some(mut tag) = root.next_tag() {
        let name = tag.start_el().local().to_owned();
        if name == set_name {
            has_set = true;
            while let Some(mut item) = tag.next_tag() {
                read(&mut item)?;
            }
        } else if name == "nextToken" {
            next = Some(data(&mut tag)?).filter(|token| !token.is_empty());
        }
    }
    if has_set { Ok(next) } else { Err(format!("it has no {set_name}")) }
}

fn machine_kind(item: &mut ScopedDecoder<'_, '_>) -> Result<MachineKind, Odd> {
    let (mut name, mut cpus, mut memory) = (String::new(), None, None);
    let (mut gpus, mut interfaces, mut addresses) = (0_u64, None, None);
    let mut architectures: Vec<String> = Vec::new();
    while let Some(mut tag) = item.next_tag() {
        match tag.start_el().local() {
            "instanceType" => name = data(&mut tag)?,
            "vCpuInfo" => cpus = field(&mut tag, "defaultVCpus")?,
            "memoryInfo" => memory = field(&mut tag, "sizeInMiB")?,
            "gpuInfo" => gpus = of_nvidia(&mut tag)?,
            "processorInfo" => {
                while let Some(mut part) = tag.next_tag() {
                    if part.start_el().local() != "supportedArchitectures" {
                        continue;
                    }
                    while let Some(mut one) = part.next_tag() {
                        architectures.push(data(&mut one)?);
                    }
                }
            }
            "networkInfo" => {
                while let Some(mut part) = tag.next_tag() {
                    match part.start_el().local() {
                        "maximumNetworkInterfaces" => interfaces = Some(data(&mut part)?),
                        "ipv4AddressesPerInterface" => addresses = Some(data(&mut part)?),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if name.is_empty() {
        return Err("a type without a name".to_owned());
    }
    let number = |text: Option<String>, what: &str| {
        let number = text.as_deref().and_then(|text| text.parse::<u64>().ok()).filter(|number| *number > 0);
        number.ok_or_else(|| format!("type {name} without {what}"))
    };
    let (cpus, memory_mib) = (number(cpus, "vCpuInfo")?, number(memory, "memoryInfo")?);
    let interfaces = number(interfaces, "maximumNetworkInterfaces")?;
    let addresses = number(addresses, "ipv4AddressesPerInterface")?;
    let is_arm = |architecture: &String| architecture.starts_with("arm64");
    let is_arm = match (architectures.iter().any(is_arm), architectures.iter().all(is_arm)) {
        _ if architectures.is_empty() => None,
        (any, all) => (any == all).then_some(any),
    };
    Ok(MachineKind {
        hardware: Hardware { memory_mib, cpus, gpus },
        is_arm,
        // The first address of an interface is the machine's; two pods use the machine's network.
        pods: interfaces.saturating_mul(addresses - 1).saturating_add(2),
        name,
    })
}

/// The number of Nvidia's GPUs: the ones of others have other resources.
fn of_nvidia(info: &mut ScopedDecoder<'_, '_>) -> Result<u64, Odd> {
    let mut number = 0_u64;
    while let Some(mut part) = info.next_tag() {
        if part.start_el().local() != "gpus" {
            continue;
        }
        while let Some(mut gpu) = part.next_tag() {
            let (mut maker, mut count) = (String::new(), String::new());
            while let Some(mut tag) = gpu.next_tag() {
                match tag.start_el().local() {
                    "manufacturer" => maker = data(&mut tag)?,
                    "count" => count = data(&mut tag)?,
                    _ => {}
                }
            }
            if maker.eq_ignore_ascii_case("nvidia") {
                let count: u64 = count.parse().map_err(|_| format!("a GPU whose count is `{count}`"))?;
                number = number.saturating_add(count);
            }
        }
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<DescribeInstanceTypesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">
  <requestId>f8b86168-d034-4e65-b48d-3b84c78e64af</requestId>
  <instanceTypeSet>
    <item>
      <instanceType>g4dn.xlarge</instanceType><currentGeneration>true</currentGeneration>
      <vCpuInfo><defaultVCpus>4</defaultVCpus><defaultCores>2</defaultCores></vCpuInfo>
      <memoryInfo><sizeInMiB>16384</sizeInMiB></memoryInfo>
      <processorInfo><supportedArchitectures><item>x86_64</item></supportedArchitectures></processorInfo>
      <gpuInfo><gpus><item><name>T4</name><manufacturer>NVIDIA</manufacturer><count>1</count>
        <memoryInfo><sizeInMiB>16384</sizeInMiB></memoryInfo></item></gpus><totalGpuMemoryInMiB>16384</totalGpuMemoryInMiB></gpuInfo>
      <networkInfo><maximumNetworkInterfaces>3</maximumNetworkInterfaces><ipv4AddressesPerInterface>10</ipv4AddressesPerInterface></networkInfo>
    </item>
    <item>
      <instanceType>g4ad.xlarge</instanceType>
      <vCpuInfo><defaultVCpus>4</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>16384</sizeInMiB></memoryInfo>
      <gpuInfo><gpus><item><manufacturer>AMD</manufacturer><count>1</count></item></gpus></gpuInfo>
      <networkInfo><maximumNetworkInterfaces>2</maximumNetworkInterfaces><ipv4AddressesPerInterface>4</ipv4AddressesPerInterface></networkInfo>
    </item>
  </instanceTypeSet>
  <nextToken>more</nextToken>
</DescribeInstanceTypesResponse>";

    #[test]
    fn a_type_is_read_with_its_hardware() {
        let (kinds, next) = machine_kinds(TYPES.as_bytes()).unwrap();
        let [nvidia, amd] = kinds.as_slice() else { panic!("{kinds:?}") };
        assert_eq!(nvidia.hardware, Hardware { memory_mib: 16_384, cpus: 4, gpus: 1 });
        // Three interfaces of ten addresses, less one each, and two pods on the machine's own.
        assert_eq!((&*nvidia.name, nvidia.is_arm, nvidia.pods), ("g4dn.xlarge", Some(false), 29));
        assert_eq!((amd.hardware.gpus, amd.is_arm, amd.pods), (0, None, 8));
        assert_eq!(next.as_deref(), Some("more"));
        for (from, to, odd) in [
            (
                "<sizeInMiB>16384</sizeInMiB></memoryInfo>\n      <proc",
                "</memoryInfo>\n      <proc",
                "type g4dn.xlarge without memoryInfo",
            ),
            (
                "<defaultVCpus>4</defaultVCpus><defaultCores>",
                "<defaultVCpus>0</defaultVCpus><defaultCores>",
                "type g4dn.xlarge without vCpuInfo",
            ),
            ("<instanceType>g4ad.xlarge</instanceType>", "", "a type without a name"),
            ("<count>1</count>\n", "<count>one</count>\n", "a GPU whose count is `one`"),
            ("instanceTypeSet>", "otherSet>", "it has no instanceTypeSet"),
        ] {
            assert_eq!(machine_kinds(TYPES.replace(from, to).as_bytes()).unwrap_err(), odd, "{from}");
        }
    }

    #[test]
    fn a_launch_template_has_a_type_or_none() {
        let answer = |data: &str| {
            format!(
                "<DescribeLaunchTemplateVersionsResponse><launchTemplateVersionSet>{data}</launchTemplateVersionSet>\
                 </DescribeLaunchTemplateVersionsResponse>"
            )
        };
        let version = |data: &str| {
            format!(
                "<item><versionNumber>3</versionNumber><launchTemplateData>{data}</launchTemplateData></item>"
            )
        };
        let with = version("<imageId>ami-1</imageId><instanceType>m5.large</instanceType>");
        let read = |text: &str| kind_of_template(answer(text).as_bytes());
        assert_eq!(read(&with), Ok(Some("m5.large".to_owned())));
        assert_eq!(read(&version("<imageId>ami-1</imageId>")), Ok(None));
        assert_eq!(read(""), Err("it has 0 versions, expected 1".to_owned()));
        assert_eq!(read(&[with.clone(), with].concat()), Err("it has 2 versions, expected 1".to_owned()));
        assert_eq!(kind_of_template(b"<html></html>"), Err("its element is html".to_owned()));
    }
}
