//! Reads the file of the OpenStack cloud controller, as in its Secret `cloud-config`: an INI file in the dialect of Git.
//!
//! Keys and sections are case-insensitive. `#` and `;` begin a comment anywhere but in quotes; quotes may be around a part of
//! a value.

use std::collections::BTreeMap;
use std::path::Path;

use kube_rebalancer_ports::Environment;

use super::environment::is_true;
use super::{Credentials, Fields, clouds_yaml, read_file};
use kube_rebalancer_rest::CloudError;

/// The section that is read.
const SECTION: &str = "global";

/// Reads the section `[Global]`, and the `clouds.yaml` that it names.
pub(super) fn read(path: &Path, environment: &Environment) -> Result<Credentials, CloudError> {
    let text = read_file(path).map_err(|error| CloudError::setting(format!("CLOUD_CONFIG: {error}")))?;
    of(&text, path, environment)
}

/// Reads a text that names no other file.
pub(super) fn of_text(text: &str) -> Result<Credentials, CloudError> {
    let nowhere = [("OS_CLIENT_CONFIG_FILE", "/dev/null")].into_iter().collect();
    let text = text.to_ascii_lowercase().replace("clouds-file", "clouds-filed");
    of(&text, Path::new("cloud.conf"), &nowhere)
}

fn of(text: &str, path: &Path, environment: &Environment) -> Result<Credentials, CloudError> {
    let wrong = |why: String| CloudError::setting(format!("CLOUD_CONFIG {}: {why}", path.display()));
    let sections = parse(text).map_err(wrong)?;
    let Some(global) = sections.get(SECTION) else {
        let there: Vec<String> = sections.keys().map(|name| format!("[{name}]")).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        return Err(wrong(format!("it has no section [Global]; it has: {there}")));
    };
    let get = |key: &str| global.get(key).filter(|value| !value.is_empty()).cloned();
    let is_set = |key: &str| get(key).is_some_and(|value| is_true(&value));
    let domain = |suffix: &str, own: &str| {
        get(&format!("{own}-domain-{suffix}")).or_else(|| get(&format!("domain-{suffix}")))
    };
    // Only a trust has a trustee, whose ID and password take precedence over the user's.
    let trust = get("trust-id");
    let trustee = |key: &str| trust.as_ref().and_then(|_| get(key));
    let fields = Fields {
        auth_type: None,
        auth_url: get("auth-url"),
        username: get("username"),
        user_id: trustee("trustee-id").or_else(|| get("user-id")),
        password: trustee("trustee-password").or_else(|| get("password")),
        user_domain_name: domain("name", "user"),
        user_domain_id: domain("id", "user"),
        project_name: get("tenant-name"),
        project_id: get("tenant-id"),
        project_domain_name: domain("name", "tenant"),
        project_domain_id: domain("id", "tenant"),
        trust_id: trust.clone(),
        application_id: get("application-credential-id"),
        application_name: get("application-credential-name"),
        application_secret: get("application-credential-secret"),
        region: get("region"),
        interface: get("os-endpoint-type"),
        authorities: get("ca-file"),
        certificate: get("cert-file"),
        key: get("key-file"),
        insecure: is_set("tls-insecure"),
    };
    if is_set("use-clouds") {
        let file = get("clouds-file");
        let (source, cloud) =
            clouds_yaml::cloud(file.as_deref().map(Path::new), get("cloud").as_deref(), environment)?;
        // As for the cloud controller, the values of the section take precedence.
        return fields.or(cloud).credentials(&source);
    }
    fields.credentials(&format!("CLOUD_CONFIG {}", path.display()))
}

/// The sections by name, each with its values by key; the last value of a key counts.
type Sections = BTreeMap<String, BTreeMap<String, String>>;

fn parse(text: &str) -> Result<Sections, String> {
    let mut sections = Sections::new();
    let mut current: Option<String> = None;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1_usize..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let (name, behind) =
                rest.split_once(']').ok_or(format!("line {number}: a section without its `]`"))?;
            if !behind.trim().is_empty() && !behind.trim_start().starts_with(['#', ';']) {
                return Err(format!("line {number}: something is behind a section's `]`"));
            }
            let name = name.trim().to_ascii_lowercase();
            sections.entry(name.clone()).or_default();
            current = Some(name);
            continue;
        }
        let section = current.as_ref().and_then(|name| sections.get_mut(name));
        let section = section.ok_or(format!("line {number}: a value before the first section"))?;
        // A key alone means yes, as with Git.
        let (key, text) = line.split_once('=').unwrap_or((line, "true"));
        let key = key.trim().to_ascii_lowercase();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(format!("line {number}: expected `key = value`"));
        }
        let value = value(text).map_err(|why| format!("line {number}: {why} in the value of {key}"))?;
        section.insert(key, value);
    }
    Ok(sections)
}

/// The value without its quotes, its comment and the blanks around it.
fn value(text: &str) -> Result<String, &'static str> {
    let mut value = String::new();
    // The length up to which blanks belong to the value.
    let mut kept = 0;
    let mut quoted = false;
    let mut letters = text.trim_start().chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                quoted = !quoted;
                kept = value.len();
            }
            '\\' => {
                value.push(match letters.next() {
                    Some(letter @ ('"' | '\\')) => letter,
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('b') => '\u{8}',
                    Some(_) => return Err("there is an unknown escape"),
                    None => return Err("the continuation of a line is not supported"),
                });
                kept = value.len();
            }
            '#' | ';' if !quoted => break,
            letter => {
                value.push(letter);
                if quoted || !letter.is_whitespace() {
                    kept = value.len();
                }
            }
        }
    }
    if quoted {
        return Err("a quote is not closed");
    }
    value.truncate(kept);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_what_would_be_a_comment() {
        for (text, expected) in [
            (" secret", Ok("secret")),
            ("secret # of mine", Ok("secret")),
            ("a;b", Ok("a")),
            (r#" "a#b;c" "#, Ok("a#b;c")),
            (r#""  blanks  ""#, Ok("  blanks  ")),
            (r#"a "b # c" d ; e"#, Ok("a b # c d")),
            (r#""a \" b \\ c""#, Ok(r#"a " b \ c"#)),
            (r#""open"#, Err("a quote is not closed")),
            (r"a\q", Err("there is an unknown escape")),
            (r"a\", Err("the continuation of a line is not supported")),
            ("", Ok("")),
            (r#""""#, Ok("")),
            ("a=b", Ok("a=b")),
            ("'a'", Ok("'a'")),
        ] {
            assert_eq!(value(text), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn sections_and_keys_have_no_case_and_what_is_no_value_is_told_by_its_line_alone() {
        let sections = parse("[GLOBAL] # main\nAuth-URL=u\nuse-clouds\n[LoadBalancer \"x\"]\na=b\n").unwrap();
        assert_eq!(sections["global"]["auth-url"], "u");
        assert_eq!(sections["global"]["use-clouds"], "true");
        for (text, expected) in [
            ("a = b", "line 1: a value before the first section"),
            ("[Global", "line 1: a section without its `]`"),
            ("[Global] x", "line 1: something is behind a section's `]`"),
            ("[Global]\n\npass word = secret", "line 3: expected `key = value`"),
            ("[Global]\npassword = \"secret", "line 2: a quote is not closed in the value of password"),
        ] {
            assert_eq!(parse(text).unwrap_err(), expected);
        }
    }
}
