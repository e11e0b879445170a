//! For every rule, a plan that breaks it and a plan that just keeps it.

mod cordons;
mod cost;
mod deletions;
mod elsewhere;
mod evictions;
mod facts;
mod growth;
mod late_binds;
mod marks;
mod outcome;
mod packing;
mod reserved;
mod room;
mod service;
mod whole;
mod woken_instead;
