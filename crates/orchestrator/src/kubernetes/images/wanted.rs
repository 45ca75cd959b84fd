//! Which images of an order are worth a look. Pure.

use std::collections::BTreeMap;

use model::{Catalogue, Order, Task};

/// What an image is looked up for; the later one is the greater need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// Its user, which a task can do without.
    User,
    /// Its entrypoint, which it can't.
    Entrypoint,
}

/// The images of an order that are to be looked up, each once.
pub(super) fn wanted(order: &Order) -> BTreeMap<&str, Need> {
    let ours = our_images();
    let mut wanted = BTreeMap::new();
    for task in &order.tasks {
        if let (Some(image), Some(need)) = (&task.image, need(task))
            && !(need == Need::User && ours.contains(image))
        {
            let known = wanted.entry(image.as_str()).or_insert(need);
            *known = need.max(*known);
        }
    }
    wanted
}

fn need(task: &Task) -> Option<Need> {
    if task.command.is_empty() {
        return Some(Need::Entrypoint);
    }
    let context = task.pod.as_ref().and_then(|pod| pod.get("securityContext"));
    let says_who = context.is_some_and(|context| context.get("runAsUser").is_some());
    (!says_who).then_some(Need::User)
}

/// Those of the example tasks, which run as anybody.
fn our_images() -> Vec<String> {
    let catalogue = Catalogue::builtin().unwrap_or_default();
    let names = catalogue.names().filter_map(|name| name.parse().ok());
    let fields = names.filter_map(|name| catalogue.get(&name)?.image.clone());
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_once_and_for_what_matters_most() {
        let text = r#"{ "id": "x", "tasks": [
            "resize",
            { "name": "a", "image": "one", "command": ["/a"] },
            { "name": "b", "image": "one" },
            { "name": "c", "image": "two", "command": ["/c"] },
            { "name": "d", "image": "three", "command": ["/d"],
              "pod": { "securityContext": { "runAsUser": 1000 } } }
        ] }"#;
        let source = model::order::OrderSource {
            file: "x.json".to_owned(),
            text: text.to_owned(),
        };
        let order = Order::parse(&source, &Catalogue::builtin().unwrap()).unwrap();
        let wanted: Vec<_> = wanted(&order).into_iter().collect();
        assert_eq!(wanted, [("one", Need::Entrypoint), ("two", Need::User)]);
    }
}
