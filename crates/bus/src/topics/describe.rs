//! What a broker knows of topics, their ids above all. rdkafka has no safe call for it.

#![allow(clippy::wildcard_imports, reason = "the names of C say whose they are")]

use std::{
    collections::HashMap,
    ffi::{CStr, CString, c_char},
    ptr,
    time::Duration,
};

use rdkafka::{
    ClientContext,
    bindings::*,
    client::Client,
    consumer::Consumer,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
    types::RDKafkaRespErr,
};

use super::client;
use crate::{Error, config::Address};

/// What a broker says of a topic.
#[derive(Debug)]
pub(super) struct Topic {
    /// Kafka's id of it: another one when it is deleted and made anew.
    pub(super) id: String,
    pub(super) partitions: i32,
    pub(super) has_leaders: bool,
}

/// Kafka's id of a topic. Blocks for [`crate::bus::ANSWER_TIME`] at most.
pub(crate) fn generation(address: &Address, topic: &str) -> Result<String, Error> {
    let client = client(address)?;
    let found = super::patient(&client, address, |wait| {
        describe(client.client(), &[topic], None, wait)
    })?;
    let found = found.into_iter().next().flatten();
    let found = found.ok_or_else(|| Error::no_topic(topic, &address.servers))?;
    Ok(found.id)
}

/// Asks a broker (`None`: any) what it knows of topics; `None` for those that it doesn't know.
pub(super) fn describe<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    broker: Option<i32>,
    timeout: Duration,
) -> KafkaResult<Vec<Option<Topic>>> {
    let names = names.iter().map(|name| CString::new(*name));
    let names: Vec<CString> = names.collect::<Result<_, _>>()?;
    // SAFETY: each call gets pointers that librdkafka returned just before, or of `names`, which
    // outlive it; what it says stays valid as long as its event, which is the last to be freed.
    unsafe {
        let queue = Owned(
            rd_kafka_queue_new(client.native_ptr()),
            rd_kafka_queue_destroy,
        );
        let options = options(client.native_ptr(), broker, timeout);
        let mut texts: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let topics = Owned(
            rd_kafka_TopicCollection_of_topic_names(texts.as_mut_ptr(), texts.len()),
            rd_kafka_TopicCollection_destroy,
        );
        rd_kafka_DescribeTopics(client.native_ptr(), topics.0, options.0, queue.0);
        // The request has its own time limit; this one is a net.
        let wait = (timeout + Duration::from_secs(1)).as_millis() as i32;
        let event = Owned(rd_kafka_queue_poll(queue.0, wait), rd_kafka_event_destroy);
        if event.0.is_null() {
            return Err(KafkaError::AdminOp(Code::OperationTimedOut));
        }
        check(rd_kafka_event_error(event.0))?;
        let result = rd_kafka_event_DescribeTopics_result(event.0);
        let mut count = 0;
        let found = rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let mut known = (0..count)
            .map(|n| read(*found.add(n)))
            .collect::<KafkaResult<HashMap<_, _>>>()?;
        let take = |name: &CString| known.remove(name.as_c_str()).flatten();
        Ok(names.iter().map(take).collect())
    }
}

unsafe fn options(
    client: *mut rd_kafka_t,
    broker: Option<i32>,
    timeout: Duration,
) -> Owned<rd_kafka_AdminOptions_t> {
    let op = rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    // SAFETY: the client lives; errors of setting are left to the request's own ways: the values
    // are in range.
    unsafe {
        let options = Owned(
            rd_kafka_AdminOptions_new(client, op),
            rd_kafka_AdminOptions_destroy,
        );
        let ms = timeout.as_millis() as i32;
        rd_kafka_AdminOptions_set_request_timeout(options.0, ms, ptr::null_mut(), 0);
        if let Some(broker) = broker {
            rd_kafka_AdminOptions_set_broker(options.0, broker, ptr::null_mut(), 0);
        }
        options
    }
}

/// A topic's name, and what is known of it.
unsafe fn read<'a>(
    topic: *const rd_kafka_TopicDescription_t,
) -> KafkaResult<(&'a CStr, Option<Topic>)> {
    // SAFETY: the description is valid while its event is, and so is what it points to.
    unsafe {
        let name = CStr::from_ptr(rd_kafka_TopicDescription_name(topic));
        let code = rd_kafka_error_code(rd_kafka_TopicDescription_error(topic));
        if matches!(
            Code::from(code),
            Code::UnknownTopicOrPartition | Code::UnknownTopic
        ) {
            return Ok((name, None));
        }
        check(code)?;
        let id = rd_kafka_Uuid_base64str(rd_kafka_TopicDescription_topic_id(topic));
        let mut count = 0;
        let partitions = rd_kafka_TopicDescription_partitions(topic, &raw mut count);
        let has_leader = |n| !rd_kafka_TopicPartitionInfo_leader(*partitions.add(n)).is_null();
        let described = Topic {
            id: CStr::from_ptr(id).to_string_lossy().into_owned(),
            partitions: count as i32,
            has_leaders: count > 0 && (0..count).all(has_leader),
        };
        Ok((name, Some(described)))
    }
}

fn check(code: RDKafkaRespErr) -> KafkaResult<()> {
    match Code::from(code) {
        Code::NoError => Ok(()),
        code => Err(KafkaError::AdminOp(code)),
    }
}

/// Something of librdkafka's, with what frees it.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: it is ours alone, and not used after this.
            unsafe { (self.1)(self.0) }
        }
    }
}
