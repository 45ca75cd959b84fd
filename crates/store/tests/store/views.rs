use crate::given::*;

async fn an_order(given: Given) -> Given {
    let given = given.with_order().await;
    ingest(&given.store, 1, whole_run(key(1, 0, 1), "resize")).await;
    ingest(&given.store, 1, vec![sample(key(1, 1, 1), "segment", 1)]).await;
    given
}

on_both! {
async fn a_row_for_each_value(given) {
    let given = an_order(given).await;
    let sql = "select * from sample order by task_id, resource_id, time";
    let text = given.rows(sql).await;
    insta::allow_duplicates! { insta::assert_snapshot!(text, @"
    1|1|1|0.25|1700000001000000
    1|1|1|0.5|1700000002000000
    1|1|1|0.75|1700000003000000
    1|1|1|1|1700000004000000
    1|1|5|1048576|1700000000000000
    1|1|5|2097152|1700000001000000
    1|1|5|3145728|1700000002000000
    1|1|5|4194304|1700000003000000
    1|1|5|5242880|1700000004000000
    1|2|1|0.25|1700000001000000
    1|2|5|2097152|1700000001000000
    ") };
}

async fn the_same_with_names(given) {
    let given = an_order(given).await;
    let sql = "select * from sample_named where resource = 'cpu' order by position, time";
    let text = readable(&given.rows(sql).await);
    insta::allow_duplicates! { insta::assert_snapshot!(text, @"
    leaf-1|0|resize|1|1|cpu|cores|0.25|2023-11-14T22:13:21.000000Z
    leaf-1|0|resize|1|2|cpu|cores|0.5|2023-11-14T22:13:22.000000Z
    leaf-1|0|resize|1|3|cpu|cores|0.75|2023-11-14T22:13:23.000000Z
    leaf-1|0|resize|1|4|cpu|cores|1|2023-11-14T22:13:24.000000Z
    leaf-1|1|segment|1|1|cpu|cores|0.25|2023-11-14T22:13:21.000000Z
    ") };
}

async fn runs_with_names(given) {
    let given = an_order(given).await;
    let sql = "select order_name, task, machine, position, attempt, started_at, ended_at, reason, \
               cpu_p50, memory_max, output from run_named order by position";
    let text = readable(&given.rows(sql).await);
    insta::allow_duplicates! { insta::assert_snapshot!(text, @"
    leaf-1|resize|bench|0|1|2023-11-14T22:13:20.000000Z|2023-11-14T22:13:24.000000Z|completed|0.5|5242880|done
    leaf-1|segment||1|1||||||
    ") };
}

async fn the_view_of_runs_leaves_no_column_out(given) {
    let columns = |table: &str| if given.is_server() {
        format!("select column_name as name from information_schema.columns where table_name = '{table}'")
    } else {
        format!("select name from pragma_table_info('{table}')")
    };
    let missing = format!(
        "select name from ({}) as c where name not in ({}) order by name",
        columns("run"), columns("run_named")
    );
    assert_eq!(given.rows(&missing).await, "machine_id\norder_id\ntask_id\n");
}

async fn means_and_peaks_of_minutes(given) {
    let given = given.with_order().await;
    let items = (0..90).map(|seq| sample(key(1, 0, 1), "resize", seq)).collect();
    ingest(&given.store, 1, items).await;
    given.store.housekeep(at(100)).await.unwrap();
    let sql = "select order_id, task_id, position, attempt, minute, samples, cpu_mean, cpu_max, memory_max \
               from sample_minute order by minute";
    let text = readable(&given.rows(sql).await);
    insta::allow_duplicates! { insta::assert_snapshot!(text, @r"
    1|1|0|1|2023-11-14T22:13:00.000000Z|40|5|9.75|41943040
    1|1|0|1|2023-11-14T22:14:00.000000Z|50|16.125|22.25|94371840
    ") };
}
}

#[tokio::test]
async fn an_orders_values_are_looked_up_not_searched_for() {
    let given = an_order(Given::file().await).await;
    for sql in [
        "select * from sample where order_id = 1 and resource_id = 5",
        "select * from sample_named where order_name = 'leaf-1' and resource = 'cpu'",
        "select * from run_named where order_name = 'leaf-1'",
    ] {
        let plan = given.rows(&format!("explain query plan {sql}")).await;
        assert!(!plan.contains("SCAN sample_wide"), "{sql}\n{plan}");
        assert!(!plan.contains("SCAN run"), "{sql}\n{plan}");
    }
}
