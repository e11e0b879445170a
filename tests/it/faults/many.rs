//! Many cases side by side: most of their time is spent waiting.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Enough to wait side by side, few enough that starting processes on a small machine does not make them time out.
const SIDE_BY_SIDE: usize = 32;

/// Judges each case; collects what is wrong with any.
pub(crate) fn complaints<Case: Sync>(
    cases: &[Case],
    judge: impl Fn(&Case) -> Vec<String> + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let complaints = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE.min(cases.len()) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = judge(case);
                    complaints.lock().unwrap().extend(found);
                }
            });
        }
    });
    complaints.into_inner().unwrap()
}
