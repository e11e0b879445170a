//! One request.

use std::collections::BTreeMap;

use fake_http::{Named, decode};
use hyper::header::HeaderMap;

/// A request, for the fake to answer and for a test to count and inspect.
#[derive(Debug, Clone)]
pub struct Call {
    /// The action, such as `DescribeAutoScalingGroups`; `credentials` for the keys of a pod. Empty if there is none.
    pub method: String,
    /// The group or the instance that it is about.
    pub target: Option<String>,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its headers.
    pub headers: HeaderMap,
}

impl Named for Call {
    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }
}

impl Call {
    pub(crate) fn new(head: &hyper::http::request::Parts, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let plain = |text: &str| decode(&text.replace('+', " "));
        let parameters: BTreeMap<String, String> =
            pairs.map(|(name, value)| (plain(name), plain(value))).collect();
        let of = |name: &str| parameters.get(name).cloned();
        let credentials = (head.uri.path() == "/credentials").then(|| "credentials".to_owned());
        let target = of("InstanceId").or_else(|| of("InstanceIds.member.1")).or_else(|| of("InstanceId.1"));
        let target = target.or_else(|| of("AutoScalingGroupName"));
        let target = target.or_else(|| of("AutoScalingGroupNames.member.1"));
        let method = credentials.or_else(|| of("Action")).unwrap_or_default();
        Self { method, target, headers: head.headers.clone(), parameters }
    }

    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The members of a list, in their order.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|number| self.parameter(&format!("{name}.member.{number}"))).collect()
    }

    /// The value of a header, if it has it and it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The access key that signed it, and the region that it was signed for.
    pub(crate) fn signed_by(&self) -> Option<(&str, &str)> {
        let scope = self.header("authorization")?.split("Credential=").nth(1)?;
        let mut parts = scope.split([',', ' ']).next()?.split('/');
        let key = parts.next()?;
        parts.next()?;
        Some((key, parts.next()?))
    }
}
