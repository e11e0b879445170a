//! Finds the credentials.
//!
//! ```text
//!   CLOUD_CONFIG (cloud.conf) --> [Global] --+--> Credentials
//!          use-clouds  \                     |
//!   OS_CLOUD -----------+--> clouds.yaml ----+
//!   OS_AUTH_URL, OS_* -----------------------+
//! ```

mod clouds_yaml;
mod conf;
mod environment;
mod fields;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use kube_rebalancer_ports::Environment;

use kube_rebalancer_rest::CloudError;

pub(crate) use fields::Fields;

/// The credentials for one project of one cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Their source, for people.
    pub(crate) source: String,
    /// The identity service, up to and with `/v3`.
    pub(crate) auth_url: String,
    /// The identity.
    pub(crate) login: Login,
    /// The region, if one is named.
    pub(crate) region: Option<String>,
    /// The kind of a service's endpoints: `public`, `internal` or `admin`.
    pub(crate) interface: String,
    /// The parameters of TLS.
    pub(crate) tls: Tls,
}

/// The identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// A user with a password, in a project.
    Password {
        /// The user.
        user: Named,
        /// The password.
        password: Secret,
        /// The project.
        project: Named,
    },
    /// A trustee with a password; the trust has its own project.
    Trust {
        /// The trustee.
        user: Named,
        /// The trustee's password.
        password: Secret,
        /// The ID of the trust.
        trust: String,
    },
    /// An application credential, which has its own project.
    Application {
        /// Its ID, or its name with its user.
        credential: Application,
        /// Its secret.
        secret: Secret,
    },
}

/// An application credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Application {
    /// By its ID.
    Id(String),
    /// By its name, which is unique for its user.
    Name(String, Named),
}

/// A user or a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// By its ID.
    Id(String),
    /// By its name within a domain.
    Name(String, Domain),
}

/// A domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// By its ID.
    Id(String),
    /// By its name.
    Name(String),
}

/// The parameters of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// A file of certificates to trust in addition to the usual ones.
    pub(crate) authorities: Option<PathBuf>,
    /// The files of a certificate of our own and its key.
    pub(crate) own: Option<(PathBuf, PathBuf)>,
    /// Whether every certificate is accepted.
    pub(crate) insecure: bool,
}

/// A text that no message, log line or debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(formatter, "the domain with ID `{id}`"),
            Self::Name(name) => write!(formatter, "domain `{name}`"),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(formatter, "`{id}` (an ID)"),
            Self::Name(name, domain) => write!(formatter, "`{name}` of {domain}"),
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(formatter, "`{id}`"),
            Self::Name(name, user) => write!(formatter, "`{name}` of user {user}"),
        }
    }
}

/// Finds the credentials. Files are read, so this may block.
pub(crate) fn find(config: Option<&str>, environment: &Environment) -> Result<Credentials, CloudError> {
    if let Some(file) = config {
        return conf::read(Path::new(file), environment);
    }
    if let Some(cloud) = environment.get("OS_CLOUD") {
        return clouds_yaml::read(Some(cloud), environment);
    }
    if environment.get("OS_AUTH_URL").is_some() {
        return environment::fields(environment).credentials("the OS_* variables");
    }
    clouds_yaml::read(None, environment)
}

/// Parses any text as `clouds.yaml` and as `cloud.conf`, as a run does, and returns the number of credentials and the
/// errors of the others: for tests with generated texts.
#[must_use]
pub fn read_credentials(text: &str) -> (usize, Vec<String>) {
    let mut read = clouds_yaml::all(text);
    read.push(conf::of_text(text));
    let failed = read.iter().filter_map(|read| read.as_ref().err()).map(ToString::to_string).collect();
    (read.iter().filter(|read| read.is_ok()).count(), failed)
}

/// The text of a file; the error names it.
fn read_file(path: &Path) -> Result<String, CloudError> {
    std::fs::read_to_string(path)
        .map_err(|error| CloudError::setting(format!("cannot read {}: {error}", path.display())))
}
