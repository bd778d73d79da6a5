//! What a deployment says of its bureau.

use std::sync::LazyLock;

use minqing_adapter::{Bureau, configure::Configuration};

static BUREAUS: LazyLock<Vec<Bureau>> = LazyLock::new(|| minqing_bureaus::all().collect());

/// The YAML of a bureau chosen by the first byte. What is taken would be kept for ever, so it is only asked whether it
/// would be.
pub fn bureau_yaml(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let bureau = BUREAUS[usize::from(*which) % BUREAUS.len()];
    let configuration = Configuration::read(text);
    if let Err(error) = configuration.and_then(|configuration| configuration.fits(&bureau)) {
        assert!(!format!("{error:#}").is_empty());
    }
}
