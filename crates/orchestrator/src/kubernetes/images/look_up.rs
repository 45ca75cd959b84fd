//! Looks up what an order's images say, all at once.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use model::{Order, Task};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};
use tracing::info;

use super::{
    super::{config::Config, places},
    image::{self, Image},
    registry::{LookUpError, Registry, Trust},
    wanted::{Need, wanted},
};

/// How long a registry is asked for what can't be done without.
const PATIENCE: Duration = Duration::from_secs(30);
/// And how long for what can: the order waits for it.
const COURTESY: Duration = Duration::from_secs(2);
/// The pause before a registry that is in trouble is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// What is known of an order's images by their references; or, in words, why the order can't be run.
pub(in super::super) type Found = Result<BTreeMap<String, Image>, String>;

/// Looks up the images of an order.
pub(in super::super) async fn look_up(order: &Order, config: &Config) -> Found {
    let wanted = wanted(order);
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let registry = registry(config.plain_http_registries.clone()).await;
    let asked = wanted.into_iter().map(async |(image, need)| {
        let found = match &registry {
            Ok(registry) => ask(registry, image, need).await,
            Err(why) => Err(why.clone()),
        };
        (image, need, found)
    });
    let (mut images, mut failed) = (BTreeMap::new(), BTreeMap::new());
    for (image, need, found) in join_all(asked).await {
        match found {
            Ok(found) => {
                images.insert(image.to_owned(), found);
            }
            Err(why) if need == Need::User => {
                info!("the user of the image {image} is not known, its tasks run as 65532: {why}");
            }
            Err(why) => {
                failed.insert(image, why);
            }
        }
    }
    match refusal(order, &images, &failed) {
        Some(refusal) => Err(refusal),
        None => Ok(images),
    }
}

/// Why the first task with nothing to run has nothing.
fn refusal(
    order: &Order,
    images: &BTreeMap<String, Image>,
    failed: &BTreeMap<&str, String>,
) -> Option<String> {
    let nothing = |task: &Task| image::argv(task, of(images, task)).is_none();
    let position = order.tasks.iter().position(nothing)?;
    let (task, image) = (
        &order.tasks[position].name,
        order.tasks[position].image.as_deref()?,
    );
    let why = failed
        .get(image)
        .map_or("it has neither an entrypoint nor a command", String::as_str);
    Some(format!(
        "task {task} (position {position}): it has no command, and the entrypoint of its image {image} can't be \
         looked up: {why}; or give the task its \"command\""
    ))
}

/// What is known of a task's image.
pub(in super::super) fn of<'a>(
    images: &'a BTreeMap<String, Image>,
    task: &Task,
) -> Option<&'a Image> {
    images.get(task.image.as_ref()?)
}

async fn registry(plain_http: Vec<String>) -> Result<Registry, String> {
    let made = spawn_blocking(move || {
        Registry::new(&Trust {
            logins: places::REGISTRY.as_ref(),
            authority: places::REGISTRY_CA.as_ref(),
            plain_http: &plain_http,
        })
    });
    // The HTTP client panics where there is no authority at all.
    let made = made.await.map_err(|_| {
        "no authority is trusted: the image of the orchestrator has no certificates".to_owned()
    })?;
    made.map_err(|why| why.to_string())
}

async fn ask(registry: &Registry, image: &str, need: Need) -> Result<Image, String> {
    let patience = match need {
        Need::User => COURTESY,
        Need::Entrypoint => PATIENCE,
    };
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let found = match timeout(left, registry.look_up(image)).await {
            Ok(found) => found,
            Err(_) => Err(LookUpError::TimedOut(patience)),
        };
        match found {
            Err(why)
                if need == Need::Entrypoint
                    && why.is_passing()
                    && Instant::now() + RETRY < until =>
            {
                sleep(RETRY).await;
            }
            found => return found.map_err(|why| why.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Catalogue, order::OrderSource};

    use super::*;

    #[test]
    fn the_first_task_with_nothing_to_run_says_why() {
        let text = r#"{ "id": "x", "tasks": [
            { "name": "a", "image": "z", "command": ["/a"] },
            { "name": "b", "image": "z" }, { "name": "c", "image": "y" } ] }"#;
        let source = OrderSource {
            file: "x.json".to_owned(),
            text: text.to_owned(),
        };
        let order = Order::parse(&source, &Catalogue::default()).unwrap();
        let failed = [("y", "no".to_owned()), ("z", "never".to_owned())].into();
        let words = refusal(&order, &BTreeMap::new(), &failed).unwrap();
        insta::assert_snapshot!(words, @r#"task b (position 1): it has no command, and the entrypoint of its image z can't be looked up: never; or give the task its "command""#);
        let image = |cmd: &[&str]| Image {
            cmd: cmd.iter().map(|&one| one.to_owned()).collect(),
            ..Image::default()
        };
        let mut images: BTreeMap<_, _> = [("z".to_owned(), image(&["/z"]))].into();
        images.insert("y".to_owned(), image(&[]));
        let words = refusal(&order, &images, &BTreeMap::new()).unwrap();
        assert!(words.contains("neither an entrypoint"), "{words}");
        images.insert("y".to_owned(), image(&["/y"]));
        assert_eq!(refusal(&order, &images, &BTreeMap::new()), None);
    }
}
