//! Samples in their forms.

use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::RowAccessor,
};
use serde_json::json;

use crate::given::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_as_json_are_series_of_rows() {
    let given = Given::new().await;
    given.ended(1).await;
    let path = "/api/orders/leaf-1/samples?task=segment&resource=cpu&resource=memory";
    assert_eq!(
        given.json(path).await,
        json!({
            "order": "leaf-1",
            "columns": ["time", "elapsed_seconds", "seq", "missed_before", "cpu_lower_bound", "is_final", "cpu", "memory"],
            "series": [{ "position": 1, "task": "segment", "attempt": 1, "rows": [
                ["2023-11-14T22:13:20.000000Z", 0.0, 0, 0, false, false, null, 1024.0],
                ["2023-11-14T22:13:21.000000Z", 1.0, 1, 0, false, false, 0.25, 2048.0],
                ["2023-11-14T22:13:22.000000Z", 2.0, 2, 0, false, false, 0.5, 3072.0],
                ["2023-11-14T22:13:23.000000Z", 3.0, 3, 2, false, false, 0.75, 4096.0],
                ["2023-11-14T22:13:24.000000Z", 4.0, 4, 0, false, false, 1.0, 5120.0],
            ]}],
        })
    );
    let between = given
        .json(&format!(
            "{path}&from=2023-11-14T22:13:21Z&to=2023-11-14T23:13:22%2B01:00"
        ))
        .await;
    let rows = between["series"][0]["rows"].as_array().unwrap();
    assert_eq!(
        rows.iter()
            .map(|row| row[2].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [1, 2]
    );
    let all = given.json("/api/orders/leaf-1/samples").await;
    assert_eq!(all["columns"].as_array().unwrap().len(), 26);
    assert_eq!(all["series"].as_array().unwrap().len(), 2);
    assert_eq!(
        given.json("/api/orders/leaf-1/samples?task=none").await["series"],
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_as_csv_are_rows_with_a_head() {
    let given = Given::new().await;
    given.ended(1).await;
    let answer = given
        .get("/api/orders/leaf-1/samples?format=csv&resource=cpu,memory")
        .await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"leaf-1.csv\""
    );
    insta::assert_snapshot!(answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_as_parquet_are_the_same_rows() {
    let given = Given::new().await;
    given.register(1).await;
    // More than a page, so that there are several row groups.
    let mut items = vec![started(key(1, 0, 1), "resize")];
    items.extend((0..5000).map(|seq| sample(key(1, 0, 1), "resize", seq)));
    given.ingest(1, items).await;
    let answer = given
        .get("/api/orders/leaf-1/samples?format=parquet&resource=cpu")
        .await;
    assert_eq!(
        answer.header("content-type"),
        "application/vnd.apache.parquet"
    );
    let reader = SerializedFileReader::new(answer.body).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 5000);
    assert_eq!(reader.num_row_groups(), 3);
    let rows: Vec<_> = reader
        .get_row_iter(None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (place, seconds, cpu) in [(0, 0.0, None), (4999, 4999.0, Some(1249.75))] {
        let row = &rows[place];
        assert_eq!(
            (
                row.get_string(0).unwrap().as_str(),
                row.get_string(2).unwrap().as_str()
            ),
            ("leaf-1", "resize")
        );
        assert_eq!((row.get_int(1).unwrap(), row.get_int(3).unwrap()), (0, 1));
        assert_eq!(row.get_timestamp_micros(4).unwrap(), at(place as i64).0);
        assert_eq!(
            (row.get_double(5).unwrap(), row.get_long(6).unwrap()),
            (seconds, place as i64)
        );
        assert_eq!(row.get_long(7).unwrap(), 0);
        assert!(!row.get_bool(8).unwrap() && !row.get_bool(9).unwrap());
        assert_eq!(row.get_double(10).ok(), cpu);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_samples_are_thinned() {
    let given = Given::new().await;
    given.register(1).await;
    let mut items = vec![started(key(1, 0, 1), "resize")];
    items.extend((0..5000).map(|seq| sample(key(1, 0, 1), "resize", seq)));
    given.ingest(1, items).await;
    let answer = given
        .json("/api/orders/leaf-1/samples?resource=cpu&max_points=100")
        .await;
    let rows = answer["series"][0]["rows"].as_array().unwrap();
    assert!((50..=100).contains(&rows.len()), "{}", rows.len());
    let seqs: Vec<_> = rows.iter().map(|row| row[2].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted());
    assert_eq!((seqs[0], seqs[seqs.len() - 1]), (0, 4999));
    // Whatever is left out: readings that were missed before it are not.
    let missed: u64 = rows.iter().map(|row| row[3].as_u64().unwrap()).sum();
    assert_eq!(missed, 2);
}
