//! Every reason has one word for programs and one sentence for people, both declared in one place.

use std::fmt;

/// A reason: one word for programs, one sentence for people.
pub trait Reason: fmt::Display {
    /// The word, in the style of a Kubernetes event's reason.
    fn word(&self) -> &'static str;
}

/// Declares a reason type: its variants with their documentation, word and sentence at one place.
macro_rules! reasons {
    (
        $(#[$meta:meta])* $name:ident {
            $(
                $(#[$doc:meta])*
                $variant:ident $({ $( $(#[$field_doc:meta])* $field:ident : $kind:ty ),* $(,)? })? => $text:tt,
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum $name {
            $(
                $(#[$doc])*
                #[error $text]
                $variant $({ $( $(#[$field_doc])* $field : $kind ),* })?,
            )*
        }

        impl $name {
            /// Every word of this type, for the published schema.
            pub const WORDS: &'static [&'static str] = &[$(stringify!($variant)),*];
        }

        impl Reason for $name {
            fn word(&self) -> &'static str {
                match self { $( Self::$variant { .. } => stringify!($variant), )* }
            }
        }
    };
}

pub(in crate::plan) use reasons;
