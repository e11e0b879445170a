//! The environment of the process, as far as a provider reads it.

use std::collections::BTreeMap;
use std::fmt;

/// The variables of the environment that are text, by name. Some are secrets: its debug output has the names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The value of a variable; an empty one counts as unset.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_in_the_debug_output_and_an_empty_one_is_unset() {
        let environment: Environment = [("OS_PASSWORD", "secret"), ("OS_CLOUD", "")].into_iter().collect();
        assert_eq!(format!("{environment:?}"), r#"{"OS_CLOUD", "OS_PASSWORD"}"#);
        assert_eq!((environment.get("OS_PASSWORD"), environment.get("OS_CLOUD")), (Some("secret"), None));
    }
}
