//! Names of resources, in the form of URLs.

use std::fmt;

/// The zones that there are. Their regions are what is before the last dash.
pub(crate) const ZONES: [&str; 10] = [
    "europe-west1-b",
    "europe-west1-c",
    "europe-west1-d",
    "us-central1-a",
    "us-central1-b",
    "us-central1-c",
    "us-central1-f",
    "us-east1-b",
    "us-east1-c",
    "us-east1-d",
];

/// The regions of [`ZONES`], each once, in order.
pub(crate) fn regions() -> Vec<&'static str> {
    let mut regions: Vec<&str> = ZONES.into_iter().map(region_of).collect();
    regions.dedup();
    regions
}

/// The region of a zone.
pub(crate) fn region_of(zone: &str) -> &str {
    zone.rsplit_once('-').map_or(zone, |(region, _)| region)
}

/// A zone or a region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// Such as `us-central1-a`.
    Zone(String),
    /// Such as `us-central1`.
    Region(String),
}

impl Location {
    /// Whether there is such a place.
    pub(crate) fn exists(&self) -> bool {
        match self {
            Self::Zone(zone) => ZONES.contains(&zone.as_str()),
            Self::Region(region) => ZONES.into_iter().any(|zone| region_of(zone) == region),
        }
    }

    /// Whether a zone is this one, or in this region.
    pub(crate) fn contains(&self, zone: &str) -> bool {
        match self {
            Self::Zone(this) => this == zone,
            Self::Region(region) => region_of(zone) == region,
        }
    }

    /// `zone` or `region`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Zone(_) => "zone",
            Self::Region(_) => "region",
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        let (Self::Zone(name) | Self::Region(name)) = self;
        name
    }
}

/// `zones/us-central1-a` or `regions/us-central1`.
impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}s/{}", self.kind(), self.name())
    }
}

/// A managed instance group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupPath {
    /// The id of its project.
    pub project: String,
    /// Its zone or region.
    pub location: Location,
    /// Its name.
    pub name: String,
}

impl GroupPath {
    /// A group in a zone.
    #[must_use]
    pub fn zonal(project: &str, zone: &str, name: &str) -> Self {
        Self { project: project.to_owned(), location: Location::Zone(zone.to_owned()), name: name.to_owned() }
    }

    /// A group in several zones of a region.
    #[must_use]
    pub fn regional(project: &str, region: &str, name: &str) -> Self {
        Self {
            project: project.to_owned(),
            location: Location::Region(region.to_owned()),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for GroupPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "projects/{}/{}/instanceGroupManagers/{}", self.project, self.location, self.name)
    }
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstancePath {
    /// The id of its project.
    pub project: String,
    /// Its zone.
    pub zone: String,
    /// Its name.
    pub name: String,
}

impl InstancePath {
    /// An instance.
    #[must_use]
    pub fn new(project: &str, zone: &str, name: &str) -> Self {
        Self { project: project.to_owned(), zone: zone.to_owned(), name: name.to_owned() }
    }

    /// Reads a whole or partial URL of an instance; one without a project means one in `project`.
    pub(crate) fn parse(url: &str, project: &str) -> Option<Self> {
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.split_once("/compute/v1/")?.1,
            None => url,
        };
        let path: Vec<&str> = path.split('/').collect();
        let (project, zone, name) = match *path.as_slice() {
            ["zones", zone, "instances", name] => (project, zone, name),
            ["projects", project, "zones", zone, "instances", name] => (project, zone, name),
            _ => return None,
        };
        let valid = [project, zone, name].into_iter().all(|part| !part.is_empty());
        valid.then(|| Self::new(project, zone, name))
    }
}

impl fmt::Display for InstancePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "projects/{}/zones/{}/instances/{}", self.project, self.zone, self.name)
    }
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OperationPath {
    pub(crate) project: String,
    pub(crate) location: Location,
    pub(crate) name: String,
}

impl fmt::Display for OperationPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "projects/{}/{}/operations/{}", self.project, self.location, self.name)
    }
}
