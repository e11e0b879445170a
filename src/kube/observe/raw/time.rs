//! A moment, as text in JSON and as a number in protobuf.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::Deserializer;

use super::Text;

/// A moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::observe) enum Time<'a> {
    /// RFC 3339, or any other text.
    Text(Text<'a>),
    /// Seconds since 1970.
    Seconds(i64),
}

impl Time<'_> {
    /// The moment, if it is one. The API server accepts years that no calendar here reaches.
    pub(in crate::observe) fn timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::Text(text) => text.as_str().parse().ok(),
            Self::Seconds(seconds) => Timestamp::from_second(*seconds).ok(),
        }
    }

    /// Whether nothing is written where a moment could be.
    pub(in crate::observe) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.as_str().is_empty())
    }

    /// The text, for messages.
    pub(in crate::observe) fn written(&self) -> String {
        match self {
            Self::Text(text) => text.as_str().to_owned(),
            Self::Seconds(seconds) => seconds.to_string(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Time<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(Time::Text)
    }
}
