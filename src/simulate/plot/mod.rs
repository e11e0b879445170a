//! Draws a simulation: the nodes of each policy over time, the requests of users, and the times at which they
//! waited.
//!
//! ```text
//!   panels --> columns (one a pixel) --> chart --> scene --> svg (text)
//!                                         axis       \-----> png (drawn with the fonts)
//! ```
//!
//! A plot does not depend on the machine: the same panels give the same bytes.

mod axis;
mod chart;
mod columns;
mod font;
mod outline;
mod png;
mod scene;
mod svg;
mod weeks;

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::PathBuf;

use jiff::civil::Weekday;

use self::font::Fonts;
use self::scene::Scene;
pub use self::weeks::{WeekCurve, WeekPanel};
use super::series::Panel;

/// The file of a plot, with the format in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotFile {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
}

/// The extension of the name determines the format.
impl TryFrom<OsString> for PlotFile {
    type Error = UnknownFormat;

    fn try_from(name: OsString) -> Result<Self, Self::Error> {
        let path = PathBuf::from(name);
        let extension = path.extension().map(OsStr::to_ascii_lowercase);
        let format = match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("svg") => Format::Svg,
            Some("png") => Format::Png,
            Some(_) | None => return Err(UnknownFormat),
        };
        Ok(Self { path, format })
    }
}

impl PlotFile {
    /// Draws the panels, below each other, and writes the file. Time 0 of the panels is midnight of `first_day`.
    pub fn write(&self, panels: &[Panel], first_day: Weekday) -> Result<(), PlotError> {
        let fonts = fonts()?;
        self.write_scene(&chart::draw(panels, first_day, &fonts), &fonts)
    }

    /// Draws the weeks of histories, below each other, and writes the file.
    pub fn write_weeks(&self, panels: &[WeekPanel]) -> Result<(), PlotError> {
        let fonts = fonts()?;
        self.write_scene(&weeks::draw(panels, &fonts), &fonts)
    }

    fn write_scene(&self, scene: &Scene, fonts: &Fonts) -> Result<(), PlotError> {
        let bytes = match self.format {
            Format::Svg => svg::write(scene).into_bytes(),
            Format::Png => png::write(scene, fonts)?,
        };
        fs::write(&self.path, bytes)
            .map_err(|problem| PlotError::Write { path: self.path.display().to_string(), problem })
    }
}

/// The plot as SVG.
pub fn svg(panels: &[Panel], first_day: Weekday) -> Result<String, PlotError> {
    Ok(svg::write(&chart::draw(panels, first_day, &fonts()?)))
}

/// The plot as PNG.
pub fn png(panels: &[Panel], first_day: Weekday) -> Result<Vec<u8>, PlotError> {
    let fonts = fonts()?;
    png::write(&chart::draw(panels, first_day, &fonts), &fonts)
}

fn fonts() -> Result<Fonts, PlotError> {
    Fonts::new().map_err(|problem| PlotError::Font(Box::new(problem)))
}

/// The reason why a file cannot be a plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a file name that ends in .svg or .png")]
pub struct UnknownFormat;

/// The reason why no plot was written.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// The file could not be written.
    #[error("cannot write the plot to {path}")]
    Write {
        /// The file.
        path: String,
        /// The error.
        #[source]
        problem: io::Error,
    },
    /// The plot has too many panels for one picture.
    #[error(
        "the plot would be {height} pixels high, expected at most {highest} for a PNG; an SVG may be higher"
    )]
    TooHigh {
        /// Its height in pixels.
        height: u32,
        /// The maximum in pixels.
        highest: u32,
    },
    /// The PNG could not be made.
    #[error("the plot cannot be written as PNG")]
    Encode(#[source] Box<dyn Error + Send + Sync>),
    /// The program's own font is broken.
    #[error("the font of the plot is damaged")]
    Font(#[source] Box<dyn Error + Send + Sync>),
}

#[cfg(test)]
mod tests;
