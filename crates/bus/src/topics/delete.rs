//! Deleting topics from a Kafka.

use std::time::{Duration, Instant};

use rdkafka::{
    admin::AdminOptions,
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode as Code},
};

use super::{admin, blocking, client, describe, patient};
use crate::{Error, bus::ANSWER_TIME, config::Address};

/// Deletes topics; those that are gone already are fine. Returns when the brokers that answer no
/// longer know them.
pub(crate) async fn delete(address: &Address, names: Vec<String>) -> Result<(), Error> {
    let failed = |topic: &str, code| Error::Delete {
        topic: topic.to_owned(),
        servers: address.servers.clone(),
        source: KafkaError::AdminOp(code).into(),
        advice: match code {
            Code::TopicAuthorizationFailed => "allow this user to delete it (Delete on the topic)",
            Code::TopicDeletionDisabled => "set delete.topic.enable=true on the brokers",
            _ => "see the broker's log, or delete it yourself",
        },
    };
    let (at, first) = (address.clone(), names[0].clone());
    blocking(move || super::partitions(&client(&at)?, &first, &at)).await?;
    let topics: Vec<_> = names.iter().map(String::as_str).collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_TIME));
    let results = admin(address)?.delete_topics(&topics, &options).await;
    let results = results.map_err(|source| {
        failed(
            &names.join(", "),
            source.rdkafka_error_code().unwrap_or(Code::Fail),
        )
    })?;
    for (name, code) in results.into_iter().filter_map(Result::err) {
        if !matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic) {
            return Err(failed(&name, code));
        }
    }
    let at = address.clone();
    blocking(move || wait_until_gone(&at, &names)).await
}

/// A broker that still knows a topic might otherwise take it for one that is made anew.
fn wait_until_gone(address: &Address, names: &[String]) -> Result<(), Error> {
    let client = client(address)?;
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let start = Instant::now();
    let metadata = patient(&client, address, |wait| {
        client.client().fetch_metadata(Some(names[0]), wait)
    })?;
    let limit = Duration::from_secs(2);
    for broker in metadata.brokers() {
        while let Ok(found) = describe::describe(client.client(), &names, Some(broker.id()), limit)
            && found.iter().any(Option::is_some)
            && start.elapsed() < ANSWER_TIME
        {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}
