use super::server::{Server, ok, refusal};
use super::{instance, regional, zonal};
use crate::engine::{CurrentAction, Group, GroupList, InstanceError, ManagedInstance};
use crate::error::{ComputeError, ErrorKind};

const START: &str = "https://www.googleapis.com/compute/v1/projects/p";

fn group_json(place: &str, rest: &str) -> String {
    let link = format!("{START}/{place}/instanceGroupManagers/hub");
    format!(r#"{{"name": "hub", "selfLink": "{link}", "baseInstanceName": "hub", "targetSize": 3{rest}}}"#)
}

fn not_understood(what: &str, why: &str) -> ComputeError {
    let message = format!("cannot {what}: Compute Engine's answer is not understood: {why}");
    ComputeError { kind: ErrorKind::Other, unchanged: true, message }
}

#[tokio::test]
async fn a_group_is_read_zonal_or_regional() {
    let rest = r#", "brandNew": {"a": 1}, "status": {"isStable": true, "autoscaler": "https://example/autoscalers/a"},
        "updatePolicy": {"instanceRedistributionType": "PROACTIVE"}"#;
    for (group, place) in [(zonal(), "zones/us-central1-a"), (regional(), "regions/us-central1")] {
        let server = Server::start(move |_, _| ok(&group_json(place, rest)));
        let found = server.connect().await.group(&group).await.unwrap();
        let expected = Group {
            id: group,
            base_instance_name: "hub".to_owned(),
            target_size: 3,
            is_stable: true,
            autoscaler: Some("https://example/autoscalers/a".to_owned()),
            redistribution: Some("PROACTIVE".to_owned()),
            zones: Vec::new(),
            template: None,
            mixed_machine_types: false,
        };
        assert_eq!(found, expected);
        let path = format!("/compute/v1/projects/p/{place}/instanceGroupManagers/hub");
        assert_eq!(server.seen(), [format!("GET {path}?%24alt=json&%24apiVersion=2026-09-01")]);
    }
}

#[tokio::test]
async fn a_group_that_says_little_is_taken_for_unstable() {
    let server =
        Server::start(|_, _| ok(&group_json("zones/us-central1-a", r#", "status": {"autoscaler": ""}"#)));
    let found = server.connect().await.group(&zonal()).await.unwrap();
    assert_eq!((found.is_stable, found.autoscaler, found.redistribution), (false, None, None));
}

#[tokio::test]
async fn a_size_that_is_missing_is_never_taken_for_zero() {
    let link = format!("{START}/zones/us-central1-a/instanceGroupManagers/hub");
    let cases = [
        (format!(r#"{{"selfLink": "{link}"}}"#), "group us-central1-a/hub has no targetSize"),
        (
            format!(r#"{{"selfLink": "{link}", "targetSize": -1}}"#),
            "group us-central1-a/hub has the targetSize -1",
        ),
        (group_json("zones/us-central1-b", ""), "it is about group us-central1-b/hub"),
        (
            r#"{"targetSize": 3}"#.to_owned(),
            "`` is no URL of a managed instance group; expected `projects/PROJECT/zones/ZONE/instanceGroupManagers/NAME`, \
             or the same with `regions/REGION`",
        ),
    ];
    for (json, why) in cases {
        let server = Server::start(move |_, _| ok(&json));
        let error = server.connect().await.group(&zonal()).await.unwrap_err();
        assert_eq!(error, not_understood("read group us-central1-a/hub", why));
    }
}

#[tokio::test]
async fn instances_are_listed_with_what_they_tell() {
    let url = |name: &str| format!("{START}/zones/us-central1-a/instances/{name}");
    let json = format!(
        r#"{{"managedInstances": [
            {{"instance": "{}", "id": "4711", "instanceStatus": "RUNNING", "currentAction": "NONE"}},
            {{"instance": "{}", "id": "0", "currentAction": "CREATING", "lastAttempt": {{"errors": {{"errors": [
                {{"code": "ZONE_RESOURCE_POOL_EXHAUSTED", "message": "Try\nanother zone."}}, {{}}]}}}}}},
            {{"instance": "{}", "id": "4712", "instanceStatus": "BRANDNEW", "currentAction": "REJUVENATING"}},
            {{"instance": "{}", "instanceStatus": "STOPPING", "currentAction": "DELETING"}},
            {{"instance": "{}"}}]}}"#,
        url("n-1"),
        url("n-2"),
        url("n-3"),
        url("n-4"),
        url("n-5"),
    );
    let server = Server::start(move |_, _| ok(&json));
    let found = server.connect().await.instances(&zonal()).await.unwrap();
    let expected = |name: &str, number, status: Option<&str>, action, errors| ManagedInstance {
        instance: instance("us-central1-a", name),
        number,
        status: status.map(str::to_owned),
        action,
        errors,
    };
    let error =
        |code: &str, message: &str| InstanceError { code: code.to_owned(), message: message.to_owned() };
    let stockout = vec![error("ZONE_RESOURCE_POOL_EXHAUSTED", "Try another zone."), error("", "")];
    let other = |word: &str| CurrentAction::Other(word.to_owned());
    assert_eq!(
        found,
        [
            expected("n-1", Some(4711), Some("RUNNING"), CurrentAction::None, vec![]),
            expected("n-2", None, None, CurrentAction::Creating, stockout),
            expected("n-3", Some(4712), Some("BRANDNEW"), other("REJUVENATING"), vec![]),
            expected("n-4", None, Some("STOPPING"), CurrentAction::Leaving, vec![]),
            expected("n-5", None, None, other(""), vec![]),
        ]
    );
}

#[tokio::test]
async fn the_pages_of_a_list_are_followed_to_the_end() {
    for (group, place, last) in [
        (zonal(), "zones/us-central1-a", ""),
        (regional(), "regions/us-central1", r#", "nextPageToken": """#),
    ] {
        let server = Server::start(move |n, _| {
            let url = format!("{START}/zones/us-central1-a/instances/n-{n}");
            let next = if n < 2 { format!(r#", "nextPageToken": "t {n}""#) } else { last.to_owned() };
            ok(&format!(r#"{{"managedInstances": [{{"instance": "{url}"}}]{next}}}"#))
        });
        let found = server.connect().await.instances(&group).await.unwrap();
        let names: Vec<_> = found.iter().map(|found| found.instance.name()).collect();
        assert_eq!(names, ["n-0", "n-1", "n-2"]);
        let page = |token: &str| {
            let path =
                format!("/compute/v1/projects/p/{place}/instanceGroupManagers/hub/listManagedInstances");
            format!("POST {path}?maxResults=500{token}&%24alt=json&%24apiVersion=2026-09-01 {{}}")
        };
        assert_eq!(server.seen(), [page(""), page("&pageToken=t+0"), page("&pageToken=t+1")]);
    }
}

#[tokio::test]
async fn a_list_that_never_ends_is_refused() {
    let why = "a page token was returned twice, so the list would never end";
    let server = Server::start(|n, _| ok(&format!(r#"{{"nextPageToken": "t{}"}}"#, n % 2)));
    let engine = server.connect().await;
    let error = engine.instances(&zonal()).await.unwrap_err();
    assert_eq!(error, not_understood("list the instances of group us-central1-a/hub", why));
    let error = engine.groups(&"p".parse().unwrap()).await.unwrap_err();
    assert_eq!(error, not_understood("list the instance groups of project p", why));
    let server = Server::start(|n, _| ok(&format!(r#"{{"nextPageToken": "t{n}"}}"#)));
    let error = server.connect().await.instances(&zonal()).await.unwrap_err();
    let why = "the list does not end within 20 pages";
    assert_eq!(error, not_understood("list the instances of group us-central1-a/hub", why));
}

#[tokio::test]
async fn an_instance_whose_url_does_not_tell_which_is_never_left_out() {
    for url in
        ["", "n-1", "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/instances/.."]
    {
        let good = format!("{START}/zones/us-central1-a/instances/n-1");
        let json = format!(r#"{{"managedInstances": [{{"instance": "{good}"}}, {{"instance": "{url}"}}]}}"#);
        let server = Server::start(move |_, _| ok(&json));
        let error = server.connect().await.instances(&zonal()).await.unwrap_err();
        let why = format!(
            "`{url}` is no URL of an instance; expected `projects/PROJECT/zones/ZONE/instances/INSTANCE`"
        );
        assert_eq!(error, not_understood("list the instances of group us-central1-a/hub", &why));
    }
}

#[tokio::test]
async fn the_groups_of_a_project_are_listed_in_order_with_what_is_missing() {
    let first = format!(
        r#"{{"nextPageToken": "t", "items": {{
            "zones/us-central1-f": {{"instanceGroupManagers": [{}]}},
            "zones/us-central1-b": {{"warning": {{"code": "NO_RESULTS_ON_PAGE", "message": "None there."}}}},
            "zones/us-central1-c": {{"warning": {{"code": "UNREACHABLE", "message": "It burns."}}}},
            "regions/us-central1": {{"instanceGroupManagers": [{}]}}}}}}"#,
        group_json("zones/us-central1-f", ""),
        group_json("regions/us-central1", ""),
    );
    let second = format!(
        r#"{{"unreachables": ["zones/europe-west1-b", "zones/us-central1-c"],
            "warning": {{"code": "UNREACHABLE", "message": "Some did not answer."}},
            "items": {{"zones/us-central1-a": {{"instanceGroupManagers": [{}]}}}}}}"#,
        group_json("zones/us-central1-a", ""),
    );
    let server = Server::start(move |n, _| ok(if n == 0 { &first } else { &second }));
    let list = server.connect().await.groups(&"p".parse().unwrap()).await.unwrap();
    let names: Vec<_> = list.groups.iter().map(|group| group.id.to_string()).collect();
    assert_eq!(names, ["us-central1-a/hub", "us-central1-f/hub", "us-central1/hub"]);
    assert_eq!(list.unreachable, ["zones/europe-west1-b", "zones/us-central1-c"]);
    let page = |token: &str| {
        let path = "/compute/v1/projects/p/aggregated/instanceGroupManagers";
        format!("GET {path}?maxResults=500{token}&%24alt=json&%24apiVersion=2026-09-01")
    };
    assert_eq!(server.seen(), [page(""), page("&pageToken=t")]);
}

#[tokio::test]
async fn a_warning_about_the_whole_list_is_told() {
    let cases = [
        (
            r#"{"warning": {"code": "UNREACHABLE", "message": "Some did not answer."}}"#,
            "Some did not answer.",
        ),
        (r#"{"warning": {"code": "BRANDNEW"}}"#, "BRANDNEW"),
        (r#"{"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "None there."}}"#, ""),
        ("{}", ""),
    ];
    for (json, told) in cases {
        let server = Server::start(move |_, _| ok(json));
        let list = server.connect().await.groups(&"p".parse().unwrap()).await.unwrap();
        let unreachable = if told.is_empty() { vec![] } else { vec![told.to_owned()] };
        assert_eq!(list, GroupList { groups: vec![], unreachable }, "{json}");
    }
}

#[tokio::test]
async fn an_instance_tells_when_it_was_created_unless_it_is_gone() {
    let n_1 = instance("us-central1-a", "n-1");
    let server = Server::start(|_, _| ok(r#"{"creationTimestamp": "2026-01-15T01:30:00.123-08:00"}"#));
    let created = server.connect().await.created_at(&n_1).await.unwrap();
    assert_eq!(created, Some("2026-01-15T09:30:00.123Z".parse().unwrap()));
    let path = "/compute/v1/projects/p/zones/us-central1-a/instances/n-1";
    assert_eq!(server.seen(), [format!("GET {path}?%24alt=json&%24apiVersion=2026-09-01")]);

    let server = Server::start(|_, _| refusal(404, "notFound", "No such instance."));
    assert_eq!(server.connect().await.created_at(&n_1).await.unwrap(), None);

    for json in ["{}", r#"{"creationTimestamp": "yesterday"}"#] {
        let server = Server::start(move |_, _| ok(json));
        let error = server.connect().await.created_at(&n_1).await.unwrap_err();
        assert!(error.message.ends_with("expected a time as RFC 3339 has it"), "{error}");
    }
}

#[tokio::test]
async fn only_compute_engines_own_word_about_this_instance_says_that_it_is_gone() {
    let n_1 = instance("us-central1-a", "n-1");
    let server = Server::start(|_, _| ok(r#"{"name": "n-1", "status": "STOPPING"}"#));
    assert_eq!(server.connect().await.state(&n_1).await.unwrap().as_deref(), Some("STOPPING"));

    let own = "The resource 'projects/p/zones/us-central1-a/instances/n-1' was not found";
    let server = Server::start(move |_, _| refusal(404, "notFound", own));
    assert_eq!(server.connect().await.state(&n_1).await.unwrap(), None);

    for words in [
        "No such instance.",
        "The resource 'projects/p' was not found",
        "The resource 'projects/p/zones/us-central1-a' was not found",
        "The resource 'projects/p/zones/us-central1-a/instances/n-10' was not found",
        "The resource 'projects/q/zones/us-central1-a/instances/n-1' was not found",
        "The requested URL /compute/v1/projects/p/zones/us-central1-a/instances/n-1 was not found on this server.",
    ] {
        let server = Server::start(move |_, _| refusal(404, "notFound", words));
        let error = server.connect().await.state(&n_1).await.unwrap_err();
        assert!(error.message.contains(words), "{error}");
    }
    // An answer about another instance, and one that is no instance.
    for json in ["{}", r#"{"name": "n-10", "status": "RUNNING"}"#, r#"{"name": "n-1"}"#] {
        let server = Server::start(move |_, _| ok(json));
        server.connect().await.state(&n_1).await.unwrap_err();
    }
}
