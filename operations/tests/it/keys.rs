//! Keys: shown once, stored as a hash, gone when revoked.

use mizan_operations::{OperationsError, Scope};

use crate::shop::Shop;

#[tokio::test]
async fn a_key_opens_until_it_is_revoked() {
    let shop = Shop::new().await;
    let till = shop.operations.create_key("till", &[Scope::Read, Scope::Ingest], Some("default")).await.unwrap();
    let admin = shop.operations.create_key("admin", &[Scope::Admin], None).await.unwrap();
    assert!(till.secret.starts_with("mzn_") && till.secret != admin.secret);

    let found = shop.operations.verify_key(&till.secret).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.shop.as_deref()), ("till", Some("default")));
    assert!(found.allows(Scope::Ingest) && found.allows(Scope::Read) && !found.allows(Scope::Admin));
    assert!(shop.operations.verify_key(&admin.secret).await.unwrap().unwrap().allows(Scope::Ingest));
    for wrong in ["", "mzn_", &till.secret[..62], &till.secret.to_uppercase(), "' OR 1=1 --"] {
        assert!(shop.operations.verify_key(wrong).await.unwrap().is_none(), "{wrong}");
    }

    let again = shop.operations.create_key("till", &[Scope::Read], None).await.unwrap_err();
    assert!(matches!(again, OperationsError::KeyExists { .. }), "{again}");
    shop.operations.revoke_key("till").await.unwrap();
    assert!(shop.operations.verify_key(&till.secret).await.unwrap().is_none());
    assert!(matches!(shop.operations.revoke_key("till").await, Err(OperationsError::NoSuchKey { .. })));
    shop.operations.create_key("till", &[Scope::Read], None).await.unwrap();
    let listed = shop.operations.list_keys().await.unwrap();
    let names: Vec<_> = listed.iter().map(|key| (key.name.as_str(), key.revoked_at.is_some())).collect();
    assert_eq!(names, [("till", true), ("admin", false), ("till", false)]);
}

#[tokio::test]
async fn no_secret_is_on_the_disk() {
    let shop = Shop::new().await;
    let key = shop.operations.create_key("till", &[Scope::Read], None).await.unwrap();
    shop.operations.close().await;
    for file in std::fs::read_dir(shop.path.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let body = key.secret.trim_start_matches("mzn_").as_bytes();
        assert!(!bytes.windows(20).any(|window| window == &body[..20]));
    }
}
