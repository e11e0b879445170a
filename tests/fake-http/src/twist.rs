//! Answers that are JSON, and not what was promised.

use serde_json::Value;

/// The same members with other types: texts for numbers, numbers for texts, a list for an object.
#[must_use]
pub fn wrong_types(text: &str) -> String {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return "[]".to_owned() };
    let twisted = members.into_iter().map(|(name, value)| {
        let value = match value {
            Value::String(_) | Value::Null => Value::from(7),
            Value::Number(_) | Value::Bool(_) => Value::from("seven"),
            Value::Array(_) => Value::Object(serde_json::Map::new()),
            Value::Object(_) => Value::Array(Vec::new()),
        };
        (name, value)
    });
    Value::Object(twisted.collect()).to_string()
}
