//! Instance templates, and the machine types that they name.

use super::{Engine, Refusal};

/// The machine type of a template that does not name another: two processors and eight gibibytes.
const MACHINE_TYPE: &str = "e2-standard-2";

/// An instance template to be set up.
#[derive(Debug, Clone)]
pub struct Template {
    pub(crate) path: String,
    pub(crate) machine_type: String,
    pub(crate) kube_env: Option<String>,
    pub(crate) accelerators: Vec<(String, u32)>,
}

/// A machine type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MachineShape {
    pub(crate) cpus: u32,
    pub(crate) memory_mb: u32,
}

impl Template {
    fn new(path: String) -> Self {
        let machine_type = MACHINE_TYPE.to_owned();
        Self { path, machine_type, kube_env: None, accelerators: Vec::new() }
    }

    /// A template of a whole project.
    #[must_use]
    pub fn global(project: &str, name: &str) -> Self {
        Self::new(format!("projects/{project}/global/instanceTemplates/{name}"))
    }

    /// A template of a region.
    #[must_use]
    pub fn regional(project: &str, region: &str, name: &str) -> Self {
        Self::new(format!("projects/{project}/regions/{region}/instanceTemplates/{name}"))
    }

    /// With this machine type. Else it is `e2-standard-2`.
    #[must_use]
    pub fn machine_type(mut self, name: &str) -> Self {
        name.clone_into(&mut self.machine_type);
        self
    }

    /// With this metadata item `kube-env`. Else it has none.
    #[must_use]
    pub fn kube_env(mut self, value: &str) -> Self {
        self.kube_env = Some(value.to_owned());
        self
    }

    /// With these accelerators besides.
    #[must_use]
    pub fn accelerators(mut self, kind: &str, count: u32) -> Self {
        self.accelerators.push((kind.to_owned(), count));
        self
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl MachineShape {
    /// The shape that a machine type's name tells, as the names of most families do: `e2-standard-4`, `n2-highmem-8`,
    /// `n2-custom-4-16384`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('-').collect();
        let (cpus, memory_mb) = match *parts.as_slice() {
            [_, "custom", cpus, memory] | [_, "custom", cpus, memory, "ext"] | ["custom", cpus, memory] => {
                (cpus.parse().ok()?, memory.parse().ok()?)
            }
            [_, kind, cpus] => {
                let cpus: u32 = cpus.parse().ok()?;
                let gibibytes = match kind {
                    "highcpu" => 1,
                    "standard" => 4,
                    "highmem" => 8,
                    _ => return None,
                };
                (cpus, cpus.checked_mul(gibibytes)?.checked_mul(1024)?)
            }
            _ => return None,
        };
        Some(Self { cpus, memory_mb })
    }
}

impl Engine {
    /// Sets up an instance template. One of the same path is replaced.
    pub(crate) fn add_template(&mut self, template: Template) {
        self.templates.insert(template.path.clone(), template);
    }

    /// The template of that path: one that was set up, or a plain one where a group names it.
    pub(crate) fn template(&self, path: &str) -> Result<Template, Refusal> {
        if let Some(template) = self.templates.get(path) {
            return Ok(template.clone());
        }
        let named = self.groups.values().any(|group| group.template_path() == path);
        if named { Ok(Template::new(path.to_owned())) } else { Err(Refusal::not_found(path)) }
    }
}
