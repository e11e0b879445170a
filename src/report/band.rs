//! The position of a utilization, in a word.

use kube_rebalancer_core::plan::Band;

/// The band's word, as in `below the band`.
pub(super) fn band(band: Band) -> &'static str {
    match band {
        Band::Below => "below",
        Band::Within => "within",
        Band::Above => "above",
    }
}
