//! The requests to EC2 for the shape of a new node: the type in a launch template, and the hardware of types.

use super::Client;
use super::call::Effect;
use super::ec2::request;
use super::shape_answer;
use crate::error::{CloudError, Kind};
use crate::shape::{MachineKind, TemplateName, TemplateVersion};

/// Maximum number of types of one request.
const KINDS: usize = 100;
/// Maximum number of pages of one request's answer.
const PAGES: usize = 20;

fn not_understood(what: &str, odd: &str) -> CloudError {
    CloudError::new(Kind::Other, format!("cannot {what}: the answer is not understood: {odd}"))
}

impl Client {
    /// The type of instances in a version of a launch template, if it has one: `DescribeLaunchTemplateVersions`.
    pub(crate) async fn kind_of_template(&self, of: &TemplateVersion) -> Result<Option<String>, CloudError> {
        let what = format!(
            "look at launch template {} version {} (ec2:DescribeLaunchTemplateVersions)",
            of.name(),
            of.version
        );
        let mut pairs = request("DescribeLaunchTemplateVersions");
        let key = match of.template {
            TemplateName::Id(_) => "LaunchTemplateId",
            TemplateName::Name(_) => "LaunchTemplateName",
        };
        pairs.push((key.to_owned(), of.name().to_owned()));
        pairs.push(("LaunchTemplateVersion.1".to_owned(), of.version.clone()));
        let bytes = self.ask_ec2(&what, Effect::Look, &pairs).await?;
        shape_answer::kind_of_template(&bytes).map_err(|odd| not_understood(&what, &odd))
    }

    /// The hardware of these types: `DescribeInstanceTypes`. One that the region does not have is missing from the answer.
    pub(crate) async fn machine_kinds(&self, names: &[&str]) -> Result<Vec<MachineKind>, CloudError> {
        let what = "look at types of instances (ec2:DescribeInstanceTypes)";
        let mut found = Vec::new();
        for some in names.chunks(KINDS) {
            let mut pairs = request("DescribeInstanceTypes");
            // A filter, because one unknown type in a list of types is an error.
            pairs.push(("Filter.1.Name".to_owned(), "instance-type".to_owned()));
            pairs.extend(
                (1_usize..).zip(some).map(|(at, name)| (format!("Filter.1.Value.{at}"), (*name).to_owned())),
            );
            let mut token: Option<String> = None;
            let mut pages = 0..PAGES;
            loop {
                if pages.next().is_none() {
                    let words = format!("cannot {what}: the list does not end after {PAGES} pages");
                    return Err(CloudError::new(Kind::Other, words));
                }
                let mut pairs = pairs.clone();
                pairs.extend(token.map(|token| ("NextToken".to_owned(), token)));
                let bytes = self.ask_ec2(what, Effect::Look, &pairs).await?;
                let (kinds, next) =
                    shape_answer::machine_kinds(&bytes).map_err(|odd| not_understood(what, &odd))?;
                found.extend(kinds);
                token = next;
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}
