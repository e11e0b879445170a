//! Reads a history.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use kube_rebalancer_core::model::{History, LARGEST_PEAK, Resource, SLOTS_KEPT, Slot, history_unit};

use crate::bytes::{take, unzigzag};
use crate::{HEAD, LONGEST, LONGEST_NAME, MOST_BYTES};

/// The reason why a text is no history.
#[derive(Debug, thiserror::Error)]
pub enum BadHistory {
    /// It is longer than every text that this program writes.
    #[error("it has {0} bytes, expected at most {LONGEST}")]
    TooLong(usize),
    /// It is no history, or of an unknown version.
    #[error("it begins with {0:?}, expected {HEAD}")]
    Head(String),
    /// It is not base64.
    #[error("its second line is not base64")]
    Base64(#[from] base64::DecodeError),
    /// It cannot be decompressed.
    #[error("it cannot be decompressed")]
    Compression(#[from] std::io::Error),
    /// The decompressed data are too large.
    #[error("it has more than {MOST_BYTES} bytes when decompressed")]
    TooLarge,
    /// It ends too early, or a number is too large.
    #[error("its {0} cannot be read")]
    Damaged(&'static str),
}

/// Reads a text that [`encode`](crate::encode) wrote.
pub fn decode(text: &str) -> Result<History, BadHistory> {
    if text.len() > LONGEST {
        return Err(BadHistory::TooLong(text.len()));
    }
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    if head.trim_end() != HEAD {
        return Err(BadHistory::Head(head.chars().take(HEAD.len()).collect()));
    }
    let compressed = STANDARD.decode(rest.trim())?;
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    ZlibDecoder::new(compressed.as_slice()).take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MOST_BYTES {
        return Err(BadHistory::TooLarge);
    }
    decode_bytes(&bytes)
}

/// Reads the decompressed bytes.
pub fn decode_bytes(mut bytes: &[u8]) -> Result<History, BadHistory> {
    let mut history = History::default();
    let series = take(&mut bytes).ok_or(BadHistory::Damaged("number of series"))?;
    for _ in 0..series {
        read_series(&mut bytes, &mut history)?;
    }
    if bytes.is_empty() { Ok(history) } else { Err(BadHistory::Damaged("end")) }
}

fn read_series(bytes: &mut &[u8], history: &mut History) -> Result<(), BadHistory> {
    let pool = name(bytes).ok_or(BadHistory::Damaged("name of a pool"))?;
    let resource = match bytes.split_first() {
        Some((0, rest)) => {
            *bytes = rest;
            Resource::Memory
        }
        Some((1, rest)) => {
            *bytes = rest;
            Resource::Cpu
        }
        _ => return Err(BadHistory::Damaged("resource")),
    };
    let first = take(bytes).and_then(|first| u32::try_from(first).ok());
    let first = first.ok_or(BadHistory::Damaged("first slot"))?;
    let slots = take(bytes).filter(|slots| *slots <= u64::from(SLOTS_KEPT) + 1);
    let slots = slots.ok_or(BadHistory::Damaged("number of slots"))?;
    let peaks = peaks(bytes, history_unit(resource), slots).ok_or(BadHistory::Damaged("peaks"))?;
    history.extend(pool, resource, Slot::numbered(first), peaks);
    Ok(())
}

fn name<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = take(bytes).filter(|length| *length <= LONGEST_NAME)?;
    let (name, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    str::from_utf8(name).ok()
}

fn peaks(bytes: &mut &[u8], unit: u64, slots: u64) -> Option<Vec<Option<u64>>> {
    let mut peaks = Vec::new();
    let mut before = 0_i64;
    for _ in 0..slots {
        let Some(difference) = take(bytes)?.checked_sub(1) else {
            peaks.push(None);
            continue;
        };
        before = before.checked_add(unzigzag(difference))?;
        let amount = u64::try_from(before).ok()?.checked_mul(unit)?;
        if amount > LARGEST_PEAK {
            return None;
        }
        peaks.push(Some(amount));
    }
    Some(peaks)
}
