//! Files and variables as people have them.

use std::fs;

use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

fn password(user: Named, password: &str, project: Named) -> Login {
    Login::Password { user, password: Secret(password.to_owned()), project }
}

fn name(name: &str, domain: Domain) -> Named {
    Named::Name(name.to_owned(), domain)
}

fn domain(name: &str) -> Domain {
    Domain::Name(name.to_owned())
}

const CLOUDS: &str = r#"
clouds:
  jetstream:
    profile: whatever
    auth_type: v3applicationcredential
    auth:
      auth_url: https://js2.jetstream-cloud.org:5000/v3/
      application_credential_id: "abc"
    region_name: IU
    interface: public
    identity_api_version: 3
    verify: false
  lab:
    auth:
      auth_url: http://lab.example.org:5000
      username: ops
      password: 12345
      project_name: hub
      user_domain_name: Users
      project_domain_id: default
    cacert: /etc/lab.pem
"#;

#[test]
fn a_cloud_of_clouds_yaml_is_found_by_its_name_with_its_secret_beside_it() {
    let secure = "clouds:\n  jetstream:\n    auth:\n      application_credential_secret: s3cret\n";
    let (_kept, path) = folder(&[("clouds.yaml", CLOUDS), ("secure.yaml", secure)]);
    let file = path.join("clouds.yaml");
    let of =
        |cloud: &str| environment(&[("OS_CLIENT_CONFIG_FILE", file.to_str().unwrap()), ("OS_CLOUD", cloud)]);
    let found = find(None, &of("jetstream")).unwrap();
    assert_eq!(found.auth_url, "https://js2.jetstream-cloud.org:5000/v3");
    let secret = Secret("s3cret".to_owned());
    assert_eq!(found.login, Login::Application { credential: Application::Id("abc".to_owned()), secret });
    assert_eq!(
        (found.region.as_deref(), &*found.interface, found.tls.insecure),
        (Some("IU"), "public", true)
    );
    let found = find(None, &of("lab")).unwrap();
    assert_eq!(found.auth_url, "http://lab.example.org:5000/v3");
    let project = name("hub", Domain::Id("default".to_owned()));
    assert_eq!(found.login, password(name("ops", domain("Users")), "12345", project));
    assert_eq!(found.tls.authorities, Some(PathBuf::from("/etc/lab.pem")));
    let error = find(None, &of("mars")).unwrap_err();
    assert_eq!(error.message, format!("{} has no cloud `mars`; it has: jetstream, lab", file.display()));
    // Neither name nor secret of another cloud is shown.
    assert!(!format!("{found:?}").contains("12345"));
}

#[test]
fn two_clouds_and_none_named_are_one_clear_error() {
    let (_kept, path) = folder(&[("clouds.yaml", CLOUDS)]);
    let file = path.join("clouds.yaml");
    let error = find(None, &environment(&[("OS_CLIENT_CONFIG_FILE", file.to_str().unwrap())])).unwrap_err();
    let told = format!("{} has 2 clouds: jetstream, lab; set OS_CLOUD to the one you mean", file.display());
    assert_eq!(error.message, told);
}

#[test]
fn the_usual_places_are_looked_at_in_their_order() {
    let one = "clouds:\n  a:\n    auth: {auth_url: 'http://a', username: u, password: p, project_id: x}\n";
    let (_kept, path) = folder(&[]);
    fs::create_dir_all(path.join(".config/openstack")).unwrap();
    fs::write(path.join(".config/openstack/clouds.yml"), one).unwrap();
    let home = environment(&[("HOME", path.to_str().unwrap())]);
    assert_eq!(find(None, &home).unwrap().auth_url, "http://a/v3");
    fs::remove_file(path.join(".config/openstack/clouds.yml")).unwrap();
    let error = find(None, &home).unwrap_err();
    assert!(
        error
            .message
            .starts_with("no credentials for OpenStack: neither CLOUD_CONFIG, OS_CLOUD nor OS_AUTH_URL"),
        "{error}"
    );
    let error = find(None, &environment(&[("OS_CLOUD", "x")])).unwrap_err();
    assert!(
        error.message.starts_with("OS_CLOUD is `x`, and there is no clouds.yaml; looked for ./clouds.yaml"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_not_understood_is_told_without_its_words() {
    for text in
        ["clouds: [a, b]\n", "clouds:\n  a:\n    auth: hunter2\n", "clouds:\n  a: {password: \"hunter2\n"]
    {
        let (_kept, path) = folder(&[("clouds.yaml", text)]);
        let file = path.join("clouds.yaml");
        let error =
            find(None, &environment(&[("OS_CLIENT_CONFIG_FILE", file.to_str().unwrap())])).unwrap_err();
        assert!(error.message.contains("is not understood"), "{text}: {error}");
        assert!(!error.message.contains("hunter2"), "{error}");
    }
}

#[test]
fn the_file_of_the_cloud_controller_is_read_quotes_and_all() {
    let text = r#"
# made by kubespray
[Global]
auth-url="https://cloud.example.org:5000/v3"
username="ops"
password="a#b;c\"d"  ; quoted
region=RegionOne
tenant-id=263fd9d2
domain-name = Default ; of both
tls-insecure=false
os-endpoint-type = internalURL
ca-file="/etc/config/ca.pem"

[LoadBalancer]
enabled=true
"#;
    let (_kept, path) = folder(&[("cloud.conf", text)]);
    let file = path.join("cloud.conf");
    // It takes precedence over the variables.
    let found =
        find(file.to_str(), &environment(&[("OS_AUTH_URL", "http://other"), ("OS_CLOUD", "x")])).unwrap();
    assert_eq!(found.auth_url, "https://cloud.example.org:5000/v3");
    let project = Named::Id("263fd9d2".to_owned());
    assert_eq!(found.login, password(name("ops", domain("Default")), "a#b;c\"d", project));
    assert_eq!((found.region.as_deref(), &*found.interface), (Some("RegionOne"), "internal"));
    assert_eq!(found.tls, Tls { authorities: Some("/etc/config/ca.pem".into()), own: None, insecure: false });
}

#[test]
fn the_file_of_the_cloud_controller_may_name_an_application_credential_or_clouds_yaml() {
    let application = "[global]\nauth-url=http://k\napplication-credential-name=reb\napplication-credential-secret=s\n\
                       username=ops\nuser-domain-id=default\n";
    let (_kept, path) = folder(&[("cloud.conf", application), ("clouds.yaml", CLOUDS)]);
    let file = path.join("cloud.conf");
    let found = find(file.to_str(), &Environment::default()).unwrap();
    let credential = Application::Name("reb".to_owned(), name("ops", Domain::Id("default".to_owned())));
    assert_eq!(found.login, Login::Application { credential, secret: Secret("s".to_owned()) });
    let clouds = path.join("clouds.yaml");
    fs::write(&file, format!("[Global]\nuse-clouds=true\nclouds-file={}\ncloud=lab\n", clouds.display()))
        .unwrap();
    let found = find(file.to_str(), &Environment::default()).unwrap();
    assert_eq!(found.source, format!("cloud `lab` of {}", clouds.display()));
}

#[test]
fn with_use_clouds_a_value_of_the_section_takes_precedence() {
    let (_kept, path) = folder(&[("clouds.yaml", CLOUDS)]);
    let (file, clouds) = (path.join("cloud.conf"), path.join("clouds.yaml"));
    let text = "use-clouds=true\ncloud=lab\nregion=RegionTwo\npassword=other\nca-file=/etc/ca.pem\n";
    fs::write(&file, format!("[Global]\nclouds-file={}\n{text}", clouds.display())).unwrap();
    let found = find(file.to_str(), &Environment::default()).unwrap();
    let project = name("hub", Domain::Id("default".to_owned()));
    assert_eq!(found.login, password(name("ops", domain("Users")), "other", project));
    assert_eq!(
        (&*found.auth_url, found.region.as_deref()),
        ("http://lab.example.org:5000/v3", Some("RegionTwo"))
    );
    assert_eq!(found.tls.authorities, Some(PathBuf::from("/etc/ca.pem")));
}

#[test]
fn a_trust_has_a_trustee_and_no_project() {
    let trust = |user: Named, secret: &str| Login::Trust {
        user,
        password: Secret(secret.to_owned()),
        trust: "t1".to_owned(),
    };
    let trustee = trust(Named::Id("u1".to_owned()), "p1");
    for text in [
        // As Magnum writes it.
        "user-id=u1\npassword=p1\ntrust-id=t1\n",
        // As Manila's driver reads it; the user is the trustor.
        "trustee-id=u1\ntrustee-password=p1\ntrust-id=t1\nuser-id=u2\npassword=p2\ntenant-id=x\n",
    ] {
        let (_kept, path) = folder(&[("cloud.conf", &format!("[Global]\nauth-url=http://k\n{text}"))]);
        let found = find(path.join("cloud.conf").to_str(), &Environment::default()).unwrap();
        assert_eq!(found.login, trustee, "{text}");
    }
    let variables = [
        ("OS_AUTH_URL", "http://k"),
        ("OS_USERNAME", "ops"),
        ("OS_PASSWORD", "p1"),
        ("OS_USER_DOMAIN_ID", "default"),
        ("OS_TRUST_ID", "t1"),
    ];
    let user = name("ops", Domain::Id("default".to_owned()));
    assert_eq!(find(None, &environment(&variables)).unwrap().login, trust(user, "p1"));
    let clouds = "clouds:\n  a:\n    auth: {auth_url: 'http://k', user_id: u1, password: p1, trust_id: t1}\n";
    let (_kept, path) = folder(&[("clouds.yaml", clouds)]);
    let file = path.join("clouds.yaml");
    let only = environment(&[("OS_CLIENT_CONFIG_FILE", file.to_str().unwrap())]);
    assert_eq!(find(None, &only).unwrap().login, trustee);
}

#[test]
fn a_file_of_the_cloud_controller_that_lacks_something_is_one_clear_line() {
    for (text, told) in [
        ("", "it has no section [Global]; it has: none"),
        (
            "[LoadBalancer]\na=b\n[Networking]\n",
            "it has no section [Global]; it has: [loadbalancer], [networking]",
        ),
        ("[Global]\nusername=ops\n", "the auth URL is missing"),
        ("[Global]\nauth-url=http://k\n", "the user is missing"),
        ("[Global]\nauth-url=http://k\nusername=u\n", "the password is missing"),
        ("[Global]\nauth-url=http://k\nusername=u\npassword=p\n", "the project is missing"),
        ("[Global]\nauth-url=http://k\ntrust-id=t\npassword=p\n", "the user is missing"),
        ("[Global]\nauth-url=http://k\ntrust-id=t\ntrustee-id=u\n", "the password is missing"),
        (
            "[Global]\nauth-url=http://k\nusername=u\npassword=p\ntenant-id=t\nkey-file=k\n",
            "it names a key and no certificate",
        ),
        ("[Global]\npassword=\"hunter2\n", "line 2: a quote is not closed in the value of password"),
    ] {
        let (_kept, path) = folder(&[("cloud.conf", text)]);
        let file = path.join("cloud.conf");
        let error = find(file.to_str(), &Environment::default()).unwrap_err();
        assert_eq!(error.message, format!("CLOUD_CONFIG {}: {told}", file.display()));
    }
    let error = find(Some("/nowhere/cloud.conf"), &Environment::default()).unwrap_err();
    assert!(error.message.starts_with("CLOUD_CONFIG: cannot read /nowhere/cloud.conf: "), "{error}");
}
