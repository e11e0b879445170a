//! The settings from the view of a library user: pairs in, values or all problems out.

use jiff::SignedDuration;
use kube_rebalancer::logs::LogFormat;
use kube_rebalancer::settings::{Origin, Pair, Settings, SettingsError, UsageFrom, catalog};
use kube_rebalancer_core::model::{LabelSelector, Operator, Requirement, Resource};
use kube_rebalancer_core::policy::{
    AdoptCordons, Budget, CapacitySource, DemandSource, Drain, GiveBack, PartsPerMillion, Policy,
};
use kube_rebalancer_prometheus::Prometheus;

fn read(pairs: &[(&str, &str)]) -> Settings {
    Settings::from_pairs(pairs.iter().copied()).unwrap().0
}

fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    let SettingsError { problems, .. } = Settings::from_pairs(pairs.iter().copied()).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

fn warnings(pairs: &[(&str, &str)]) -> Vec<String> {
    let (_, warnings) = Settings::from_pairs(pairs.iter().copied()).unwrap();
    warnings.iter().map(ToString::to_string).collect()
}

/// The defaults equal the table in section 1 of `docs/decisions.md`.
#[test]
fn without_any_variable_the_defaults_hold() {
    let settings = read(&[]);
    let policy = settings.policy();
    assert_eq!(policy.bounds.max_utilization, PartsPerMillion(850_000));
    assert_eq!(policy.bounds.min_utilization, PartsPerMillion(650_000));
    assert_eq!(policy.bounds.optimal_utilization, PartsPerMillion(750_000));
    let bounds = policy.bounds;
    assert_eq!((bounds.min_nodes, bounds.max_nodes, bounds.max_nodes_set), (3, 72, false));
    assert_eq!(policy.resources, [Resource::Memory, Resource::Cpu]);
    assert_eq!(policy.pool_label, None);
    assert!(policy.preemptible_labels.is_empty());
    assert!(policy.omit_labels.is_empty());
    assert!(policy.omit_namespaces.iter().eq(["kube-system"]));
    assert_eq!(policy.node_selector, LabelSelector::default());
    assert_eq!(policy.capacity, CapacitySource::Allocatable);
    assert_eq!(policy.empty_grace, SignedDuration::ZERO);
    assert_eq!(policy.adopt_cordons, AdoptCordons::After(SignedDuration::from_hours(1)));
    assert!(policy.bounds.keep_zones);
    assert_eq!(policy.max_cordons, Budget::Percent { percent: 20, at_least: 3 });
    assert_eq!(policy.max_deletions, Budget::Count(10));
    assert_eq!(policy.max_creations, Budget::Percent { percent: 50, at_least: 10 });
    assert!(policy.startup_taints.is_empty());
    assert_eq!(policy.boot_grace, SignedDuration::from_mins(15));
    assert_eq!((policy.max_unready_percent, policy.ok_unready_nodes), (45, 3));
    assert!(!policy.node_groups_named);
    assert_eq!((&policy.own_pod, &policy.own_node), (&None, &None));
    assert_eq!((&settings.cloud().project, &settings.cloud().zone), (&None, &None));
    assert_eq!(*policy, Policy::default());
    assert_eq!(settings.run_timeout(), SignedDuration::from_mins(5));
    assert_eq!((settings.yes(), settings.lease_namespace()), (false, "default"));
    assert_eq!(settings.lease_name(), "kube-rebalancer");
    assert_eq!(settings.log_format(), LogFormat::Text);
    assert!(settings.values().iter().all(|value| value.origin == Origin::Default));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a line for each setting")]
fn every_variable_reaches_its_own_field() {
    let settings = read(&[
        ("MAX_UTILIZATION", "0.9"),
        ("MIN_UTILIZATION", "0.5"),
        ("OPTIMAL_UTILIZATION", "0.7"),
        ("MIN_NODES", "1"),
        ("MAX_NODES", "9"),
        ("RESOURCES", "cpu"),
        ("PREEMPTIBLE_LABELS", "a:b"),
        ("OMIT_LABELS", "c"),
        ("OMIT_NAMESPACES", "d:e"),
        ("NODE_SELECTOR", "pool=users"),
        ("POOL_LABEL", "example.com/pool"),
        ("CAPACITY", "capacity"),
        ("EMPTY_GRACE", "30m"),
        ("ADOPT_CORDONS", "false"),
        ("KEEP_ZONES", "false"),
        ("MAX_CORDONS", "4"),
        ("MAX_DELETIONS", "20%"),
        ("MAX_CREATIONS", "6"),
        ("GIVE_BACK", "park"),
        ("PARKED_MAX", "40%"),
        ("DRAIN", "movable"),
        ("MAX_EVICTIONS", "4"),
        ("DRAIN_EMPTY_DIR", "true"),
        ("DELETE_NODE_OBJECTS", "true"),
        ("BOOT_GRACE", "1h"),
        ("STARTUP_TAINTS", "example.com/not-yet"),
        ("MAX_UNREADY_PERCENT", "30"),
        ("OK_UNREADY_NODES", "2"),
        ("PACK", "false"),
        ("PROVIDER", "gce"),
        ("CLOUD_CONFIG", "/etc/openstack/cloud.conf"),
        ("PARK", "stop"),
        ("MAGNUM_DELETE", "heat"),
        ("STABILIZATION", "0s"),
        ("FORECAST", "false"),
        ("FORECAST_LEAD", "20m"),
        ("SCHEDULE", "Mon 08:00-09:00 MIN_NODES=7"),
        ("CALENDAR", "/etc/semester.ics"),
        ("TIME_ZONE", "Europe/Berlin"),
        ("USAGE", "prometheus"),
        ("DEMAND", "larger"),
        ("PROMETHEUS_URL", "http://prometheus:9090"),
        ("PROMETHEUS_MEMORY_QUERY", "memory"),
        ("PROMETHEUS_CPU_QUERY", "cpu"),
        ("PROJECT", "my-project"),
        ("ZONE", "us-central1-a"),
        ("COMPUTE_ENDPOINT", "http://127.0.0.1:8080"),
        ("NODE_GROUPS", "users:big=core"),
        ("EXEC_LIST", "/opt/list"),
        ("EXEC_GROW", "/opt/grow --by 1"),
        ("EXEC_DELETE", "/opt/delete"),
        ("EXEC_PARK", "/opt/park"),
        ("EXEC_WAKE", r#"["/opt/wake", "a b"]"#),
        ("EXEC_GONE", "/opt/gone"),
        ("EXEC_ENV", "TF_*:KUBECONFIG"),
        ("NOTIFY_URL", "https://hooks.example.com/1"),
        ("NOTIFY_SECRET", "key"),
        ("SLACK_WEBHOOK_URL", "https://hooks.example.com/2"),
        ("DASHBOARD_URL", "https://grafana.example.com/d/1"),
        ("METRICS_FILE", "/var/lib/rebalancer.prom"),
        ("PUSHGATEWAY_URL", "http://pushgateway:9091"),
        ("RUN_TIMEOUT", "90s"),
        ("YES", "true"),
        ("LEASE_NAMESPACE", "rebalancing"),
        ("LEASE_NAME", "users"),
        ("LOG_FORMAT", "json"),
        ("POD_NAMESPACE", "hub"),
        ("POD_NAME", "rebalancer-1"),
        ("NODE_NAME", "node-1"),
    ]);
    let policy = settings.policy();
    let bounds = policy.bounds;
    assert_eq!(settings.calendar(), Some("/etc/semester.ics"));
    assert_eq!(bounds.max_utilization, PartsPerMillion(900_000));
    assert_eq!(bounds.min_utilization, PartsPerMillion(500_000));
    assert_eq!(bounds.optimal_utilization, PartsPerMillion(700_000));
    assert_eq!((bounds.min_nodes, bounds.max_nodes, bounds.max_nodes_set), (1, 9, true));
    assert_eq!(policy.resources, [Resource::Cpu]);
    assert_eq!(policy.pool_label.as_deref(), Some("example.com/pool"));
    assert!(
        policy.group_pools.iter().map(|(group, pool)| (group.as_str(), pool.as_str())).eq([("core", "big")])
    );
    assert!(policy.preemptible_labels.iter().eq(["a", "b"]));
    assert!(policy.omit_labels.iter().eq(["c"]));
    assert!(policy.omit_namespaces.iter().eq(["d", "e"]));
    let requirement = Requirement { key: "pool".into(), operator: Operator::In(vec!["users".into()]) };
    assert_eq!(policy.node_selector, LabelSelector(vec![requirement]));
    assert_eq!(policy.capacity, CapacitySource::Capacity);
    assert_eq!(policy.empty_grace, SignedDuration::from_mins(30));
    assert_eq!(policy.adopt_cordons, AdoptCordons::Never);
    assert!(!bounds.keep_zones);
    assert_eq!(policy.max_cordons, Budget::Count(4));
    assert_eq!(policy.max_deletions, Budget::Percent { percent: 20, at_least: 3 });
    assert_eq!(policy.max_creations, Budget::Count(6));
    assert_eq!(policy.demand, DemandSource::Larger);
    let (url, memory_query, cpu_query) = ("http://prometheus:9090".into(), "memory".into(), "cpu".into());
    assert_eq!(*settings.usage(), UsageFrom::Prometheus(Prometheus { url, memory_query, cpu_query }));
    let receivers = settings.receivers();
    assert_eq!(receivers.webhook.as_ref().unwrap().expose(), "https://hooks.example.com/1");
    assert_eq!(receivers.webhook_key.as_ref().unwrap().expose(), "key");
    assert_eq!(receivers.slack.as_ref().unwrap().expose(), "https://hooks.example.com/2");
    assert_eq!(receivers.dashboard.as_deref(), Some("https://grafana.example.com/d/1"));
    assert_eq!(receivers.metrics_file.as_deref(), Some(std::path::Path::new("/var/lib/rebalancer.prom")));
    assert_eq!(receivers.pushgateway.as_ref().unwrap().expose(), "http://pushgateway:9091");
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let commands = &settings.cloud().commands;
    assert_eq!(commands.list, words(&["/opt/list"]));
    assert_eq!(commands.grow, words(&["/opt/grow", "--by", "1"]));
    assert_eq!(commands.delete, words(&["/opt/delete"]));
    assert_eq!(commands.park, words(&["/opt/park"]));
    assert_eq!(commands.wake, words(&["/opt/wake", "a b"]));
    assert_eq!(commands.gone, words(&["/opt/gone"]));
    assert!(commands.variables.iter().eq(["KUBECONFIG", "TF_*"]));
    assert_eq!(policy.give_back, GiveBack::Park);
    assert_eq!(policy.parked_max, Budget::Percent { percent: 40, at_least: 0 });
    assert_eq!((policy.drain, policy.max_evictions), (Drain::Movable, Budget::Count(4)));
    assert!(policy.drain_empty_dir && policy.delete_node_objects);
    assert!(policy.startup_taints.iter().eq(["example.com/not-yet"]));
    assert_eq!(policy.boot_grace, SignedDuration::from_hours(1));
    assert_eq!((policy.max_unready_percent, policy.ok_unready_nodes), (30, 2));
    let foresight = &policy.foresight;
    assert_eq!((foresight.forecast, foresight.stabilization), (false, SignedDuration::ZERO));
    assert_eq!(foresight.lead, SignedDuration::from_mins(20));
    assert_eq!(foresight.schedule.len(), 1);
    assert_eq!(foresight.time_zone.iana_name(), Some("Europe/Berlin"));
    assert!(!policy.pack && policy.node_groups_named);
    assert_eq!(policy.own_pod, Some(("hub".into(), "rebalancer-1".into())));
    assert_eq!(policy.own_node.as_deref(), Some("node-1"));
    assert_eq!(settings.cloud().project.as_deref(), Some("my-project"));
    assert_eq!(settings.cloud().zone.as_deref(), Some("us-central1-a"));
    assert_eq!(settings.cloud().endpoint.as_deref(), Some("http://127.0.0.1:8080"));
    assert!(settings.cloud().node_groups.iter().eq(["core", "users"]));
    assert_eq!(settings.run_timeout(), SignedDuration::from_secs(90));
    assert_eq!((settings.yes(), settings.lease_namespace()), (true, "rebalancing"));
    assert_eq!(settings.lease_name(), "users");
    assert_eq!(settings.log_format(), LogFormat::Json);
    assert!(settings.values().iter().all(|value| value.origin == Origin::Environment));
    assert_eq!(settings.values().len(), catalog::ENTRIES.len());
}

#[test]
fn an_empty_text_is_no_text_and_a_flag_goes_before_the_variable() {
    let pairs = [
        Pair::from(("MAX_NODES", "")),
        Pair::from(("MIN_NODES", "many")),
        Pair::flag("MIN_NODES", "2"),
        Pair::from(("OMIT_NAMESPACES", "hub")),
        Pair::flag("OMIT_NAMESPACES", ""),
    ];
    let (settings, _) = Settings::from_pairs(pairs).unwrap();
    let value = |name| {
        let value = settings.values().iter().find(|value| value.entry.name == name).unwrap();
        (value.text.as_str(), value.origin)
    };
    assert_eq!(value("MAX_NODES"), ("72", Origin::Default));
    assert_eq!(value("MIN_NODES"), ("2", Origin::Flag));
    assert_eq!(value("OMIT_NAMESPACES"), ("kube-system", Origin::Default));
}

#[test]
fn a_schedule_names_pools_where_there_are_some_and_only_there() {
    let first = |pairs: &[(&str, &str)]| {
        let error = Settings::from_pairs(pairs.iter().copied()).unwrap_err().to_string();
        error.lines().find(|line| line.contains("SCHEDULE")).unwrap().trim().to_owned()
    };
    let of_pool = ("SCHEDULE", "Mon 08:00-09:00 RESERVE=user=1Gi");
    assert!(first(&[of_pool]).ends_with("names pool user, but POOL_LABEL is unset"), "{}", first(&[of_pool]));
    let of_none = ("SCHEDULE", "Mon 08:00-09:00 MIN_NODES=2 RESERVE=1Gi");
    let problem = first(&[of_none, ("POOL_LABEL", "pool")]);
    assert!(problem.ends_with("RESERVE=memory:1Gi names no pool, but POOL_LABEL is set"), "{problem}");
    assert!(
        Settings::from_pairs([of_none]).is_ok()
            && Settings::from_pairs([of_pool, ("POOL_LABEL", "pool")]).is_ok()
    );
}

#[test]
fn all_problems_are_reported_at_once_each_in_two_lines() {
    let told = problems(&[
        ("MAX_UTILIZATION", "85"),
        ("OMIT_NAMESPACES", "kube-system:"),
        ("ADOPT_CORDONS", "yes"),
        ("MIN_NODES", "80"),
        ("PROJECT", "../etc"),
    ]);
    let expected = [
        "MAX_UTILIZATION=85: did you mean 0.85?\n  \
         expected a decimal above 0 and up to 1, or 0.85:pool=0.9 (default 0.85)",
        "OMIT_NAMESPACES=\"kube-system:\": element 2 of the list is empty\n  \
         expected namespaces with ':' between them (default kube-system)",
        "ADOPT_CORDONS=yes: did you mean true?\n  expected a duration such as 1h, or true or false (default 1h)",
        "PROJECT=../etc: \"../etc\" is not a project id\n  \
         expected an id: my-project-123, 32 hex digits (OpenStack), a UUID (Azure)",
        "MIN_NODES=80 is above MAX_NODES=72 (default)\n  expected MIN_NODES <= MAX_NODES (defaults 3 and 72)",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_project_is_one_of_google_cloud_or_an_id_of_openstack() {
    for id in ["my-project-123", "example.com:my-project", "4b7a1c09f3de4c55a6d1c0ffee123456"] {
        Settings::from_pairs([("PROJECT", id)]).unwrap();
    }
    for id in ["4b7a1c09f3de4c55a6d1c0ffee12345", "4B7A1C09F3DE4C55A6D1C0FFEE123456", "a/b", "my project"] {
        assert_eq!(problems(&[("PROJECT", id)]).len(), 1, "{id}");
    }
}

#[test]
fn bounds_are_in_order() {
    let minimum = "MIN_UTILIZATION=0.8 is above OPTIMAL_UTILIZATION=0.75 (default)";
    let maximum = "OPTIMAL_UTILIZATION=0.75 (default) is above MAX_UTILIZATION=0.7";
    let both = "MIN_UTILIZATION=0.8 is above MAX_UTILIZATION=0.7";
    let cases = [
        (vec![("MIN_UTILIZATION", "0.8")], vec![minimum]),
        (vec![("MAX_UTILIZATION", "0.7")], vec![maximum]),
        (vec![("MIN_UTILIZATION", "0.8"), ("MAX_UTILIZATION", "0.7")], vec![minimum, maximum, both]),
    ];
    for (pairs, expected) in cases {
        let told = problems(&pairs);
        let first_lines: Vec<_> = told.iter().map(|problem| problem.lines().next().unwrap()).collect();
        assert_eq!(first_lines, expected);
    }
    // The bounds themselves are allowed.
    let one = [("MIN_UTILIZATION", "1"), ("OPTIMAL_UTILIZATION", "1"), ("MAX_UTILIZATION", "1")];
    read(&[one[0], one[1], one[2], ("MIN_NODES", "0"), ("MAX_NODES", "0")]);
}

/// The first line of each problem.
fn first_lines(pairs: &[(&str, &str)]) -> Vec<String> {
    problems(pairs).iter().map(|problem| problem.lines().next().unwrap().to_owned()).collect()
}

#[test]
fn a_pool_overrides_what_it_names_and_has_the_rest_of_all_pools() {
    let settings = read(&[
        ("POOL_LABEL", "pool"),
        ("MIN_NODES", "2:gpu=0"),
        ("MAX_NODES", "gpu=5"),
        ("MAX_UTILIZATION", "0.9:big=0.95"),
        ("KEEP_ZONES", "true:gpu=false"),
    ]);
    let policy = settings.policy();
    assert!(policy.pool_bounds.keys().eq(["big", "gpu"]));
    let of = |pool| {
        let bounds = policy.bounds_of(pool);
        let utilization = (bounds.min_utilization.0, bounds.optimal_utilization.0, bounds.max_utilization.0);
        (utilization, bounds.min_nodes, (bounds.max_nodes, bounds.max_nodes_set), bounds.keep_zones)
    };
    // An override alone keeps the default for the other pools, where the setting counts as not set.
    assert_eq!(of("users"), ((650_000, 750_000, 900_000), 2, (72, false), true));
    assert_eq!(of("gpu"), ((650_000, 750_000, 900_000), 0, (5, true), false));
    assert_eq!(of("big"), ((650_000, 750_000, 950_000), 2, (72, false), true));
    assert_eq!(policy.bounds, *policy.bounds_of("users"));
}

#[test]
fn with_pools_the_default_of_min_nodes_is_zero() {
    let minimum = |pairs: &[(&str, &str)], pool| read(pairs).policy().bounds_of(pool).min_nodes;
    let pools = ("POOL_LABEL", "pool");
    assert_eq!(minimum(&[pools], "users"), 0);
    assert_eq!(minimum(&[pools, ("MIN_NODES", "gpu=1")], "users"), 0);
    assert_eq!(minimum(&[pools, ("MIN_NODES", "gpu=1")], "gpu"), 1);
    assert_eq!(minimum(&[pools, ("MIN_NODES", "3")], "users"), 3);
    assert_eq!(minimum(&[], ""), 3);
    let shown =
        read(&[pools]).values().iter().find(|value| value.entry.name == "MIN_NODES").cloned().unwrap();
    assert_eq!((shown.text.as_str(), shown.origin), ("0", Origin::Default));
    // A pool of two nodes is no contradiction to a default of three.
    assert_eq!(minimum(&[pools, ("MAX_NODES", "gpu=2")], "gpu"), 0);
}

#[test]
fn bounds_are_in_order_in_every_pool() {
    let pools = ("POOL_LABEL", "pool");
    let cases = [
        (
            vec![pools, ("MIN_NODES", "3:gpu=80")],
            vec!["MIN_NODES=80 is above MAX_NODES=72 (default) in pool gpu"],
        ),
        (
            vec![pools, ("MIN_NODES", "3"), ("MAX_NODES", "gpu=2")],
            vec!["MIN_NODES=3 is above MAX_NODES=2 in pool gpu"],
        ),
        (
            vec![pools, ("MAX_UTILIZATION", "0.85:gpu=0.7")],
            vec!["OPTIMAL_UTILIZATION=0.75 (default) is above MAX_UTILIZATION=0.7 in pool gpu"],
        ),
        // A problem of all pools is reported once.
        (vec![pools, ("MIN_NODES", "9:gpu=0"), ("MAX_NODES", "8")], vec!["MIN_NODES=9 is above MAX_NODES=8"]),
    ];
    for (pairs, expected) in cases {
        assert_eq!(first_lines(&pairs), expected, "{pairs:?}");
    }
}

#[test]
fn a_pool_without_pools_is_a_problem() {
    let lines =
        first_lines(&[("MIN_NODES", "3:gpu=0"), ("KEEP_ZONES", "gpu=false"), ("NODE_GROUPS", "big=a")]);
    let expected = [
        "NODE_GROUPS=big=a: names pool big, but POOL_LABEL is unset",
        "MIN_NODES=3:gpu=0: names pool gpu, but POOL_LABEL is unset",
        "KEEP_ZONES=gpu=false: names pool gpu, but POOL_LABEL is unset",
    ];
    assert_eq!(lines, expected);
    // If the label itself is wrong, it is unknown whether there are pools.
    assert_eq!(first_lines(&[("MIN_NODES", "3:gpu=0"), ("POOL_LABEL", "a b")]).len(), 1);
}

/// An env file keeps quotes, and a file that becomes the value of a `ConfigMap` ends in a line break.
#[test]
fn quotes_line_breaks_and_blanks_around_a_valid_value_are_named() {
    let lines = first_lines(&[
        ("MAX_UTILIZATION", "\"0.85\""),
        ("PREEMPTIBLE_LABELS", "'hub.jupyter.org/username'"),
        ("MIN_NODES", "3\n"),
        ("OMIT_LABELS", "hub.jupyter.org/username\n"),
        ("MAX_NODES", " 5"),
        ("CAPACITY", "\"weight\""),
    ]);
    let expected = [
        "MAX_UTILIZATION=\"\\\"0.85\\\"\": in literal quotes; remove them",
        "MIN_NODES=\"3\\n\": ends in a line break; remove it",
        "MAX_NODES=\" 5\": has blanks around it; remove them",
        "PREEMPTIBLE_LABELS='hub.jupyter.org/username': in literal quotes; remove them",
        "OMIT_LABELS=\"hub.jupyter.org/username\\n\": ends in a line break; remove it",
        "CAPACITY=\"\\\"weight\\\"\": unknown word",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_misspelt_variable_is_named_beside_the_problems() {
    let pairs = [("MAX_NODE", "5"), ("MIN_NODES", "80")];
    let error = Settings::from_pairs(pairs).unwrap_err();
    let expected = "a setting is not valid\n  MIN_NODES=80 is above MAX_NODES=72 (default)\n    \
                    expected MIN_NODES <= MAX_NODES (defaults 3 and 72)\n  \
                    MAX_NODE is not a setting and has no effect; did you mean MAX_NODES?";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_value_that_is_not_valid_is_not_compared_with_others() {
    assert_eq!(problems(&[("MAX_NODES", "NaN"), ("MIN_NODES", "100")]).len(), 1);
}

#[test]
fn letter_case_makes_no_second_variable() {
    assert_eq!(read(&[("max_nodes", "5")]).policy().bounds.max_nodes, 5);
    let twice = "MAX_NODES is given more than once: as MAX_NODES and max_nodes\n  \
                 expected one of them; the letter case makes no difference";
    assert_eq!(problems(&[("max_nodes", "5"), ("MAX_NODES", "5")]), [twice]);
    // One of them is empty, and so not given.
    assert_eq!(read(&[("max_nodes", "5"), ("MAX_NODES", "")]).policy().bounds.max_nodes, 5);
}

#[test]
fn what_is_nearly_a_setting_is_a_warning_and_other_variables_are_none() {
    let told = warnings(&[
        ("MAX_UTILISATION", "0.9"),
        ("min_node", "1"),
        ("PATH", "/bin"),
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
        ("", "nothing"),
    ]);
    let expected = [
        "MAX_UTILISATION is not a setting and has no effect; did you mean MAX_UTILIZATION?",
        "min_node is not a setting and has no effect; did you mean MIN_NODES?",
    ];
    assert_eq!(told, expected);
}

#[test]
fn usage_counts_only_where_a_source_with_an_address_tells_it() {
    let expected = "expected requests, usage or larger (default requests)";
    let nothing = format!("DEMAND=usage: counts what pods use, but USAGE is none\n  {expected}");
    assert_eq!(problems(&[("DEMAND", "usage")]), [nothing]);
    let expected = "expected none, metrics-server or prometheus (default none)";
    let nobody = format!("USAGE=prometheus: asks a Prometheus, but PROMETHEUS_URL is unset\n  {expected}");
    assert_eq!(problems(&[("USAGE", "prometheus"), ("DEMAND", "larger")]), [nobody]);
    assert_eq!(*read(&[("USAGE", "metrics-server"), ("DEMAND", "usage")]).usage(), UsageFrom::MetricsServer);
    assert_eq!(*read(&[]).usage(), UsageFrom::Nothing);
}

/// Without a label a notebook of a StatefulSet, say, looks like any other pod that its controller recreates.
#[test]
fn critical_pods_move_only_where_labels_tell_users_pods() {
    let expected = "expected none, omitted or movable (default none)";
    let unknown =
        format!("DRAIN=movable: PREEMPTIBLE_LABELS is unset, so users' pods are not known\n  {expected}");
    assert_eq!(problems(&[("DRAIN", "movable")]), [unknown]);
    assert_eq!(read(&[("DRAIN", "movable"), ("PREEMPTIBLE_LABELS", "user")]).policy().drain, Drain::Movable);
    assert_eq!(read(&[("DRAIN", "omitted")]).policy().drain, Drain::Omitted);
}

#[test]
fn half_of_the_own_pods_name_is_a_warning() {
    let told = warnings(&[("POD_NAME", "rebalancer-1")]);
    assert_eq!(told, ["POD_NAME is set but POD_NAMESPACE is not: this run's own pod is not recognised"]);
}

#[test]
fn problems_fit_80_columns_however_long_a_value_is() {
    let long = "x 'y".repeat(1000);
    let error = Settings::from_pairs(catalog::ENTRIES.iter().map(|entry| (entry.name, &long))).unwrap_err();
    assert_eq!(error.problems.len(), catalog::ENTRIES.len());
    for line in error.to_string().lines() {
        assert!(line.chars().count() <= 80, "{} characters: {line}", line.chars().count());
    }
}

#[test]
fn the_page_of_settings_lists_those_of_the_catalogue() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md")).unwrap();
    let (_, rest) = page.split_once("<!-- settings:begin -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- settings:end -->").unwrap();
    let expected = catalog::markdown_table();
    assert!(table == expected, "replace the table of settings in docs/settings.md by\n{expected}");
}
