//! Settings as every report shows them.

/// One resolved setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<'a> {
    /// The name of its environment variable.
    pub name: &'a str,
    /// Its value as the variable would hold it.
    pub text: &'a str,
    /// Its value as JSON.
    pub json: serde_json::Value,
    /// Whether the value is the default. The text report lists only other values.
    pub is_default: bool,
}
