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

/// Makes topics with one partition each and the broker's default replication. Returns what there is
/// now: names and numbers of partitions.
pub(crate) async fn create(
    address: &Address,
    names: &[String],
) -> Result<Vec<(String, i32)>, Error> {
    let admin: AdminClient<Logging> = address
        .admin()?
        .create_with_context(Logging(address.voice()))
        .map_err(|source| Error::client(&address.servers, source))?;
    let new: Vec<_> = names
        .iter()
        .map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(-1)))
        .collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_TIME));
    let failed = match admin.create_topics(&new, &options).await {
        Ok(results) => results.into_iter().filter_map(Result::err).collect(),
        Err(KafkaError::AdminOp(code)) if !is_unreachable(code) => {
            names.iter().map(|name| (name.clone(), code)).collect()
        }
        Err(source) => return Err(unreachable(address, source)),
    };
    let found = look_up(address, failed).await?;
    Ok(names
        .iter()
        .map(|name| (name.clone(), found_count(&found, name)))
        .collect())
}

fn found_count(found: &[(String, i32)], name: &str) -> i32 {
    found
        .iter()
        .find(|(known, _)| known == name)
        .map_or(1, |(_, count)| *count)
}

/// Topics that could not be made are fine if they are there.
async fn look_up(
    address: &Address,
    failed: Vec<(String, RDKafkaErrorCode)>,
) -> Result<Vec<(String, i32)>, Error> {
    if failed.is_empty() {
        return Ok(Vec::new());
    }
    let address = address.clone();
    let task = tokio::task::spawn_blocking(move || {
        let client = client(&address)?;
        failed
            .into_iter()
            .map(|(name, code)| match partitions(&client, &name, &address)? {
                Some(count) => Ok((name, count)),
                None => Err(Error::create(
                    &name,
                    &address.servers,
                    KafkaError::AdminOp(code),
                )),
            })
            .collect()
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

fn is_unreachable(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::OperationTimedOut
            | C::RequestTimedOut
            | C::BrokerTransportFailure
            | C::AllBrokersDown
            | C::Resolve
            | C::Authentication
            | C::SaslAuthenticationFailed
    )
}
