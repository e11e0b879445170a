//! The difference of two texts, line by line, for a person to read.
#![expect(clippy::indexing_slicing, reason = "a table and two lists, walked within their own lengths")]

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;

/// The changed lines, with `-` before lines only of the expected text and `+` before lines only of the other; `None`
/// if the texts are equal.
pub(super) fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let lines = aligned(&expected.split('\n').collect::<Vec<_>>(), &found.split('\n').collect::<Vec<_>>());
    let changed: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].0 != ' ').collect();
    let shown = |at: usize| changed.iter().any(|change| change.abs_diff(at) <= CONTEXT);
    let mut text = String::new();
    for (at, (mark, line)) in lines.iter().enumerate() {
        if shown(at) {
            text.extend([mark.to_string().as_str(), " ", line, "\n"]);
        } else if at == 0 || shown(at - 1) {
            text += "  ...\n";
        }
    }
    Some(text)
}

/// All lines of both texts in order, each with its mark; as many as possible are common.
fn aligned<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    // common[i][j]: the number of lines that old[i..] and new[j..] have in common, in order.
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

#[test]
fn lines_that_went_and_came_are_marked() {
    assert_eq!(difference("a\nb\n", "a\nb\n"), None);
    assert_eq!(difference("a\nb\nc", "a\nd\nc").unwrap(), "  a\n- b\n+ d\n  c\n");
    assert_eq!(difference("a", "a\n").unwrap(), "  a\n+ \n");
    let far = difference("1\n2\n3\n4\n5\n6\nx", "1\n2\n3\n4\n5\n6\ny").unwrap();
    assert_eq!(far, "  ...\n  4\n  5\n  6\n- x\n+ y\n");
}
