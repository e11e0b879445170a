//! Names of instance templates.

use std::fmt;

use super::{NameError, ProjectId, Region, grammar, url};

/// An instance template. Shown as `hub-users-1`, or as `us-central1/hub-users-1` for a regional one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateId {
    project: ProjectId,
    region: Option<Region>,
    name: String,
}

impl TemplateId {
    /// Reads the URL of an instance template, complete or from `projects/` on, with any host and version of the API.
    pub fn from_url(text: &str) -> Result<Self, NameError> {
        let none = || NameError {
            what: "URL of an instance template",
            value: text.to_owned(),
            expected: "`projects/PROJECT/global/instanceTemplates/NAME`, or the same with `regions/REGION`",
        };
        let path = url::path(text);
        let (project, region, name) = match path.as_deref() {
            Some(["projects", project, "global", "instanceTemplates", name]) => (project, None, name),
            Some(["projects", project, "regions", region, "instanceTemplates", name]) => {
                (project, Some(region.parse().map_err(|_| none())?), name)
            }
            _ => return Err(none()),
        };
        let project = project.parse().map_err(|_| none())?;
        if !grammar::is_label(name) {
            return Err(none());
        }
        Ok(Self { project, region, name: (*name).to_owned() })
    }

    /// Its project.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.project
    }

    /// Its region, if it is regional.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.region {
            Some(region) => write!(formatter, "{}/{}", region.as_str(), self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::MachineTypeId;

    #[test]
    fn the_url_of_a_template_is_read_global_or_of_a_region() {
        let start = "https://www.googleapis.com/compute/v1/projects/p";
        for (url, shown, region) in [
            (format!("{start}/global/instanceTemplates/hub-1"), "hub-1", None),
            ("projects/p/global/instanceTemplates/hub-1".to_owned(), "hub-1", None),
            (
                format!("{start}/regions/us-central1/instanceTemplates/hub-1"),
                "us-central1/hub-1",
                Some("us-central1"),
            ),
        ] {
            let id = TemplateId::from_url(&url).unwrap();
            assert_eq!((&*id.to_string(), id.region().map(Region::as_str)), (shown, region));
            assert_eq!((id.project().as_str(), id.name()), ("p", "hub-1"));
        }
    }

    #[test]
    fn what_could_address_something_else_is_no_template_and_no_machine_type() {
        for url in [
            "",
            "hub-1",
            "projects/p/global/instanceTemplates/..",
            "projects/p/global/instanceTemplates/a?b",
            "projects/p/global/instanceTemplates/",
            "projects/../global/instanceTemplates/a",
            "projects/p/regions/../instanceTemplates/a",
            "projects/p/zones/us-central1-a/instanceTemplates/a",
            "projects/p/global/images/a",
        ] {
            assert!(TemplateId::from_url(url).is_err(), "{url}");
        }
        let named =
            |name: &str| MachineTypeId::new("p".parse().unwrap(), "us-central1-a".parse().unwrap(), name);
        assert_eq!(named("n2-custom-4-16384").unwrap().to_string(), "us-central1-a/n2-custom-4-16384");
        for name in ["", "..", "a/b", "a?b", "A"] {
            assert!(named(name).is_err(), "{name}");
        }
    }
}
