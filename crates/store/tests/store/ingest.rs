use model::{Reason, Resource, Status, Values};
use store::{Ingested, Item};

use crate::given::*;

on_both! {
    async fn a_run_and_its_samples_come_back(given) {
        let given = given.with_order().await;
        let new = ingest(&given.store, 1, whole_run(key(1, 0, 1), "resize")).await;
        assert_eq!(new, 5);
        let name = id("leaf-1");
        let runs = given.store.runs(&name).await.unwrap();
        let json = serde_json::to_string_pretty(&runs).unwrap();
        insta::assert_snapshot!("a_run_and_its_samples_come_back", json);
        assert_eq!(serde_json::from_str::<Vec<store::RunRow>>(&json).unwrap(), runs);
        let samples = given
            .store
            .samples(&name, key(1, 0, 1).position, key(1, 0, 1).attempt)
            .await
            .unwrap();
        assert_eq!(
            samples.iter().map(|s| s.seq).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4]
        );
        assert_eq!(samples[0].values.get(Resource::Cpu), None);
        assert_eq!(samples[4].values.get(Resource::Cpu), Some(1.0));
        assert_eq!(samples[4].time, at(4));
        assert!(samples[4].flags.is_final && !samples[3].flags.is_final);
        assert_eq!(given.store.sample_count(uid(1)).await.unwrap(), 5);
    }

    async fn the_first_sample_sets_the_order_running(given) {
        let given = given.with_order().await;
        let order = given.store.order_by_uid(uid(1)).await.unwrap().unwrap();
        assert_eq!((order.status, order.started_at), (Status::Queued, None));
        ingest(&given.store, 1, vec![sample(key(1, 0, 1), "resize", 3)]).await;
        let order = given.store.order(&id("leaf-1")).await.unwrap().unwrap();
        assert_eq!(
            (order.status, order.started_at),
            (Status::Running, Some(at(3)))
        );
        let runs = given.store.runs(&id("leaf-1")).await.unwrap();
        assert_eq!((runs.len(), runs[0].reason), (1, None));
    }

    async fn a_final_status_stays(given) {
        let given = given.with_order().await;
        let status = |status, message: &str| Item::Status {
            order_uid: uid(1),
            status,
            message: Some(message.to_owned()),
            at: at(9),
            storing_complete: status == Status::Succeeded,
        };
        ingest(&given.store, 1, vec![status(Status::Failed, "first")]).await;
        ingest(&given.store, 1, vec![status(Status::Succeeded, "second")]).await;
        ingest(&given.store, 1, vec![sample(key(1, 0, 1), "resize", 0)]).await;
        let changed = given
            .store
            .set_status(uid(1), Status::Terminated, None, at(10))
            .await
            .unwrap();
        assert!(!changed);
        let order = given.store.order(&id("leaf-1")).await.unwrap().unwrap();
        assert_eq!(order.status, Status::Failed);
        assert_eq!(order.message.as_deref(), Some("first"));
        assert_eq!(order.ended_at, Some(at(9)));
        assert!(
            order.storing_complete,
            "what is stored is stored, however it ended"
        );
    }

    async fn who_comes_late_is_fenced_and_writes_nothing(given) {
        let given = given.with_order().await;
        let items = |seqs: std::ops::Range<u64>| -> Vec<Item> {
            seqs.map(|seq| sample(key(1, 0, 1), "resize", seq))
                .collect()
        };
        let ahead = given.store.ingest(&batch(1, 7, items(0..3))).await.unwrap();
        assert_eq!(ahead, Ingested::Fenced { logs: vec![(0, -1)] });
        ingest(&given.store, 1, items(0..3)).await;
        for wrong in [-1, 0, 2, 4] {
            let again = given
                .store
                .ingest(&batch(1, wrong, items(3..9)))
                .await
                .unwrap();
            assert_eq!(again, Ingested::Fenced { logs: vec![(0, 3)] }, "{wrong}");
        }
        assert_eq!(given.store.sample_count(uid(1)).await.unwrap(), 3);
        let overlap = given.store.ingest(&batch(1, 3, items(1..5))).await.unwrap();
        assert_eq!(overlap, stored(2, 2));
    }

    async fn offsets_of_topics_and_brokers_are_apart(given) {
        let given = given.with_order().await;
        let mut other = batch(1, -1, vec![sample(key(1, 0, 1), "resize", 0)]);
        given.store.ingest(&other).await.unwrap();
        "embedded-2".clone_into(&mut other.advances[0].log.bus);
        other.advances[0].expected = 0;
        let again = given.store.ingest(&other).await.unwrap();
        assert_eq!(again, stored(0, 1));
        let logs = [3, 2, 1].map(|n| store::Log {
            bus: format!("embedded-{n}"),
            ..log(1)
        });
        assert_eq!(given.store.offsets(&logs).await.unwrap(), [None, Some(0), Some(0)]);
    }

    /// All but one: SQLite turns -0.0, which no measurement yields, into 0.0.
    async fn values_keep_their_bits(given) {
        let given = given.with_order().await;
        let numbers = [
            0.0,
            1.0,
            -1.0,
            0.1,
            f64::MIN_POSITIVE,
            f64::from_bits(1),
            f64::MAX,
            f64::MIN,
            9_007_199_254_740_993.0,
            140_737_488_355_328.0,
            1e15,
            2f64.powi(62),
            1.0 / 3.0,
            f64::EPSILON,
        ];
        let mut items = Vec::new();
        for (seq, number) in (0..).zip(numbers) {
            let mut values = Values::default();
            values.set(Resource::ALL[seq as usize], Some(number));
            items.push(sample_of(key(1, 0, 1), "resize", seq, &values));
        }
        ingest(&given.store, 1, items).await;
        let one = key(1, 0, 1);
        let samples = given
            .store
            .samples(&id("leaf-1"), one.position, one.attempt)
            .await
            .unwrap();
        for (seq, number) in numbers.into_iter().enumerate() {
            let back = samples[seq].values.get(Resource::ALL[seq]).unwrap();
            assert_eq!(back.to_bits(), number.to_bits(), "{number:e}");
            assert_eq!(samples[seq].values.iter().count(), 1);
        }
    }

    async fn a_poorer_run_never_hides_a_richer_one(given) {
        let given = given.with_order().await;
        let one = key(1, 0, 1);
        ingest(&given.store, 1, whole_run(one, "resize")).await;
        let before = given.store.runs(&id("leaf-1")).await.unwrap();
        let mut late = ended(Reason::Lost, None);
        late.totals = model::Totals {
            net_rx_bytes: Some(7),
            ..model::Totals::default()
        };
        ingest(
            &given.store,
            1,
            vec![
                run(one, "resize", started("resize")),
                run(one, "resize", late),
            ],
        )
        .await;
        let mut after = given.store.runs(&id("leaf-1")).await.unwrap();
        assert_eq!(after[0].totals.net_rx_bytes.take(), Some(7));
        assert_eq!(after, before);
    }

    async fn samples_after_the_end_count_in_the_statistics(given) {
        let given = given.with_order().await;
        let one = key(1, 0, 1);
        let mut items = whole_run(one, "resize");
        let late = items.remove(5);
        ingest(&given.store, 1, items).await;
        let of = |runs: Vec<store::RunRow>| runs[0].statistics;
        let before = of(given.store.runs(&id("leaf-1")).await.unwrap());
        assert_eq!(
            (before.stored_samples, before.cpu_max),
            (Some(4), Some(0.75))
        );
        ingest(&given.store, 1, vec![late]).await;
        let after = of(given.store.runs(&id("leaf-1")).await.unwrap());
        assert_eq!((after.stored_samples, after.cpu_max), (Some(5), Some(1.0)));
    }
}
