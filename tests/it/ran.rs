//! The output of a run of the program between two fakes.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

use std::process::Output;

use serde_json::Value;

/// The output of a run, besides the cluster and the cloud.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The actions as `verb node: outcome`, with a sentence only for an action that did not succeed.
    pub(crate) fn story(&self) -> Vec<String> {
        let outcomes = self.report["outcomes"].as_array();
        let actions = self.report["actions"].as_array().into_iter().flatten().enumerate();
        let told = actions.map(|(index, action)| {
            let verb = action["action"].as_str().unwrap();
            let what = action["node"].as_str().or(action["group"].as_str()).unwrap_or_default();
            let outcome = outcomes.and_then(|outcomes| outcomes.get(index)).unwrap_or(&Value::Null);
            let word = outcome["outcome"].as_str().unwrap_or("not tried");
            let message = outcome["message"].as_str().unwrap_or_default();
            let because = if message.is_empty() { String::new() } else { format!(" ({message})") };
            format!("{verb} {what}: {word}{because}")
        });
        told.collect()
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        let warnings = self.report["warnings"].as_array().into_iter().flatten();
        warnings.filter_map(|warning| warning["message"].as_str()).collect()
    }
}
