//! Worlds read from a file.

use std::error::Error;
use std::time::Duration;

use super::fake;
use crate::config::{Config, ConfigError};
use crate::engine::{Action, GroupPath};

#[test]
fn a_file_says_what_there_is() {
    let text = r#"{
        "groups": [
            {"project": "p", "zone": "us-central1-a", "name": "users", "size": 1, "instances": ["node-1"]},
            {"project": "p", "region": "us-east1", "name": "batch", "redistribution": "NONE", "autoscaler": "scaler"}
        ],
        "stockouts": ["us-central1-a"],
        "instanceQuotas": {"q": 3}
    }"#;
    let fake = fake();
    Config::parse(text).unwrap().apply(&fake).unwrap();
    let users = GroupPath::zonal("p", "us-central1-a", "users");
    assert_eq!(fake.group(&users).unwrap().target_size, 2);
    assert!(fake.group(&GroupPath::regional("p", "us-east1", "batch")).is_some());
    fake.resize(&users, 3);
    fake.advance(Duration::from_secs(5));
    let creating = fake.group(&users).unwrap().members.into_values().find(|it| it.action == Action::Creating);
    assert_eq!(creating.unwrap().errors[0].code, "ZONE_RESOURCE_POOL_EXHAUSTED");
}

#[test]
fn a_group_has_either_a_zone_or_a_region() {
    for (place, has) in [("", "neither"), (r#""zone": "us-east1-b", "region": "us-east1","#, "both")] {
        let text = format!(r#"{{"groups": [{{"project": "p", {place} "name": "users"}}]}}"#);
        let error = Config::parse(&text).unwrap().apply(&fake()).unwrap_err();
        assert_eq!(error.to_string(), format!("group `users` has {has}; expected either a zone or a region"));
    }
}

#[test]
fn a_member_that_nobody_knows_is_told() {
    let error = Config::parse(r#"{"groups": [], "group": []}"#).unwrap_err();
    assert!(matches!(error, ConfigError::Json(_)));
    assert!(error.source().unwrap().to_string().starts_with("unknown field `group`"));
}
