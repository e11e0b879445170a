//! Which projects and groups belong to the run.

use super::*;

#[test]
fn a_project_that_is_closed_to_us_takes_only_its_own_nodes_out() {
    let foreign = with_provider("x", "gce://evil-project/us-central1-a/x");
    for kind in [ErrorKind::Forbidden, ErrorKind::NotFound] {
        let mut world = World::default().with(&zonal(ZONE, "pool"), &["a"]);
        world.closed.insert("evil-project", error(kind, true, "not for you"));
        let engine = world.engine();
        let observed = seen(&engine, &[node(ZONE, "a"), foreign.clone()], &CloudScope::default()).unwrap();
        let why =
            "its instance us-central1-a/x is of project evil-project, which could not be listed: not for you";
        assert_eq!(places(&observed), [Ok("us-central1-a/pool"), Err(why)]);
        assert_eq!(observed.warnings, [format!("node x is in no node group: {why}")]);
        assert!(observed.complete);
        assert_eq!(observed.groups[0].not_growable, None);
        assert!(!log(&engine).contains(&"created_at us-central1-a/x".to_owned()), "it is asked once");
    }
    // Any other failure may hide what is coming.
    let mut world = World::default().with(&zonal(ZONE, "pool"), &["a"]);
    world.closed.insert("evil-project", error(ErrorKind::Unavailable, true, "try later"));
    let nodes = [node(ZONE, "a"), foreign];
    let observed = seen(&world.engine(), &nodes, &CloudScope::default()).unwrap();
    let gap = "the node groups of project evil-project are not known: try later";
    assert_eq!(observed.groups[0].not_growable, Some(format!("not everything could be listed: {gap}")));
    assert_eq!((places(&observed)[0], observed.complete), (Ok("us-central1-a/pool"), false));
}

#[test]
fn where_every_project_is_closed_nothing_is_seen() {
    let mut world = World::default().with(&zonal(ZONE, "pool"), &["a"]);
    world.closed.insert("my-project", error(ErrorKind::Unavailable, true, "try later"));
    world.closed.insert("z-project", error(ErrorKind::Forbidden, true, "not for you"));
    let nodes = [node(ZONE, "a"), with_provider("x", "gce://z-project/us-central1-a/x")];
    let error = seen(&world.engine(), &nodes, &CloudScope::default()).unwrap_err();
    assert_eq!(error.to_string(), "try later", "what is away counts for more than what is closed");
}

#[test]
fn groups_of_one_name_in_two_projects_are_two_groups() {
    let other = GroupId::new("other-project".parse().unwrap(), Location::Zone(ZONE.parse().unwrap()), "pool");
    let other = other.unwrap();
    let mut world = World::default().with(&zonal(ZONE, "pool"), &["a"]).with(&other, &[]);
    let theirs = InstanceId::new("other-project".parse().unwrap(), ZONE.parse().unwrap(), "b").unwrap();
    let listed = world.instances[&zonal(ZONE, "pool")][0].clone();
    world.instances.insert(other, vec![ManagedInstance { instance: theirs, ..listed }]);
    let engine = world.engine();
    let nodes = [node(ZONE, "a"), with_provider("b", "gce://other-project/us-central1-a/b")];
    let observed = seen(&engine, &nodes, &CloudScope::default()).unwrap();
    assert_eq!(
        places(&observed),
        [Ok("my-project/us-central1-a/pool"), Ok("other-project/us-central1-a/pool")]
    );
    log(&engine);
    assert_eq!(now(observed.cloud.grow("other-project/us-central1-a/pool", 0, 2)), GroupAnswer::Done);
    let sizes: Vec<(String, u32)> = {
        let world = engine.0.lock().unwrap();
        world.groups.iter().map(|group| (group.id.project().to_string(), group.target_size)).collect()
    };
    assert_eq!(sizes, [("my-project".to_owned(), 1), ("other-project".to_owned(), 2)]);
}

#[test]
fn settings_narrow_what_belongs_to_the_run() {
    let engine = World::default()
        .with(&zonal(ZONE, "gke-hub-users-grp"), &["gke-hub-users-1"])
        .with(&zonal("us-central1-b", "gke-hub-core-grp"), &["gke-hub-core-1"])
        .engine();
    let nodes = [node("us-central1-b", "gke-hub-core-1"), node(ZONE, "gke-hub-users-1")];
    let users = Ok("us-central1-a/gke-hub-users-grp");

    let by_name = seen(&engine, &nodes, &scope(&["users"])).unwrap();
    let not_named =
        "its instance us-central1-b/gke-hub-core-1 is in none of the groups that NODE_GROUPS names";
    assert_eq!(places(&by_name), [Err(not_named), users]);

    let in_zone = CloudScope { zone: Some(ZONE.to_owned()), ..CloudScope::default() };
    let by_zone = seen(&engine, &nodes, &in_zone).unwrap();
    let not_there =
        "its instance us-central1-b/gke-hub-core-1 is in no managed instance group of zone us-central1-a";
    engine.0.lock().unwrap().ages.insert(instance("us-central1-b", "gke-hub-core-1"), NOW);
    let by_zone_alive = seen(&engine, &nodes, &in_zone).unwrap();
    assert_eq!(places(&by_zone)[1], users);
    assert_eq!(places(&by_zone_alive), [Err(not_there), users]);

    let other = CloudScope { project: Some("other-project".to_owned()), ..CloudScope::default() };
    let foreign = "its instance is of project my-project, PROJECT is other-project";
    assert_eq!(places(&seen(&engine, &nodes, &other).unwrap()), [Err(foreign), Err(foreign)]);
}

#[test]
fn a_part_of_a_name_must_mean_exactly_one_group() {
    let engine = World::default()
        .with(&zonal(ZONE, "gke-hub-users-1a2b-grp"), &["gke-hub-users-1a2b-x"])
        .with(&zonal(ZONE, "gke-hub-superusers-3c4d-grp"), &[])
        .with(&zonal(ZONE, "pool"), &[])
        .with(&zonal("us-central1-b", "pool"), &[])
        .with(&zonal("us-central1-b", "pool-2"), &[])
        .engine();
    let nodes = [node(ZONE, "gke-hub-users-1a2b-x")];
    let names = |groups: &[&str]| {
        let observed = seen(&engine, &nodes, &scope(groups)).map_err(|error| error.to_string())?;
        Ok::<Vec<String>, String>(observed.groups.into_iter().map(|group| group.name).collect())
    };
    let users = || Ok(vec!["us-central1-a/gke-hub-users-1a2b-grp".to_owned()]);
    assert_eq!(names(&["users"]), users());
    assert_eq!(names(&["users-1a2b"]), users());
    assert_eq!(names(&["1a2b", "gke-hub-users-1a2b-grp"]), users());
    assert_eq!(names(&["us-central1-b/pool"]), Ok(vec!["us-central1-b/pool".to_owned()]));
    assert_eq!(
        names(&["pool"]).unwrap_err(),
        "NODE_GROUPS: `pool` is in the names of 2 node groups; write more of the one you mean: us-central1-a/pool, us-central1-b/pool"
    );
    assert_eq!(
        names(&["hub"]).unwrap_err(),
        "NODE_GROUPS: `hub` is in the names of 2 node groups; write more of the one you mean: \
         us-central1-a/gke-hub-superusers-3c4d-grp, us-central1-a/gke-hub-users-1a2b-grp"
    );
    assert_eq!(
        names(&["user"]).unwrap_err(),
        "NODE_GROUPS: `user` is in the name of no node group; there are: us-central1-a/gke-hub-superusers-3c4d-grp, \
         us-central1-a/gke-hub-users-1a2b-grp, us-central1-a/pool, us-central1-b/pool, us-central1-b/pool-2"
    );
}

#[test]
fn a_part_that_is_silent_matters_where_a_named_group_may_be_there() {
    let world = World { unreachable: vec!["zones/us-central1-a".to_owned()], ..World::default() }
        .with(&zonal(ZONE, "pool"), &["pool-1"]);
    let engine = world.engine();
    let nodes = [node(ZONE, "pool-1")];
    let observed = seen(&engine, &nodes, &scope(&["pool"])).unwrap();
    assert!(observed.complete && observed.warnings.is_empty(), "{:?}", observed.warnings);
    let error = seen(&engine, &nodes, &scope(&["users"])).unwrap_err();
    assert!(matches!(error, CloudError::Silent(_)), "{error}");
}
