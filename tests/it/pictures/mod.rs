//! The pictures of the documentation. Each test draws one again and compares it with the file.
//!
//! `UPDATE_GOLDENS=1 cargo test --test it picture` draws all of them anew: look at them before you commit them. The
//! README's picture is the plot of a command; `simulate.rs` draws it.

#[cfg(feature = "simulate")]
mod campus;
#[cfg(feature = "simulate")]
mod dashboard;
mod plan;
#[cfg(feature = "simulate")]
mod query;
mod terminal;
#[cfg(feature = "simulate")]
mod timeseries;
#[cfg(feature = "simulate")]
mod weeks;

use std::fmt;
use std::path::Path;

/// Compares a picture with the file of the same name in `docs`.
#[track_caller]
fn is_the_one_in_docs(name: &str, drawn: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    #[expect(clippy::disallowed_methods, reason = "the one switch that lets a test write its goldens")]
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    if update {
        std::fs::write(&path, drawn).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == drawn,
        "docs/{name} differs: run UPDATE_GOLDENS=1 cargo test --test it picture, and look at the picture"
    );
    // A picture that no page shows would be forgotten.
    let pages = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut pages = pages.filter(|page| page.extension().is_some_and(|extension| extension == "md"));
    assert!(
        pages.any(|page| std::fs::read_to_string(page).unwrap().contains(&format!("]({name})"))),
        "no page of docs shows {name}"
    );
}

/// A text within XML.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
    }
}
