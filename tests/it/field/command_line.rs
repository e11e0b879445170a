//! What people write into variables and arguments.

use super::{SETTINGS, all, is_read, list, plan_with};

/// The exit code, and what was printed on standard error.
fn settings(values: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut settings = SETTINGS.to_vec();
    settings.retain(|(name, _)| values.iter().all(|(other, _)| other != name));
    settings.extend(values);
    let ran = plan_with(&settings, &[list(&all()).to_string().as_bytes()], &[]);
    (ran.code, ran.error)
}

#[test]
fn at_without_zone() {
    let ran = plan_with(&SETTINGS, &[list(&all()).to_string().as_bytes()], &["--at", "2026-01-15T09:00"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.error.contains("--at") && ran.error.contains("such as 2026-01-15T09:00:00Z"),
        "{}",
        ran.error
    );
}

/// A comma, a percentage and a fraction of a node: one error names all three.
#[test]
fn comma_decimal_and_percent() {
    let (code, error) =
        settings(&[("MAX_UTILIZATION", "0,85"), ("OPTIMAL_UTILIZATION", "75%"), ("MIN_NODES", "3.0")]);
    assert_eq!(code, Some(2), "{error}");
    for name in ["MAX_UTILIZATION", "OPTIMAL_UTILIZATION", "MIN_NODES"] {
        assert!(error.contains(name), "{name}: {error}");
    }
}

#[test]
fn commas_and_equals_in_labels() {
    let (code, error) = settings(&[("PREEMPTIBLE_LABELS", "component=singleuser-server,app")]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("PREEMPTIBLE_LABELS") && error.contains("':'"), "{error}");
}

/// Some readers of env files keep the quotes. The error shows both values with their quotes.
#[test]
fn quotes_from_env_file() {
    let (code, error) =
        settings(&[("MAX_UTILIZATION", "\"0.85\""), ("PREEMPTIBLE_LABELS", "\"hub.jupyter.org/username\"")]);
    assert_eq!(code, Some(2), "{error}");
    for word in ["MAX_UTILIZATION=\"\\\"", "PREEMPTIBLE_LABELS=\"\\\""] {
        assert!(error.contains(word), "{word}: {error}");
    }
}

/// A heredoc or a mounted file leaves a newline: it is left out, or the error names it for each of the values.
#[test]
fn trailing_newline() {
    let values = [("MAX_UTILIZATION", "0.85\n"), ("PREEMPTIBLE_LABELS", "hub.jupyter.org/username\n")];
    let (code, error) = settings(&values);
    if code == Some(0) {
        let settings = [&values[..], &[("MIN_NODES", "1")]].concat();
        is_read(&plan_with(&settings, &[list(&all()).to_string().as_bytes()], &[]));
    } else {
        assert_eq!((code, error.matches("ends in a line break").count()), (Some(2), 2), "{error}");
    }
}
