//! Growing and deleting: the requests, and the interpretation of answers.

use super::toy::{Cloud, State, Toy, Way, member, now, toy};
use crate::{Became, InstanceState, Member, delete, grow};

fn grown(size: u32, change: impl FnOnce(&mut State)) -> (Became<String>, Vec<String>) {
    let cloud = Cloud::new(&[], |state| {
        state.size = size;
        change(state);
    });
    let became = now(grow(&cloud, "z1/pool", 5, 8));
    let log = std::mem::take(&mut cloud.state().log);
    (became, log)
}

#[test]
fn a_group_is_asked_for_what_is_missing_when_its_turn_comes() {
    for (size, became, asked) in [
        (5, Became::Done, Some(8)),
        (6, Became::Done, Some(8)),
        (3, Became::Done, Some(6)),
        (8, Became::AlreadySo, None),
        (9, Became::AlreadySo, None),
    ] {
        let requests: Vec<String> =
            ["size".to_owned()].into_iter().chain(asked.map(|size| format!("resize to {size}"))).collect();
        assert_eq!(grown(size, |_| {}), (became, requests), "the group has {size}");
    }
}

#[test]
fn a_group_that_must_not_grow_is_not_asked() {
    let (became, log) = grown(5, |state| state.not_growable = Some("somebody else scales it".to_owned()));
    assert_eq!(became, Became::Refused("somebody else scales it".to_owned()));
    assert_eq!(log, ["size"]);
}

#[test]
fn a_lost_answer_to_growing_is_looked_up() {
    assert_eq!(grown(5, |state| state.way = Way::Refuse).0, Became::Failed("no".to_owned()));
    let (became, log) = grown(5, |state| state.way = Way::LoseAnswer);
    assert_eq!((became, log.last().map(String::as_str)), (Became::Done, Some("size again")));
    assert_eq!(grown(5, |state| state.way = Way::LoseRequest).0, Became::NotSeen("silence".to_owned()));
    let blind = |state: &mut State| (state.way, state.blind) = (Way::LoseAnswer, (false, true));
    assert_eq!(grown(5, blind).0, Became::InDoubt("silence".to_owned()));
}

#[test]
fn a_group_whose_size_is_not_known_is_not_asked() {
    let (became, log) = grown(5, |state| state.blind = (true, false));
    assert_eq!((became, log), (Became::Failed("no size today".to_owned()), vec!["size".to_owned()]));
}

#[test]
fn a_run_that_is_over_asks_for_nothing() {
    let over = || Became::Failed("the run is over".to_owned());
    let (became, log) = grown(5, |state| state.stop_at = Some("size"));
    assert_eq!((became, log), (over(), vec!["size".to_owned()]));
    let (answers, log) = deleted(&["a"], |state| state.stop_at = Some("list"));
    assert_eq!((answers, log), (vec![over()], vec!["list".to_owned()]));
}

fn deleted(names: &[&str], change: impl FnOnce(&mut State)) -> (Vec<Became<String>>, Vec<String>) {
    let cloud = Cloud::new(names, change);
    let members: Vec<Member<Toy>> = names.iter().map(|name| member(name)).collect();
    let mut answers = now(delete(&cloud, "z1/pool", members.iter().enumerate().collect()));
    answers.sort_by_key(|(at, _)| *at);
    assert!(answers.iter().map(|(at, _)| *at).eq(0..names.len()), "one answer for each: {answers:?}");
    let log = std::mem::take(&mut cloud.state().log);
    (answers.into_iter().map(|(_, became)| became).collect(), log)
}

#[test]
fn instances_are_deleted_in_batches_and_looked_for_afterwards() {
    let (answers, log) = deleted(&["a", "b", "c"], |state| state.batch = 2);
    assert_eq!(answers, vec![Became::Done; 3]);
    assert_eq!(log, ["list", "remove a, b", "remove c", "list again"]);
}

#[test]
fn an_instance_that_is_gone_going_or_made_anew_is_not_asked_for() {
    let (answers, log) = deleted(&["gone", "going", "anew", "unborn", "there"], |state| {
        state.instances[1].state = InstanceState::Leaving;
        state.instances[2].uid = Some("uid-another".to_owned());
        state.instances[3].state = InstanceState::Creating;
        state.instances.remove(0);
    });
    assert_eq!(
        answers,
        [
            Became::AlreadySo,
            Became::AlreadySo,
            Became::Conflict("instance z1/anew was recreated meanwhile".to_owned()),
            Became::Conflict("instance z1/unborn is being recreated".to_owned()),
            Became::Done,
        ]
    );
    assert_eq!(log, ["list", "remove there", "list again"]);
}

#[test]
fn an_instance_that_lost_its_uid_is_not_the_one_that_was_proven() {
    let (answers, _) = deleted(&["a"], |state| state.instances[0].uid = None);
    assert_eq!(answers, [Became::Conflict("instance z1/a was recreated meanwhile".to_owned())]);
}

#[test]
fn what_the_group_skipped_was_not_taken() {
    let (answers, _) = deleted(&["a", "b"], |state| state.skipped = [toy("b")].into());
    let skipped = "its group did not take instance z1/b for deletion".to_owned();
    assert_eq!(answers, [Became::Done, Became::NotTaken(skipped)]);
}

#[test]
fn a_lost_answer_to_deleting_is_looked_up_and_in_doubt_where_that_shows_nothing() {
    let by =
        |way: Way, blind: bool| deleted(&["a"], |state| (state.way, state.blind) = (way, (false, blind))).0;
    let silence = || [Became::InDoubt("silence".to_owned())];
    assert_eq!(by(Way::LoseAnswer, false), [Became::Done]);
    assert_eq!(by(Way::LoseRequest, false), silence());
    assert_eq!(by(Way::LoseAnswer, true), silence());
    assert_eq!(
        by(Way::Obey, true),
        [Became::InDoubt(
            "it was accepted, but whether the instance is deleted is not known: no list today".to_owned()
        )]
    );
    assert_eq!(by(Way::Refuse, false), [Became::Failed("no".to_owned())]);
}

#[test]
fn after_a_refusal_nobody_looks_again() {
    let (_, log) = deleted(&["a"], |state| state.way = Way::Refuse);
    assert_eq!(log, ["list", "remove a"]);
}

#[test]
fn without_a_list_nothing_is_deleted() {
    let (answers, log) = deleted(&["a", "b"], |state| state.blind = (true, false));
    assert_eq!(
        (answers, log),
        (vec![Became::Failed("no list today".to_owned()); 2], vec!["list".to_owned()])
    );
}
