//! The time of a dump. `kubectl` does not write it into the dump, and the time of a file changes with a copy, so it must
//! be in the name of the file.

use std::path::Path;

use jiff::Timestamp;

/// The first time in the name of a file: `2026-01-15T09:00:00Z`, `20260115T090000Z` (no colons, for Windows), or ten
/// digits, seconds since 1970.
pub(super) fn dump_time(path: &Path) -> Option<Timestamp> {
    let name = path.file_name()?.to_str()?;
    let begins = |&(at, _): &(usize, &str)| !name.get(..at).is_some_and(|before| before.ends_with(is_digit));
    name.match_indices(is_digit).filter(begins).find_map(|(at, _)| time(name.get(at..)?))
}

fn time(text: &str) -> Option<Timestamp> {
    let digits = text.find(|character: char| !is_digit(character)).unwrap_or(text.len());
    if digits == 10 {
        return Timestamp::from_second(text.get(..digits)?.parse().ok()?).ok();
    }
    let (time, _) = text.split_once('Z')?;
    format!("{time}Z").parse().ok()
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_dump_has_its_time() {
        let nine = Some("2026-01-15T09:00:00Z");
        let cases = [
            ("pods-2026-01-15T09:00:00Z.json", nine),
            ("/a/2025/pods-20260115T090000Z.json", nine),
            ("2026-01-15T090000Z", nine),
            ("1768467600.json", nine),
            ("cluster-2-1768467600.json", nine),
            ("pods.json", None),
            ("pods-2026-01-15.json", None),
            ("pods-17684676001.json", None),
            ("pods-2026-13-15T09:00:00Z.json", None),
            ("2026-01-15T09:00:00Z/pods.json", None),
            ("", None),
        ];
        for (name, time) in cases {
            assert_eq!(dump_time(Path::new(name)), time.map(|time| time.parse().unwrap()), "{name}");
        }
    }
}
