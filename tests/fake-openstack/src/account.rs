//! The users that Keystone knows.

/// A user with a role in a project, and the application credentials that it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's name.
    pub user: String,
    /// The user's ID.
    pub user_id: String,
    /// The password.
    pub password: String,
    /// The project's name.
    pub project: String,
    /// The project's ID.
    pub project_id: String,
    /// The name of the domain that both are in.
    pub domain: String,
    /// The domain's ID.
    pub domain_id: String,
    /// Application credentials.
    pub credentials: Vec<Credential>,
    /// Its trusts: others act as this user, in its project.
    pub trusts: Vec<Trust>,
}

/// A trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Its ID.
    pub id: String,
    /// The ID of the user that it trusts.
    pub trustee_id: String,
}

/// An application credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its ID.
    pub id: String,
    /// Its name, unique for its user.
    pub name: String,
    /// Its secret.
    pub secret: String,
    /// Its access rules; without rules it has all permissions of its user.
    pub rules: Option<Vec<Rule>>,
}

/// A request that an application credential may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `GET` and so on.
    pub method: String,
    /// The path, with `*` for one segment of it.
    pub path: String,
}

impl Account {
    /// The user `ops` with the password `secret` in the project `hub`, as in the measurements.
    #[must_use]
    pub fn ops() -> Self {
        let text = str::to_owned;
        Self {
            user: text("ops"),
            user_id: text("0fe36e73809d46aeae6705c39077b1b3"),
            password: text("secret"),
            project: text("hub"),
            project_id: text("263fd9d2f5684c8f8a2f1d2a7a1c3b4d"),
            domain: text("Default"),
            domain_id: text("default"),
            credentials: Vec::new(),
            trusts: Vec::new(),
        }
    }

    /// The user `trustee` with the password `trusted` and without a project, and its trust of this ID from `ops`.
    #[must_use]
    pub fn trustee_and_ops(trust: &str) -> (Self, Self) {
        let text = str::to_owned;
        let ops = Self::ops();
        let trustee = Self {
            user: text("trustee"),
            user_id: text("89634ccaeb5b4b5384a9dd19b59d2b8b"),
            password: text("trusted"),
            project: String::new(),
            project_id: String::new(),
            ..ops.clone()
        };
        let trusts = vec![Trust { id: text(trust), trustee_id: trustee.user_id.clone() }];
        (trustee, Self { trusts, ..ops })
    }

    /// With an application credential of this ID and secret, which is named as its ID is.
    #[must_use]
    pub fn with_credential(mut self, id: &str, secret: &str, rules: Option<&[(&str, &str)]>) -> Self {
        let rule = |(method, path): &(&str, &str)| Rule { method: (*method).into(), path: (*path).into() };
        self.credentials.push(Credential {
            id: id.to_owned(),
            name: id.to_owned(),
            secret: secret.to_owned(),
            rules: rules.map(|rules| rules.iter().map(rule).collect()),
        });
        self
    }
}

impl Rule {
    /// Whether it allows a request: `*` is any one segment, `**` any number of them.
    pub(crate) fn allows(&self, method: &str, path: &str) -> bool {
        let mut pattern = self.path.split('/');
        let mut there = path.split('/');
        loop {
            match (pattern.next(), there.next()) {
                (None, None) | (Some("**"), _) => return self.method == method,
                (Some("*"), Some(segment)) if !segment.is_empty() => {}
                (Some(wanted), Some(segment)) if wanted == segment => {}
                _ => return false,
            }
        }
    }
}
