//! What every text from outside is put through. Nothing may panic; what is understood must mean the same when it is written
//! and read again. The fuzzers and the ordinary test `fuzz::` call the same functions.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer::settings::Settings;
use kube_rebalancer_core::foresight::{parse_assignments, parse_schedule};
use kube_rebalancer_core::model::{Node, Snapshot, parse_bytes, parse_count, parse_millicores};
use kube_rebalancer_core::text::clean_lines;
use kube_rebalancer_gce::{GroupId, InstanceId, TemplateId};
use kube_rebalancer_kube::observe::{Asked, Encoding, Reading, next_page, read_budgets, read_usage};

/// A function and the name of its target.
pub(crate) type Named = (&'static str, fn(&[u8]));

/// All functions.
pub(crate) const ALL: [Named; 14] = [
    ("quantities", quantities),
    ("selectors", selectors),
    ("settings", settings),
    ("schedules", schedules),
    ("list_json", list_json),
    ("list_yaml", list_yaml),
    ("list_protobuf", list_protobuf),
    ("provider_ids", provider_ids),
    ("compute", compute),
    ("history", history),
    ("exec", exec),
    ("clouds_yaml", clouds_yaml),
    ("calendar", calendar),
    ("usage", usage),
];

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// Checks that a displayed text has no control characters and a bounded length.
fn is_clean(words: &str) {
    let shown = clean_lines(words);
    assert!(shown.bytes().all(|byte| byte == b'\n' || matches!(byte, b' '..=b'~')), "{words:?}");
    assert!(shown.len() <= 200 * 8200, "{} bytes", shown.len());
}

/// Amounts of resources. A suffix makes no amount smaller, and one that is read is read again.
pub(crate) fn quantities(input: &[u8]) {
    let Some(text) = text(input) else { return };
    if let Ok(bytes) = parse_bytes(text) {
        assert!(parse_bytes(&bytes.0.to_string()).is_ok_and(|again| again == bytes), "{text:?}");
    }
    let millicores = parse_millicores(text);
    if let Ok(millicores) = millicores {
        let again = parse_millicores(&format!("{}m", millicores.0));
        assert!(again.is_ok_and(|again| again == millicores), "{text:?}");
    }
    if let Ok(count) = parse_count(text) {
        assert!(parse_count(&count.to_string()).is_ok_and(|again| again == count), "{text:?}");
        assert!(millicores.is_ok_and(|millicores| millicores.0 >= count), "{text:?}");
    }
}

/// Label selectors of the settings.
pub(crate) fn selectors(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let pairs = ["NODE_SELECTOR", "OMIT_LABELS", "PREEMPTIBLE_LABELS"].map(|name| (name, text));
    match Settings::from_pairs(pairs) {
        Ok((settings, _)) => read_back(&settings),
        Err(error) => is_clean(&error.to_string()),
    }
}

/// All settings: lines of `NAME=value`.
pub(crate) fn settings(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    match Settings::from_pairs(pairs) {
        Ok((settings, _)) => read_back(&settings),
        Err(error) => is_clean(&error.to_string()),
    }
}

/// Checks that the text of every value in `settings` is read as the same value.
fn read_back(settings: &Settings) {
    let shown: Vec<(String, String)> = settings
        .values()
        .iter()
        .filter(|value| !value.text.is_empty())
        .map(|value| (value.entry.name.to_owned(), value.text.clone()))
        .collect();
    let again = Settings::from_pairs(shown.clone());
    let (again, _) = again.unwrap_or_else(|error| panic!("{shown:?}: {error}"));
    for (one, other) in settings.values().iter().zip(again.values()) {
        assert_eq!((one.entry.name, &one.text, one.json()), (other.entry.name, &other.text, other.json()));
    }
}

/// Schedules of expected demand.
pub(crate) fn schedules(input: &[u8]) {
    let Some(text) = text(input) else { return };
    drop(parse_schedule(text));
    drop(parse_assignments(text));
}

/// A list of nodes and pods as a file has it, and as an answer of the API server.
pub(crate) fn list_json(input: &[u8]) {
    list(input);
    for asked in [Asked::Nodes, Asked::Pods] {
        drop(next_page(input, Encoding::Json));
        let mut reading = Reading::default();
        if let Err(error) = reading.add_page("an answer", input, Encoding::Json, asked) {
            is_clean(&error.to_string());
        }
        finish(reading);
    }
    for asked in [Asked::Claim, Asked::Volume, Asked::Volumes] {
        let mut reading = Reading::default();
        let Some(text) = text(input) else { return };
        match reading.add_answer("an answer", text, asked) {
            Ok(_) => {
                for volume in reading.into_stored_volumes() {
                    assert!(!volume.name.is_empty(), "{text:?}");
                }
            }
            Err(error) => is_clean(&error.to_string()),
        }
    }
    if let Some(Err(error)) = text(input).map(read_budgets) {
        is_clean(&error.to_string());
    }
}

/// The same in YAML.
pub(crate) fn list_yaml(input: &[u8]) {
    list(input);
}

fn list(input: &[u8]) {
    let mut reading = Reading::default();
    if let Err(error) = reading.add_input("a file", input) {
        is_clean(&error.to_string());
    }
    finish(reading);
}

fn finish(reading: Reading) {
    match reading.finish(Timestamp::UNIX_EPOCH) {
        Ok(observation) => {
            for node in observation.snapshot.nodes() {
                drop(InstanceId::from_provider_id(node.provider_id.as_deref().unwrap_or_default()));
            }
        }
        Err(error) => is_clean(&error.to_string()),
    }
}

/// The same in protobuf.
pub(crate) fn list_protobuf(input: &[u8]) {
    drop(next_page(input, Encoding::Protobuf));
    for asked in [Asked::Nodes, Asked::Pods] {
        let mut reading = Reading::default();
        if let Err(error) = reading.add_page("an answer", input, Encoding::Protobuf, asked) {
            is_clean(&error.to_string());
        }
        finish(reading);
        let whole = in_pieces(input, asked, usize::MAX);
        let size = 1 + usize::from(input.first().copied().unwrap_or_default() % 16);
        assert_eq!(in_pieces(input, asked, size), whole, "in pieces of {size}");
        if let Ok(objects) = whole {
            let mut page = Reading::default();
            assert!(matches!(page.add_page("an answer", input, Encoding::Protobuf, asked), Ok(None)));
            assert_eq!(count(page), objects);
        }
    }
}

/// The number of nodes and pods in a list that arrives in pieces, or its error.
fn in_pieces(input: &[u8], asked: Asked, size: usize) -> Result<(usize, usize), String> {
    let mut coming = Reading::default().coming(asked);
    for piece in input.chunks(size) {
        coming.add(piece).map_err(|problem| problem.to_string())?;
    }
    coming.finish().map(count).map_err(|problem| problem.to_string())
}

fn count(reading: Reading) -> (usize, usize) {
    let (nodes, _, pods) = reading.into_parts();
    (nodes.len(), pods)
}

/// Reads provider IDs of kubelets, zones of AWS, and URLs of Compute Engine. No part of a name may leave its place in a path.
pub(crate) fn provider_ids(input: &[u8]) {
    let Some(text) = text(input) else { return };
    for instance in [InstanceId::from_provider_id(text), InstanceId::from_url(text)].into_iter().flatten() {
        let (project, zone, name) = (instance.project(), instance.zone(), instance.name());
        for part in [project.as_str(), zone.as_str(), name] {
            assert!(
                !part.is_empty() && !part.contains(['/', '?', '#', '%', ' ']) && part != "..",
                "{text:?}"
            );
        }
        let again = InstanceId::from_provider_id(&format!("gce://{project}/{zone}/{name}"));
        assert_eq!(again.ok(), Some(instance.clone()), "{text:?}");
    }
    if let Ok(instance) = kube_rebalancer_azure::InstanceId::from_provider_id(text) {
        let shown = instance.to_string();
        let parts: Vec<&str> = shown.split('/').collect();
        let is_clean =
            |part: &&str| !part.is_empty() && !part.contains(['?', '#', '%', ' ', '*']) && *part != "..";
        assert!(parts.len() == 3 && parts.iter().all(is_clean), "{text:?}");
    }
    if let Ok(instance) = kube_rebalancer_aws::InstanceId::from_provider_id(text) {
        let id = instance.as_str();
        let digits = id.strip_prefix("i-").unwrap_or_default();
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        assert!(matches!(digits.len(), 8 | 17) && digits.bytes().all(is_digit), "{text:?}");
        for again in [id.to_owned(), format!("aws:///us-east-1a/{id}"), format!("aws:////{id}")] {
            let again = kube_rebalancer_aws::InstanceId::from_provider_id(&again);
            assert_eq!(again.as_ref(), Ok(&instance), "{text:?}");
        }
    }
    // A zone leads to the address that requests go to.
    if let Some(region) = kube_rebalancer_aws::region_of(text) {
        let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let begins = text.starts_with(region) && region.starts_with(|first: char| first.is_ascii_lowercase());
        assert!(begins && region.bytes().all(is_letter), "{text:?}");
    }
    if let Ok(group) = GroupId::from_url(text) {
        assert!(!group.name().contains(['/', '?', '#', '%', ' ']), "{text:?}");
    }
    drop(TemplateId::from_url(text));
}

/// Answers of Compute Engine.
pub(crate) fn compute(input: &[u8]) {
    drop(kube_rebalancer_gce::read_answer(input));
}

/// Reads a history of past weeks, as a text and as compressed data.
pub(crate) fn history(input: &[u8]) {
    let read = match text(input).map(kube_rebalancer_history::decode) {
        Some(Ok(history)) => Ok(history),
        _ => kube_rebalancer_history::decode_bytes(input),
    };
    match read {
        Ok(history) => {
            let written = kube_rebalancer_history::encode(&history).expect("memory takes everything");
            let again = kube_rebalancer_history::decode(&written).expect("what was written");
            // One that is too long loses its oldest hours.
            assert!(again == history || again.span() != history.span(), "{input:?}");
        }
        Err(error) => is_clean(&error.to_string()),
    }
}

/// Reads the output of a command of `EXEC_LIST`.
pub(crate) fn exec(input: &[u8]) {
    let named = |name: &str| Node { name: name.to_owned(), ..Node::default() };
    let nodes = vec![named("a"), Node { provider_id: Some("libvirt:///b".to_owned()), ..named("b") }];
    let snapshot = Snapshot::new(Timestamp::UNIX_EPOCH, nodes, Vec::new(), Vec::new(), 0);
    drop(kube_rebalancer_exec::read_answer(input, &snapshot.expect("two nodes with two names")));
}

/// Credentials of OpenStack. No password is in what is said of them.
pub(crate) fn clouds_yaml(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let (_, failed) = kube_rebalancer_openstack::read_credentials(text);
    for words in failed {
        assert!(text.contains("cloud `") || !words.contains("HIDDEN"), "{words:?}");
    }
}

/// Calendars, as they are in force in a week.
pub(crate) fn calendar(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let from: Timestamp = "2026-01-12T00:00:00Z".parse().expect("a time");
    let until = from + SignedDuration::from_hours(7 * 24);
    for has_pools in [false, true] {
        let reading = kube_rebalancer_calendar::Reading { zone: &TimeZone::UTC, from, until, has_pools };
        match kube_rebalancer_calendar::read(text, &reading) {
            Ok(calendar) => {
                for window in &calendar.windows {
                    assert!(window.begin <= until && from <= window.end, "{text:?}");
                }
                calendar.problems.iter().for_each(|problem| is_clean(problem));
            }
            Err(error) => is_clean(&error.to_string()),
        }
    }
}

/// What pods use: a page of a metrics-server, and answers of Prometheus to both queries.
pub(crate) fn usage(input: &[u8]) {
    if let Err(error) = read_usage(input) {
        is_clean(&error.to_string());
    }
    match kube_rebalancer_prometheus::samples(input, input) {
        Ok(samples) => {
            for sample in samples {
                is_clean(&sample.name);
            }
        }
        Err(error) => is_clean(&error.to_string()),
    }
}
