use std::{fs, path::Path};

use store::{Error, Migrations, Store};

use crate::given::*;

async fn refusal(path: &Path) -> String {
    let error = Store::open_existing(&path.into()).await.unwrap_err();
    error
        .to_string()
        .replace(&path.display().to_string(), "FILE")
}

#[tokio::test]
async fn no_store_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("podometer.db");
    insta::assert_snapshot!(refusal(&path).await, @"there is no store at FILE: run an order first (podometer run ORDER.json), or name the data folder with --data DIR");
    assert!(!path.exists(), "asking makes nothing");
}

#[tokio::test]
async fn another_file_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("podometer.db");
    fs::write(&path, "id,name\n".repeat(1000)).unwrap();
    insta::assert_snapshot!(refusal(&path).await, @"FILE: the file is damaged or is no store; move it away to begin a new one, or try to save what it holds with: sqlite3 FILE .recover");
}

#[tokio::test]
async fn a_folder_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(refusal(folder.path()).await, @"FILE: the store can't be opened or written; make the file and its folder writable for this user (readers write there too), or name another one with --data DIR");
}

#[tokio::test]
async fn a_file_where_the_folder_should_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("podometer-data");
    fs::write(&file, "").unwrap();
    let opened = Store::open(&file.join("podometer.db").into(), Migrations::Run).await;
    let Err(error @ Error::Folder { .. }) = opened else {
        panic!("{opened:?}");
    };
    assert!(error.to_string().contains("podometer-data"), "{error}");
}

/// Any damage ends in an answer or in an error, never in a panic; and most of it is named as such.
#[tokio::test]
async fn a_damaged_file_is_an_error() {
    let given = a_store_with_order().await;
    for n in 0..40 {
        let mut items = whole_run(key(1, n, 1), "resize");
        items.extend((5..100).map(|seq| sample(key(1, n, 1), "resize", seq)));
        ingest(&given.store, 1, items).await;
    }
    given.store.close().await;
    let whole = fs::read(&given.path).unwrap();
    let mut named = 0;
    for n in 0u64..40 {
        let mut broken = whole.clone();
        let from = (n * 0x9E37_79B9 % (whole.len() as u64 - 9000)) as usize;
        if n % 4 == 0 {
            broken.truncate(from + 1000);
        } else {
            broken[from..from + 9000].fill(n as u8 ^ 0xA5);
        }
        fs::write(&given.path, broken).unwrap();
        let outcome = async {
            let store = Store::open_existing(&given.location).await?;
            store.orders(store::OrderFilter::default()).await?;
            let runs = store.runs(&id("leaf-1")).await?;
            for run in &runs {
                store
                    .samples(&id("leaf-1"), run.position, run.attempt)
                    .await?;
            }
            let last = runs.len() as u32;
            let from = store.offsets(&[log(1)]).await?[0].unwrap_or(0);
            let more = whole_run(key(1, last, 1), "resize");
            store.ingest(&batch(1, from, more)).await.map(drop)
        };
        if let Err(Error::Damaged { .. }) = outcome.await {
            named += 1;
        }
        for extra in ["db-wal", "db-shm"] {
            fs::remove_file(given.path.with_extension(extra)).ok();
        }
    }
    assert!(named >= 20, "only {named} of 40 were named as damaged");
}
