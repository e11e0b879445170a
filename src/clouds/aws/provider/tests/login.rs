//! The sources of credentials and region: only the environment that the program read, not the machine's own.

use fake_asg::Account;
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{CloudScope, NotWanted, ProviderError};

use super::world::{USERS, World, node, node_in, places, snapshot};
use crate::provider::PROVIDER;

const NONE: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];

#[tokio::test]
async fn keys_of_the_environment() {
    let world = World::new(1);
    assert_eq!(places(&world.seen(&[node(1)]).await.1), [Ok(USERS)]);
    let wrong = world.with_variables(&[("AWS_ACCESS_KEY_ID", "AKIAWRONG")]);
    let error = wrong.try_list(&[node(1)]).await.unwrap_err();
    assert!(error.to_string().contains("InvalidClientTokenId"), "{error}");
}

#[tokio::test]
async fn a_profile_of_the_shared_files() {
    let folder = tempfile::tempdir().unwrap();
    let (config, keys) = (folder.path().join("config"), folder.path().join("credentials"));
    std::fs::write(&config, "[profile hub]\nregion = us-east-1\n").unwrap();
    std::fs::write(&keys, "[hub]\naws_access_key_id = AKIAFAKE\naws_secret_access_key = secret\n").unwrap();
    let world = World::new(1).with_variables(&NONE).with_variables(&[
        ("AWS_PROFILE", "hub"),
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_SHARED_CREDENTIALS_FILE", keys.to_str().unwrap()),
    ]);
    assert_eq!(places(&world.seen(&[node(1)]).await.1), [Ok(USERS)]);
}

#[tokio::test]
async fn the_role_of_a_service_account_irsa() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "web-token").unwrap();
    let world = World::new(1).with_variables(&NONE).with_variables(&[
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/kube-rebalancer"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_REGION", "us-east-1"),
    ]);
    world.fake.add_account(Account::temporary("ASIAROLE"));
    assert_eq!(places(&world.seen(&[node(1)]).await.1), [Ok(USERS)]);
    assert_eq!(world.count("AssumeRoleWithWebIdentity"), 1);
    std::fs::write(&token, "another").unwrap();
    let error = world.try_list(&[node(1)]).await.unwrap_err();
    assert!(
        matches!(&error, ProviderError::Unseen(words) if words.contains("there are no credentials")),
        "{error}"
    );
}

#[tokio::test]
async fn pod_identity() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "web-token").unwrap();
    let world = World::new(1);
    let uri = format!("{}/credentials", world.fake.url());
    let world = world.with_variables(&NONE).with_variables(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ]);
    world.fake.add_account(Account::temporary("ASIAPOD"));
    assert_eq!(places(&world.seen(&[node(1)]).await.1), [Ok(USERS)]);
    assert_eq!(world.count("credentials"), 1);
}

#[tokio::test]
async fn without_credentials_the_groups_are_not_seen_and_the_reason_is_told() {
    let world = World::new(1).with_variables(&NONE);
    let error = world.try_list(&[node(1)]).await.unwrap_err();
    assert!(
        matches!(&error, ProviderError::Unseen(words) if words.contains("there are no credentials")),
        "{error}"
    );
    assert!(world.fake.calls().is_empty());
}

#[tokio::test]
async fn the_region_is_the_environments_or_else_what_most_nodes_tell() {
    let world = World::new(3);
    let nodes = [node(1), node(2), node_in(3, "eu-west-1a")];
    let (cloud, _) = world.seen(&nodes).await;
    assert_eq!(cloud.client.unwrap().region, "us-east-1");
    let elsewhere = world.with_variables(&[("AWS_REGION", "eu-west-1")]);
    let error = elsewhere.try_list(&nodes).await.unwrap_err();
    assert!(error.to_string().contains("not 'eu-west-1'"), "the operator's word counts: {error}");
    let nowhere = World::new(0);
    let error = nowhere.try_list(&[]).await.unwrap_err();
    assert!(matches!(&error, ProviderError::Setting(words) if words.contains("set AWS_REGION")), "{error}");
}

#[test]
fn a_run_has_something_to_do_on_aws_where_a_node_is_or_provider_says_so() {
    let wanted =
        |cluster: &Snapshot, scope: &CloudScope| PROVIDER.wanted(cluster.nodes(), &Policy::default(), scope);
    let named = CloudScope { node_groups: ["users".to_owned()].into(), ..CloudScope::default() };
    let told = CloudScope { provider: Some("aws".to_owned()), ..named.clone() };
    assert_eq!(wanted(&snapshot(&[node(1)]), &CloudScope::default()), Ok(()));
    assert_eq!(wanted(&snapshot(&[]), &CloudScope::default()), Err(NotWanted::Elsewhere));
    assert_eq!(wanted(&snapshot(&[]), &named), Err(NotWanted::Elsewhere));
    assert_eq!(wanted(&snapshot(&[]), &told), Ok(()));
}
