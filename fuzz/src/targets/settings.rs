//! What `mizan.toml` says of connectors and watched folders: a whole connector, or what is missing.

use std::path::Path;

use mizan_ingest::connectors::{Connector, ConnectorSettings};
use mizan_ingest::watch::WatchSettings;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = toml::from_str::<WatchSettings>(text);
    let Ok(settings) = toml::from_str::<ConnectorSettings>(text) else { return };
    let shown = toml::to_string(&settings).unwrap();
    assert!(
        settings.secrets.iter().all(|secret| secret.len() < 12 || !shown.contains(secret.as_str())),
        "a secret is shown"
    );
    // Files that the settings name are not opened here.
    if settings.mapping.is_none()
        && settings.secrets_file.is_none()
        && let Err(error) = Connector::new("mine", &settings, Path::new("/nowhere"))
    {
        assert!(!error.to_string().is_empty());
    }
}
