//! The IDs of AWS's instances.

use std::fmt;

use kube_rebalancer_core::model::Node;
use kube_rebalancer_join::Identity;

/// The ID of an instance, such as `i-0a1b2c3d4e5f67890`: no other instance ever has it, in any zone or account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceId(String);

impl InstanceId {
    /// The length of what follows `i-`, of old and of today's IDs.
    const LENGTHS: [usize; 2] = [8, 17];

    /// Reads an ID.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("i-")?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let fits = Self::LENGTHS.contains(&digits.len()) && digits.bytes().all(is_digit);
        fits.then(|| Self(text.to_owned()))
    }

    /// The `number`-th instance that the group wants but has not launched. No node can name it.
    pub(crate) fn missing(group: &str, number: u32) -> Self {
        Self(format!("{group} (not launched, {number})"))
    }

    /// Reads a provider ID.
    pub fn from_provider_id(text: &str) -> Result<Self, String> {
        <Self as Identity>::from_provider_id(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Identity for InstanceId {
    const CLOUD: &'static str = "AWS";
    const SCHEME: &'static str = "aws://";

    /// `aws:///us-east-1a/i-…`, `aws:////i-…`, or `i-…` alone: the last part is the ID. A node of Fargate has
    /// `fargate-…` there, and cannot be deleted by a run.
    fn from_provider_id(text: &str) -> Result<Self, String> {
        let last = text.rsplit('/').next().unwrap_or(text);
        if last.starts_with("fargate-") {
            return Err(format!("{last} is a node of Fargate, which belongs to its pod"));
        }
        Self::parse(last)
            .ok_or_else(|| format!("{last} is no ID of an instance, such as i-0a1b2c3d4e5f67890"))
    }

    fn of_node(node: &Node) -> Result<Self, String> {
        let Some(text) = node.provider_id.as_deref() else { return Err("it has no providerID".to_owned()) };
        if text.starts_with(Self::SCHEME) || text.starts_with("i-") {
            return Self::from_provider_id(text).map_err(|why| format!("its providerID: {why}"));
        }
        Err(format!("its providerID {text} is not one of {}", Self::CLOUD))
    }

    /// A node is named after the address of its instance (`ip-10-0-0-1.ec2.internal`) or after its ID
    /// (`i-0a1b2c3d4e5f67890.ec2.internal`). Auto Scaling shows no addresses, so only a name with an ID is compared.
    fn is_node(&self, name: &str) -> bool {
        let first = name.split('.').next().unwrap_or(name);
        match Self::parse(first) {
            Some(named) => named == *self,
            None => Self::parse(&self.0).is_some(),
        }
    }
}

/// The zone in a provider ID; `None` if it has none.
pub(crate) fn zone_of(node: &Node) -> Option<&str> {
    let mut parts = node.provider_id.as_deref()?.strip_prefix(InstanceId::SCHEME)?.rsplit('/');
    parts.next()?;
    parts.next().filter(|zone| !zone.is_empty())
}

/// The region of a zone: `us-east-1` of `us-east-1a`, `us-west-2` of the local zone `us-west-2-lax-1a`.
#[must_use]
pub fn region_of(zone: &str) -> Option<&str> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    let first = zone.bytes().position(|byte| !is_word(byte))?;
    let (words, rest) = zone.split_at_checked(first)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_region = !words.starts_with('-') && words.ends_with('-') && words.len() > 3 && digits > 0;
    is_region.then(|| zone.get(..first.saturating_add(digits))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "i-0a1b2c3d4e5f67890";

    fn node(name: &str, provider_id: &str) -> Node {
        Node { name: name.to_owned(), provider_id: Some(provider_id.to_owned()), ..Node::default() }
    }

    #[test]
    fn identity_is_the_last_path_element_of_the_provider_id_and_fargate_is_left_alone() {
        let of = |text: &str| InstanceId::of_node(&node("a", text));
        for text in [format!("aws:///us-east-1a/{ID}"), format!("aws:////{ID}"), ID.to_owned()] {
            assert_eq!(of(&text).unwrap().as_str(), ID, "{text}");
        }
        assert_eq!(of("aws:///us-east-1a/i-12345678").unwrap().as_str(), "i-12345678");
        for text in [
            "aws:///us-east-1a/I-0a1b2c3d4e5f67890",
            "aws:///us-east-1a/i-",
            "aws:///us-east-1a/i-0a1b2c3d4e5f6789",
            "aws:///us-east-1a/i-0a1b2c3d4e5f6789g",
            "aws:///us-east-1a/i-0a1b2c3d4e5f67890/x",
            "aws:///us-east-1a/mi-0a1b2c3d4e5f67890",
            "aws://",
        ] {
            assert!(of(text).unwrap_err().contains("is no ID of an instance"), "{text}");
        }
        let fargate = of("aws:///us-east-1a/fargate-ip-10-0-0-1.ec2.internal").unwrap_err();
        assert!(fargate.contains("is a node of Fargate"), "{fargate}");
        assert!(of("gce://p/z/n").unwrap_err().contains("is not one of AWS"));
    }

    #[test]
    fn a_name_with_an_id_must_be_the_instances_own() {
        let id = InstanceId::parse(ID).unwrap();
        for name in
            ["ip-10-0-0-1.ec2.internal", "node-1", ID, "i-0a1b2c3d4e5f67890.us-west-2.compute.internal"]
        {
            assert!(id.is_node(name), "{name}");
        }
        for name in ["i-0a1b2c3d4e5f67891", "i-0a1b2c3d4e5f67891.us-west-2.compute.internal", "i-12345678"] {
            assert!(!id.is_node(name), "{name}");
        }
        assert!(!InstanceId::missing("users", 1).is_node("ip-10-0-0-1.ec2.internal"));
    }

    #[test]
    fn a_region_is_what_its_zones_begin_with() {
        for (zone, region) in [
            ("us-east-1a", Some("us-east-1")),
            ("us-gov-west-1b", Some("us-gov-west-1")),
            ("us-west-2-lax-1a", Some("us-west-2")),
            ("us-east-1-wl1-bos-wlz-1", Some("us-east-1")),
            ("ap-southeast-12c", Some("ap-southeast-12")),
            ("", None),
            ("a", None),
            ("1a", None),
            ("evil.example.com", None),
            ("us_east-1a", None),
            ("-1a", None),
            ("-west-2-lax-1a", None),
        ] {
            assert_eq!(region_of(zone), region, "{zone}");
        }
        assert_eq!(zone_of(&node("a", &format!("aws:///us-east-1a/{ID}"))), Some("us-east-1a"));
        assert_eq!(zone_of(&node("a", &format!("aws:////{ID}"))), None);
        assert_eq!(zone_of(&node("a", ID)), None);
    }
}
