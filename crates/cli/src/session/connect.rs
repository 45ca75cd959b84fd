//! The broker, as the arguments name it, and what was left on it.

use anyhow::Result;
use bus::{Bus, Settings, TopicSettings};
use model::{OrderTopics, Timestamp};

use super::Host;
use crate::{args::BusArgs, load::Usage, time};

/// The Kafka that the arguments name, else the embedded broker.
pub(super) fn bus(args: &BusArgs) -> Result<Bus> {
    let servers = args.bootstrap_servers.as_deref();
    let mut settings = Settings::of_service(servers, &args.kafka_config)?;
    for (key, value) in &args.kafka_option {
        settings.set_option(key, &value.0)?;
    }
    if settings.bootstrap_servers().is_none() {
        return if args.kafka_option.is_empty() && args.kafka_config.is_empty() {
            Ok(Bus::embedded_with(&args.topic_prefix)?)
        } else {
            Err(Usage::NoKafka.into())
        };
    }
    let topics = TopicSettings {
        prefix: args.topic_prefix.clone(),
        replication: args.topic_replication.unwrap_or(-1),
        retention: args.topic_retention.map(|age| age.0),
        ..TopicSettings::default()
    };
    Ok(Bus::external(&settings, topics)?)
}

/// Deletes the topics of orders that were stored long enough ago. What can't be done now is left for
/// the next time.
pub(super) async fn sweep(host: &Host, bus: &Bus) {
    if bus.is_embedded() || bus.is_away() {
        return;
    }
    if let Err(error) = try_sweep(host, bus).await {
        tracing::info!("topics that nobody needs any more are still there: {error:#}");
    }
}

async fn try_sweep(host: &Host, bus: &Bus) -> Result<()> {
    let grace = host.bus.topic_grace.0.as_micros() as i64;
    let before = Timestamp(time::now().0.saturating_sub(grace));
    for stored in host.store.stored_topics(bus.instance(), before).await? {
        let own = format!("resource{}", stored.order);
        if let Some(prefix) = stored.topic.strip_suffix(&own) {
            bus.delete_topics(&OrderTopics::own(prefix, &stored.order))
                .await?;
        }
        host.store.forget_topics(stored.order_uid).await?;
    }
    Ok(())
}
