//! Making topics on a Kafka.

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};

use crate::{Error, bus::ANSWER_TIME, config::Address, context::Logging};

/// A client that asks for facts about topics. A consumer: asking doesn't make them.
pub(crate) fn client(address: &Address) -> Result<BaseConsumer<Logging>, Error> {
    address
        .admin()?
        .create_with_context(Logging(address.voice()))
        .map_err(|source| Error::client(&address.servers, source))
}

/// Makes topics with one partition each and the broker's default replication; those that are there
/// already stay as they are. Returns what there is now: names and numbers of partitions.
pub(crate) async fn create(
    address: &Address,
    names: Vec<String>,
) -> Result<Vec<(String, i32)>, Error> {
    let (mut there, missing) = look_up(address, names).await?;
    if missing.is_empty() {
        return Ok(there);
    }
    let (refused, made): (Vec<_>, Vec<_>) = ask_for(address, &missing)
        .await?
        .into_iter()
        .partition(|(_, code)| code.is_some());
    there.extend(made.into_iter().map(|(name, _)| (name, 1)));
    // Somebody else may have made them meanwhile.
    let names = refused.iter().map(|(name, _)| name.clone()).collect();
    let (others, missing) = look_up(address, names).await?;
    there.extend(others);
    match missing.first() {
        None => Ok(there),
        Some(topic) => {
            let code = refused.iter().find(|(name, _)| name == topic);
            let code = code.and_then(|(_, code)| *code);
            let source = KafkaError::AdminOp(code.unwrap_or(RDKafkaErrorCode::Unknown));
            Err(Error::create(topic, &address.servers, source))
        }
    }
}

/// Asks for topics. Returns for each why it was refused, if it was.
async fn ask_for(
    address: &Address,
    names: &[String],
) -> Result<Vec<(String, Option<RDKafkaErrorCode>)>, Error> {
    let admin: AdminClient<Logging> = address
        .admin()?
        .create_with_context(Logging(address.voice()))
        .map_err(|source| Error::client(&address.servers, source))?;
    let new: Vec<_> = names
        .iter()
        .map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(-1)))
        .collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_TIME));
    let results = admin
        .create_topics(&new, &options)
        .await
        .map_err(|source| {
            let names = names.join(", ");
            Error::create(&names, &address.servers, source)
        })?;
    Ok(results
        .into_iter()
        .map(|result| match result {
            Ok(name) => (name, None),
            Err((name, code)) => (name, Some(code)),
        })
        .collect())
}

/// Tells the topics that are there, with their numbers of partitions, from those that aren't.
async fn look_up(
    address: &Address,
    names: Vec<String>,
) -> Result<(Vec<(String, i32)>, Vec<String>), Error> {
    if names.is_empty() {
        return Ok(Default::default());
    }
    let address = address.clone();
    let task = tokio::task::spawn_blocking(move || {
        let client = client(&address)?;
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            match partitions(&client, &name, &address)? {
                Some(count) => there.push((name, count)),
                None => missing.push(name),
            }
        }
        Ok((there, missing))
    });
    task.await.unwrap_or_else(|error| {
        Err(Error::Thread {
            source: error.into(),
        })
    })
}

/// How many partitions a topic has; `None` if there is no such topic.
pub(crate) fn partitions(
    client: &BaseConsumer<Logging>,
    topic: &str,
    address: &Address,
) -> Result<Option<i32>, Error> {
    let metadata = client
        .client()
        .fetch_metadata(Some(topic), ANSWER_TIME)
        .map_err(|source| unreachable(address, source))?;
    let count = metadata
        .topics()
        .iter()
        .find(|found| found.name() == topic && found.error().is_none())
        .map(|found| found.partitions().len() as i32);
    Ok(count.filter(|count| *count > 0))
}

fn unreachable(address: &Address, source: KafkaError) -> Error {
    Error::unreachable(&address.servers, ANSWER_TIME, source)
}
