//! How long random tests go on.

/// So many rounds a random test makes: all of them, or as many of a hundred as PMTR_ROUNDS says; a few where an
/// interpreter runs the tests.
pub(crate) fn rounds(all: u64) -> u64 {
    if cfg!(miri) {
        return (all / 1_000).max(1);
    }
    let percent = std::env::var("PMTR_ROUNDS").ok().and_then(|text| text.parse::<u64>().ok());
    (all * percent.unwrap_or(100) / 100).max(1)
}
