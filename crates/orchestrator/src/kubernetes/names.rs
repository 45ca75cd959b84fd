//! How the objects of an order are called and labelled. Pure.

use std::collections::BTreeMap;

use model::{OrderId, Task};

use crate::plan::At;

/// The label with an order's id.
pub const ORDER: &str = "podometer.dev/order";
/// The label with a task's name.
pub const TASK: &str = "podometer.dev/task";
/// The label with a task's place.
pub const POSITION: &str = "podometer.dev/position";
/// The label with the try.
pub const ATTEMPT: &str = "podometer.dev/attempt";
/// The label of an order's ConfigMap that says how far it has come.
pub const PHASE: &str = "podometer.dev/phase";
/// The label of what belongs to the services that all orders share: [`SHARED`].
pub const SERVICES: &str = "podometer.dev/services";
/// On an order that was let in and has no services of its own, and on the Deployments that serve it.
pub const SHARED: &str = "shared";
/// The label with an order's execution.
pub const ORDER_UID: &str = "podometer.dev/order-uid";
/// The label with what an object is for.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// The container of a task's pod in which the task runs.
pub const TASK_CONTAINER: &str = "task";

/// The Secret with logins of registries, where somebody has made it.
pub const REGISTRY: &str = "podometer-registry";
/// The ConfigMap with the authority of registries that have one of their own, where somebody has made it.
pub const REGISTRY_CA: &str = "podometer-registry-ca";

/// The ConfigMap of an order.
pub fn order_map(order: &OrderId) -> String {
    format!("{order}-order")
}

/// The Secret with an order's token.
pub fn token(order: &OrderId) -> String {
    format!("{order}-token")
}

/// A chunk of an order's input.
pub fn input(order: &OrderId, chunk: u32) -> String {
    format!("{order}-input-{chunk}")
}

/// The claim of an order's own workspace.
pub fn workspace(order: &OrderId) -> String {
    format!("{order}-workspace")
}

/// A service's Job.
pub fn service(order: &OrderId, service: &str) -> String {
    format!("{order}-{service}")
}

/// A task's Job.
pub fn task(order: &OrderId, at: At) -> String {
    format!("{order}-t{}-{}", at.0, at.1)
}

/// The labels of all objects of an order that are for one thing.
pub fn labels(order: &OrderId, component: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "podometer"),
        ("app.kubernetes.io/managed-by", "podometer"),
        (COMPONENT, component),
        (ORDER, order.as_str()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The labels of a task's objects.
pub fn task_labels(order: &OrderId, task: &Task, at: At) -> BTreeMap<String, String> {
    let mut labels = labels(order, "task");
    labels.insert(TASK.to_owned(), task.name.to_string());
    labels.insert(POSITION.to_owned(), at.0.to_string());
    labels.insert(ATTEMPT.to_owned(), at.1.to_string());
    labels
}
