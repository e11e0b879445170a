//! The HTTP side: connections in, calls through the script and the engine, answers (or trouble) out.

mod answer;
mod batch;
mod call;
mod metadata;
mod respond;
mod route;
mod server;

pub use self::call::Call;
pub(crate) use self::server::{Reception, Shared, look, serve};
