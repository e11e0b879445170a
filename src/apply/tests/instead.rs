//! Growing: a group that refuses gives way to the next, and what was not created is not noted as created.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube_rebalancer_core::model::{CreatedFor, Ledger};
use kube_rebalancer_ports::{GroupAnswer, Outcome};

use super::failed;
use super::world::{World, grow, grow_one_of};

#[test]
fn a_group_that_refuses_gives_way_to_the_next_that_can_make_the_same_nodes() {
    let words = || "words".to_owned();
    let first = "grow zone/pool 2 to 4";
    let second = "grow zone/next 1 to 3";
    for (answer, expected, log) in [
        (GroupAnswer::Exhausted(words()), Outcome::Applied, vec![first, second]),
        (GroupAnswer::Quota(words()), Outcome::Applied, vec![first, second]),
        (GroupAnswer::Refused(words()), Outcome::Applied, vec![first, second]),
        // It may have been done, or the same may happen anywhere.
        (GroupAnswer::InDoubt(words()), failed("words"), vec![first]),
        (GroupAnswer::Failed(words()), failed("words"), vec![first]),
        (GroupAnswer::Conflict(words()), Outcome::Postponed(words()), vec![first]),
    ] {
        let refusing = BTreeMap::from([("zone/pool", answer.clone())]);
        let world = World { refusing, ..World::new(&[], &[]) };
        let ended = world.apply(&[], vec![grow_one_of(Some("zone/pool"), &["zone/next", "zone/last"])]);
        assert_eq!(ended.applied.outcomes, [expected], "{answer:?}");
        assert_eq!(ended.log, log, "{answer:?}");
    }
}

#[test]
fn where_every_group_refuses_the_words_of_the_first_are_told() {
    let out = |words: &str| GroupAnswer::Exhausted(words.to_owned());
    let refusing = BTreeMap::from([("zone/pool", out("none here")), ("zone/next", out("nor here"))]);
    let world = World { refusing, ..World::new(&[], &[]) };
    let ended = world.apply(&[], vec![grow_one_of(Some("zone/pool"), &["zone/next"])]);
    assert_eq!(ended.applied.outcomes, [failed("none here")]);
    assert_eq!(ended.log.len(), 2);
}

fn noted(nodes: u32) -> Ledger {
    let at = Timestamp::constant(1_800_000_000, 0);
    let key = ("uid-ada".to_owned(), "zone/pool".to_owned());
    Ledger { created_for: BTreeMap::from([(key, CreatedFor { nodes, at })]), ..Ledger::default() }
}

#[test]
fn a_node_that_was_not_created_is_not_noted_as_created() {
    let fails = || BTreeMap::from([("zone/pool", GroupAnswer::Failed("no".to_owned()))]);
    for (case, before, refusing, expected) in [
        ("done", None, BTreeMap::new(), vec![noted(1)]),
        ("failed", None, fails(), vec![Ledger::default()]),
        ("done again", Some(noted(1)), BTreeMap::new(), vec![noted(2)]),
        ("failed the second time", Some(noted(1)), fails(), vec![]),
    ] {
        let planned = noted(before.as_ref().map_or(1, |_| 2));
        let world = World { ledgers: (before, Some(planned)), refusing, ..World::new(&[], &[]) };
        let ended = world.apply(&[], vec![grow(Some("zone/pool"))]);
        assert_eq!(ended.remembered, expected, "{case}");
    }
}
