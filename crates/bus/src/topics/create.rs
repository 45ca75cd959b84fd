//! Making topics on a Kafka.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{AdminOptions, NewTopic, TopicReplication},
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode as Code},
};
use tracing::debug;

use super::{TopicSettings, admin, blocking, client, describe, partitions};
use crate::{Error, bus::ANSWER_TIME, config::Address, context::Logging};

/// A topic to be made if it isn't there.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) partitions: i32,
}

/// Makes topics; those that are there already stay as they are. Returns when all brokers know
/// them and each partition has a leader, with the numbers of their partitions.
pub(crate) async fn create(
    address: &Address,
    settings: &TopicSettings,
    wanted: Vec<Wanted>,
) -> Result<HashMap<String, i32>, Error> {
    // First a question that shows whether somebody is there and lets us in.
    let (at, first) = (address.clone(), wanted[0].name.clone());
    blocking(move || partitions(&client(&at)?, &first, &at)).await?;
    let refused = ask_for(address, settings, &wanted).await?;
    let (at, settings) = (address.clone(), settings.clone());
    blocking(move || {
        let client = client(&at)?;
        // What was refused may be there all the same, made by somebody who may.
        for (name, code) in refused {
            if partitions(&client, &name, &at)?.is_none() {
                let advice = advice(code, &settings, &client);
                let source = KafkaError::AdminOp(code);
                return Err(Error::create(&name, &at.servers, source, &advice));
            }
        }
        let names: Vec<_> = wanted.iter().map(|topic| topic.name.as_str()).collect();
        wait_until_known(&client, &at, &names)
    })
    .await
}

/// Asks for topics. Returns those that were refused, except as being there already.
async fn ask_for(
    address: &Address,
    settings: &TopicSettings,
    wanted: &[Wanted],
) -> Result<Vec<(String, Code)>, Error> {
    let retention = settings.retention.map(|time| time.as_millis().to_string());
    let new: Vec<_> = wanted
        .iter()
        .map(|topic| {
            let copies = TopicReplication::Fixed(settings.replication);
            let mut new = NewTopic::new(&topic.name, topic.partitions, copies);
            for (key, value) in &settings.configs {
                new = new.set(key, value);
            }
            if let Some(retention) = &retention {
                new = new.set("retention.ms", retention);
            }
            new
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_TIME));
    let results = match admin(address)?.create_topics(&new, &options).await {
        Ok(results) => results,
        // The whole request: each topic may be there all the same.
        Err(error) => {
            let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
            let refused = |topic: &Wanted| Err((topic.name.clone(), code));
            wanted.iter().map(refused).collect()
        }
    };
    let refused = results.into_iter().filter_map(Result::err);
    Ok(refused
        .filter(|(_, code)| *code != Code::TopicAlreadyExists)
        .collect())
}

/// What to do about a refusal.
fn advice(code: Code, settings: &TopicSettings, client: &BaseConsumer<Logging>) -> String {
    let replication = settings.replication;
    match code {
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            let prefix = &settings.prefix;
            format!(
                "allow this user to create topics (Create on topics that begin with {prefix:?}), or \
                 create it yourself"
            )
        }
        Code::InvalidReplicationFactor => {
            let metadata = client.client().fetch_metadata(Some("-"), ANSWER_TIME);
            let brokers = metadata.map_or(0, |metadata| metadata.brokers().len());
            format!(
                "{replication} copies of a partition need as many brokers, and there are {brokers}; \
                 ask for fewer, or for -1, the broker's default"
            )
        }
        Code::InvalidTopic => "a name has 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'; check the \
                               prefix of the topics"
            .to_owned(),
        Code::InvalidPartitions => "ask for one partition or more".to_owned(),
        Code::InvalidConfig | Code::PolicyViolation => {
            let mut names: Vec<_> = settings.configs.keys().map(String::as_str).collect();
            names.extend(settings.retention.map(|_| "retention.ms"));
            format!("check the options of topics ({})", names.join(", "))
        }
        _ => "see the broker's log, or create it yourself".to_owned(),
    }
}

/// Waits until each broker that answers knows the topics and their leaders. One that doesn't
/// answer is not waited for: it will learn of them when it comes back.
fn wait_until_known(
    client: &BaseConsumer<Logging>,
    address: &Address,
    names: &[&str],
) -> Result<HashMap<String, i32>, Error> {
    let start = Instant::now();
    let mut counts = HashMap::new();
    let metadata = super::patient(client, address, |wait| {
        client.client().fetch_metadata(Some(names[0]), wait)
    })?;
    for broker in metadata.brokers() {
        while let Some(missing) = missing_on(client, broker.id(), names, &mut counts) {
            if start.elapsed() > ANSWER_TIME {
                let source = KafkaError::AdminOp(Code::LeaderNotAvailable);
                let advice = "check that enough brokers run for its copies";
                return Err(Error::create(&missing, &address.servers, source, advice));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    for name in names {
        if !counts.contains_key(*name) {
            let count = partitions(client, name, address)?;
            let count = count.ok_or_else(|| Error::no_topic(name, &address.servers))?;
            counts.insert((*name).to_owned(), count);
        }
    }
    Ok(counts)
}

/// A topic that a broker doesn't know, or not the leader of. Notes the partitions of the others.
fn missing_on(
    client: &BaseConsumer<Logging>,
    broker: i32,
    names: &[&str],
    counts: &mut HashMap<String, i32>,
) -> Option<String> {
    let limit = Duration::from_secs(2);
    let found = match describe::describe(client.client(), names, Some(broker), limit) {
        Ok(found) => found,
        Err(error) => {
            debug!("broker {broker} doesn't say which topics it knows: {error}");
            return None;
        }
    };
    let mut missing = None;
    for (name, topic) in names.iter().zip(found) {
        match topic {
            Some(topic) if topic.has_leaders => {
                counts.insert((*name).to_owned(), topic.partitions);
            }
            _ => missing = Some((*name).to_owned()),
        }
    }
    missing
}
