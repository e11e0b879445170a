//! Cutting a document up must not show: same objects and same errors as when it is read in one piece.

use std::io;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

/// An input that gives at most this number of bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.1);
        self.0.read(&mut buffer[..count])
    }
}

/// The result of reading: nodes, pods, and objects of other kinds; or the message.
fn outcome(text: &str, bytes_at_a_time: usize) -> Result<(usize, usize, String), String> {
    let mut collector = Collector::default();
    match read(Trickle(text.as_bytes(), bytes_at_a_time), 0, &mut collector) {
        Ok(()) => {
            let others = collector.take_others().to_string();
            let observation = collector.finish(Timestamp::UNIX_EPOCH).unwrap();
            Ok((observation.snapshot.nodes().len(), observation.snapshot.pods_seen(), others))
        }
        Err(ReadProblem::Json(error)) => Err(error.to_string()),
        Err(other) => Err(other.to_string()),
    }
}

const NODE: &str = r#"{"kind":"Node","metadata":{"name":"n]}\"\\"},"status":{"capacity":{}}}"#;

#[test]
fn documents_are_cut_where_they_should_be() {
    let nothing = || "nothing".to_owned();
    for (text, expected) in [
        (format!(r#"{{"kind":"List","items":[{NODE}]}}"#), (1, 0, nothing())),
        (format!("{{\"items\" :\n[\n{NODE} ]\n, \"kind\":\"List\"}}"), (1, 0, nothing())),
        // the key written with an escape is the same key, only not seen by the cutter
        (format!(r#"{{"kind":"List","it\u0065ms":[{NODE}]}}"#), (1, 0, nothing())),
        (format!(r#"{{"kind":"List","metadata":{{"items":["x"]}},"items":[{NODE}]}}"#), (1, 0, nothing())),
        (format!(r#"{{"kind":"List","x":"items","y":["items",[1]],"items":[{NODE}]}}"#), (1, 0, nothing())),
        (r#"{"kind":"NodeList","items":[]}"#.to_owned(), (0, 0, nothing())),
        (r#"{"kind":"NodeList","items":null,"x":[1,-2.5e3,true,"\""]}"#.to_owned(), (0, 0, nothing())),
        (r#"{"kind":"PodList","items":[{"metadata":{"name":"p"}}]}"#.to_owned(), (0, 1, nothing())),
        (
            r#"{"items":[{"metadata":{"name":"p"},"spec":{"containers":[{}]}}],"kind":"PodList"}"#.to_owned(),
            (0, 1, nothing()),
        ),
        (
            format!("{NODE}{{\"kind\":\"Secret\"}}\n{{}}"),
            (1, 0, "1 objects without a kind, 1 Secret".to_owned()),
        ),
    ] {
        for bytes_at_a_time in [1, 7, usize::MAX] {
            assert_eq!(outcome(&text, bytes_at_a_time), Ok(expected.clone()), "{text}");
        }
    }
}

#[test]
fn errors_name_the_place_in_the_whole_input() {
    let cut = |bytes: usize| {
        format!("is cut off: the JSON document is incomplete at the end of the input, after {bytes} bytes")
    };
    for (text, expected) in [
        // in the frame, before, behind and between the items
        ("{\"kind\": Lost}", "expected value at line 1 column 10".to_owned()),
        (
            "{\"kind\": 5,\n \"items\":[]}",
            "invalid type: integer `5`, expected a string at line 1 column 10".to_owned(),
        ),
        ("{\"kind\":\"List\",\n\"items\":[{},\n{}], \"x\" 1}", "expected `:` at line 3 column 10".to_owned()),
        ("{\"kind\":\"List\",\"items\":[{},\n{}],\n\"x\" 1}", "expected `:` at line 3 column 5".to_owned()),
        ("{\"items\":[{}\n {}]}", "expected `,` or `]` at line 2 column 2".to_owned()),
        ("{\"items\":[{},\n]}", "trailing comma at line 2 column 1".to_owned()),
        ("{\"items\":[,{}]}", "expected value at line 1 column 11".to_owned()),
        // in an item
        ("{\"items\":[{},\n  {\"a\": x}]}", "expected value at line 2 column 9".to_owned()),
        ("{\"items\":[{},\n  {\n\"a\": x}]}", "expected value at line 3 column 6".to_owned()),
        ("{\"items\":[{\"a\":]}]}", "expected value at line 1 column 16".to_owned()),
        (
            "{\"items\":[\n7, {}]}",
            "invalid type: integer `7`, expected a Kubernetes object at line 2 column 1".to_owned(),
        ),
        // behind another document
        ("{}\n {} x", "expected value at line 2 column 5".to_owned()),
        // cut off at every level
        ("{", cut(1)),
        ("{\"kind\"", cut(7)),
        ("{\"kind\":\"Li", cut(11)),
        ("{\"items\":[", cut(10)),
        ("{\"items\":[{}", cut(12)),
        ("{\"items\":[{},", cut(13)),
        ("{\"items\":[{\"a\":[1", cut(17)),
        ("{\"items\":[{}]", cut(13)),
        ("{}\n\n{", cut(5)),
    ] {
        for bytes_at_a_time in [1, usize::MAX] {
            assert_eq!(outcome(text, bytes_at_a_time), Err(expected.clone()), "{text}");
        }
    }
}

/// The same in one piece, by `serde_json` alone.
fn outcome_in_one_piece(text: &str) -> Option<(usize, usize, String)> {
    let mut collector = Collector::default();
    let mut deserializer = serde_json::Deserializer::from_slice(text.as_bytes());
    while deserializer.end().is_err() {
        document::read(&mut deserializer, Guesses::default(), &mut collector).ok()?;
    }
    let others = collector.take_others().to_string();
    let observation = collector.finish(Timestamp::UNIX_EPOCH).ok()?;
    Some((observation.snapshot.nodes().len(), observation.snapshot.pods_seen(), others))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn damage_anywhere_is_found_as_if_the_document_were_read_in_one_piece(
        kind in prop::sample::select(vec!["List", "NodeList", "PodList", "SecretList"]),
        kind_first in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, "[]{}\\[\",:\\\\ex1 \n]"), 0..3),
        bytes_at_a_time in 1..40_usize,
    ) {
        let kind = format!("\"kind\": \"{kind}\"");
        let items = format!("\"items\": [\n{NODE},\n {{\"spec\": {{\"containers\": [{{}}]}}, \"metadata\": {{\"name\": \"}}\\\"\"}}, \"x\": [1]}}]");
        let fields = if kind_first { [kind, items] } else { [items, kind] };
        let mut text = format!("{{{}, \"x\": {{\"items\": []}}}}", fields.join(","));
        for (place, what, replacement) in damage {
            let place = place.index(text.len());
            match what {
                0 => text.insert_str(place, &replacement),
                1 => text.replace_range(place..=place, &replacement),
                _ => text.truncate(place + 1),
            }
        }
        prop_assert_eq!(outcome(&text, bytes_at_a_time).ok(), outcome_in_one_piece(&text), "{}", text);
    }
}
