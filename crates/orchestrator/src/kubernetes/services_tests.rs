use model::OrderUid;

use super::*;
use crate::kubernetes::config::{FilledBy, tests::config};

#[test]
fn services_of_an_order() {
    let (config, order) = (config(), "leaf-1".parse().unwrap());
    let uid = OrderUid(uuid::Uuid::nil());
    let volume = Volume {
        claim: names::workspace(&order),
        order_uid: uid,
        filled_by: FilledBy::Orchestrator,
    };
    let owner = OwnerReference {
        name: "leaf-1-orchestrator".to_owned(),
        ..OwnerReference::default()
    };
    let [producer, consumer] = monitors(&config, &order, uid, &owner).unwrap();
    let all = [
        serde_json::to_string_pretty(&orchestrator(&config, &order, uid, Some(&volume)).unwrap()),
        serde_json::to_string_pretty(&producer),
        serde_json::to_string_pretty(&consumer),
        serde_json::to_string_pretty(&claim(&config, &order, &owner).unwrap()),
    ];
    insta::assert_snapshot!(all.map(Result::unwrap).join("\n"));
}
