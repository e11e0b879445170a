use super::*;

fn zone(text: &str) -> Zone {
    text.parse().unwrap()
}

fn project(text: &str) -> ProjectId {
    text.parse().unwrap()
}

fn instance(project_id: &str, zone_name: &str, name: &str) -> InstanceId {
    InstanceId::new(project(project_id), zone(zone_name), name).unwrap()
}

#[test]
fn a_project_is_an_id_an_id_of_a_domain_or_a_number() {
    for valid in
        ["p", "my-project", "my-project-123456", "example.com:my-project", "a.b-c.example:p1", "123456789012"]
    {
        assert_eq!(valid.parse::<ProjectId>().unwrap().as_str(), valid);
    }
    let too_long = "p".repeat(64);
    let invalid = [
        "",
        "..",
        ".",
        "p/q",
        "p?q",
        "p%2F",
        "P",
        "my_project",
        "-p",
        "p-",
        "p ",
        "1p",
        "example.com:",
        ":p",
        "example:p",
        "example..com:p",
        ".com:p",
        "example.com:a:b",
        "example.com:1",
        "12345678901234567890",
        "pé",
        "p\n",
        &too_long,
    ];
    for text in invalid {
        let error = text.parse::<ProjectId>().unwrap_err();
        assert_eq!((error.what, error.value.as_str()), ("project id", text));
    }
}

#[test]
fn a_zone_is_part_of_its_region() {
    let cases = [
        ("us-central1-a", "us-central1"),
        ("europe-west10-b", "europe-west10"),
        ("northamerica-northeast1-c", "northamerica-northeast1"),
        ("us-south1-ai1b", "us-south1"),
        ("u-germany-northeast1-a", "u-germany-northeast1"),
    ];
    for (text, region) in cases {
        assert_eq!(zone(text).region(), region.parse().unwrap());
        assert_eq!(zone(text).region().as_str(), region);
        assert!(text.parse::<Region>().is_err(), "{text} is a zone");
        assert!(region.parse::<Zone>().is_err(), "{region} is a region");
    }
}

#[test]
fn what_is_no_zone_is_refused() {
    for text in [
        "",
        "a",
        "us",
        "us-central",
        "us-central1",
        "us-central1-",
        "us-central1-A",
        "../us-central1-a",
        "zones/us-central1-a",
        "us-central1-a/..",
    ] {
        let error = text.parse::<Zone>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{text}` is no zone; expected a zone such as `us-central1-a`")
        );
    }
    for text in ["", "us", "us-central", "us1", "..", "us-central1/..", "-us-central1"] {
        assert!(text.parse::<Region>().is_err(), "{text}");
    }
}

#[test]
fn a_group_named_like_a_path_never_reaches_a_url() {
    let location = Location::Zone(zone("us-central1-a"));
    let too_long = "g".repeat(64);
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "a/../b",
        "Hub",
        "hub_users",
        "1hub",
        "hub-",
        "hub users",
        "hub?x=1",
        &too_long,
    ] {
        let error = GroupId::new(project("p"), location.clone(), name).unwrap_err();
        assert_eq!(error.value, name);
        assert!(InstanceId::new(project("p"), zone("us-central1-a"), name).is_err(), "{name}");
    }
    let longest = "g".repeat(63);
    for name in ["g", "hub-users", "gke-hub-users-2f5c9d7e-grp", &longest] {
        assert_eq!(GroupId::new(project("p"), location.clone(), name).unwrap().name(), name);
    }
}

#[test]
fn a_provider_id_has_three_parts() {
    let read = InstanceId::from_provider_id("gce://my-project/us-central1-a/hub-users-0x3f").unwrap();
    assert_eq!(read, instance("my-project", "us-central1-a", "hub-users-0x3f"));
    let read = InstanceId::from_provider_id("gce://example.com:p/europe-west1-b/n-1").unwrap();
    assert_eq!(read, instance("example.com:p", "europe-west1-b", "n-1"));
    let none = [
        "",
        "gce://",
        "gce:///",
        "gce:////",
        "gce://p/us-central1-a",
        "gce://p/us-central1-a/",
        "gce://p/us-central1-a/n/",
        "gce://p/us-central1-a/n/x",
        "gce:///us-central1-a/n",
        "gce://p//n",
        "GCE://p/us-central1-a/n",
        "gce:/p/us-central1-a/n",
        " gce://p/us-central1-a/n",
        "gce://p/us-central1/n",
        "gce://p/us-central1-a/..",
        "gce://../us-central1-a/n",
        "aws:///us-east-1a/i-0abc",
        "kind://docker/kind/kind-worker",
        "p/us-central1-a/n",
    ];
    for text in none {
        let error = InstanceId::from_provider_id(text).unwrap_err();
        assert_eq!((error.value.as_str(), error.expected), (text, "`gce://PROJECT/ZONE/INSTANCE`"));
    }
}

#[test]
fn an_instance_is_read_from_its_url_whatever_the_host_and_version() {
    let expected = instance("my-project", "us-central1-a", "n-10");
    for start in [
        "https://www.googleapis.com/compute/v1/",
        "https://www.googleapis.com/compute/beta/",
        "https://compute.googleapis.com/compute/v1/",
        "https://compute-internal.p.googleapis.com/compute/v1/",
        "http://127.0.0.1:8080/compute/v1/",
        "",
    ] {
        let url = format!("{start}projects/my-project/zones/us-central1-a/instances/n-10");
        assert_eq!(InstanceId::from_url(&url).unwrap(), expected, "{url}");
    }
}

#[test]
fn what_is_not_wholly_the_url_of_an_instance_is_none() {
    for url in [
        "",
        "n-10",
        "zones/us-central1-a/instances/n-10",
        "/projects/p/zones/us-central1-a/instances/n-10",
        "projects/p/zones/us-central1-a/instances/n-10/",
        "projects/p/zones/us-central1-a/instances/n-10?x=1",
        "projects/p/zones/us-central1-a/instances/n-10/detach",
        "projects/p/zones/us-central1-a/instances/..",
        "projects/p/zones/us-central1/instances/n-10",
        "projects/p/regions/us-central1/instances/n-10",
        "projects/p/zones/us-central1-a/disks/n-10",
        "https://www.googleapis.com/projects/p/zones/us-central1-a/instances/n-10",
        "https://www.googleapis.com/compute/projects/p/zones/us-central1-a/instances/n-10",
        "https://www.googleapis.com/storage/v1/projects/p/zones/us-central1-a/instances/n-10",
        "ftp://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/instances/n-10",
        "gce://p/us-central1-a/n-10",
    ] {
        assert_eq!(InstanceId::from_url(url).unwrap_err().value, url);
    }
}

#[test]
fn a_group_is_read_from_its_url_zonal_or_regional() {
    let start = "https://www.googleapis.com/compute/v1/projects/example.com:p";
    let zonal = GroupId::from_url(&format!("{start}/zones/us-central1-a/instanceGroupManagers/hub")).unwrap();
    assert_eq!(zonal.location(), &Location::Zone(zone("us-central1-a")));
    assert_eq!((zonal.project(), zonal.name()), (&project("example.com:p"), "hub"));
    assert_eq!(zonal.to_string(), "us-central1-a/hub");
    let regional =
        GroupId::from_url(&format!("{start}/regions/us-central1/instanceGroupManagers/hub")).unwrap();
    assert_eq!(regional.location(), &Location::Region("us-central1".parse().unwrap()));
    assert_eq!(regional.to_string(), "us-central1/hub");
    for rest in [
        "/zones/us-central1/instanceGroupManagers/hub",
        "/regions/us-central1-a/instanceGroupManagers/hub",
        "/global/us-central1/instanceGroupManagers/hub",
        "/zones/us-central1-a/instanceGroups/hub",
        "/zones/us-central1-a/instanceGroupManagers/hub/resize",
        "/zones/us-central1-a/instanceGroupManagers/..",
    ] {
        assert!(GroupId::from_url(&format!("{start}{rest}")).is_err(), "{rest}");
    }
}

#[test]
fn names_that_contain_each_other_are_not_the_same() {
    let one = instance("p", "us-central1-a", "node-1");
    for other in [
        instance("p", "us-central1-a", "node-10"),
        instance("p", "us-central1-b", "node-1"),
        instance("p2", "us-central1-a", "node-1"),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn a_location_contains_its_own_zones() {
    let in_zone = Location::Zone(zone("us-central1-a"));
    let in_region = Location::Region("us-central1".parse().unwrap());
    let cases = [
        ("us-central1-a", true, true),
        ("us-central1-b", false, true),
        ("us-central10-a", false, false),
        ("europe-west1-a", false, false),
    ];
    for (text, by_zone, by_region) in cases {
        assert_eq!(
            (in_zone.contains(&zone(text)), in_region.contains(&zone(text))),
            (by_zone, by_region),
            "{text}"
        );
    }
}

#[test]
fn a_request_names_an_instance_by_zone_and_name() {
    assert_eq!(instance("p", "us-central1-a", "n-1").partial_url(), "zones/us-central1-a/instances/n-1");
}
