use std::cell::{Cell, RefCell};

use futures_util::FutureExt;

use super::*;

const PACE: Pace = Pace {
    tries: 3,
    first_pause: Duration::from_millis(400),
    longest_pause: Duration::from_secs(10),
    longest_asked: Duration::from_secs(10),
};

const SOON: Option<Duration> = Some(Duration::ZERO);

/// Time enough for every pause.
fn long(_: bool) -> Duration {
    Duration::from_mins(1)
}

fn failed(error: &'static str, in_doubt: bool, retry_after: Option<Duration>) -> Failed<&'static str> {
    Failed { error, in_doubt, retry_after }
}

/// Makes the tries end as listed, and returns what came of them with the pauses between.
fn run(
    tries: &[Result<u8, Failed<&'static str>>],
    left: impl Fn(bool) -> Duration,
) -> (Result<u8, GivenUp<&'static str>>, Vec<Duration>) {
    let next = Cell::new(0);
    let pauses = RefCell::new(Vec::new());
    let attempt = || {
        let index = next.replace(next.get() + 1);
        async move { tries[index].clone() }
    };
    let sleep = |pause| {
        pauses.borrow_mut().push(pause);
        async {}
    };
    let result = retry(PACE, attempt, left, sleep).now_or_never().unwrap();
    assert_eq!(next.get(), tries.len(), "every try of the list is made");
    (result, pauses.into_inner())
}

#[test]
fn an_answer_ends_the_tries() {
    let (result, pauses) = run(&[Ok(1)], long);
    assert_eq!((result, pauses.len()), (Ok(1), 0));
    let (result, pauses) = run(&[Err(failed("busy", true, SOON)), Ok(2)], long);
    assert_eq!((result, pauses.len()), (Ok(2), 1));
}

#[test]
fn what_cannot_pass_is_not_tried_again() {
    let (result, pauses) = run(&[Err(failed("forbidden", false, None))], long);
    assert_eq!(result, Err(GivenUp { error: "forbidden", in_doubt: false, tries: 1 }));
    assert!(pauses.is_empty());
}

#[test]
fn the_last_failure_is_the_answer_and_a_doubt_stays() {
    let tries =
        [failed("lost", true, SOON), failed("no connection", false, SOON), failed("refused", false, SOON)];
    let (result, pauses) = run(&tries.map(Err), long);
    assert_eq!(result, Err(GivenUp { error: "refused", in_doubt: true, tries: 3 }));
    let [first, second] = pauses[..] else { panic!("{pauses:?}") };
    assert!((200..=400).contains(&first.as_millis()), "{first:?}");
    assert!((400..=800).contains(&second.as_millis()), "{second:?}");
}

#[test]
fn a_server_is_given_the_pause_that_it_asks_for() {
    let seconds = Duration::from_secs(7);
    let (result, pauses) = run(&[Err(failed("slower", false, Some(seconds))), Ok(3)], long);
    assert_eq!((result, pauses), (Ok(3), vec![seconds]));
}

#[test]
fn a_pause_that_would_use_up_the_time_left_is_not_begun() {
    let asked = Some(Duration::from_secs(7));
    let left = |seconds| move |_| Duration::from_secs(seconds);
    let (result, pauses) = run(&[Err(failed("slower", false, asked))], left(7));
    assert_eq!(result, Err(GivenUp { error: "slower", in_doubt: false, tries: 1 }));
    assert!(pauses.is_empty());
    let (result, _) = run(&[Err(failed("slower", false, asked)), Ok(4)], left(8));
    assert_eq!(result, Ok(4));
}

#[test]
fn the_time_left_may_depend_on_whether_the_request_is_in_doubt() {
    let only_in_doubt = |in_doubt| if in_doubt { Duration::from_mins(1) } else { Duration::ZERO };
    let (result, _) = run(&[Err(failed("no connection", false, SOON))], only_in_doubt);
    assert_eq!(result.map_err(|given_up| given_up.tries), Err(1));
    let (result, _) = run(&[Err(failed("lost", true, SOON)), Ok(5)], only_in_doubt);
    assert_eq!(result, Ok(5));
}
