//! A Kafka cluster in this process: the one that comes with librdkafka for its own tests, over real sockets.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::Headers,
    mocking::MockCluster,
    producer::DefaultProducerContext,
};
use serde_json::{Value, json};

pub(crate) const TOPIC: &str = "events";

const PARTITIONS: i32 = 2;

/// A record as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
}

pub(crate) struct Cluster {
    pub(crate) mock: MockCluster<'static, DefaultProducerContext>,
}

impl Cluster {
    /// Two brokers; each leads one partition of the topic.
    pub(crate) fn start() -> Self {
        let mock = MockCluster::new(2).unwrap();
        mock.create_topic(TOPIC, PARTITIONS, 2).unwrap();
        mock.partition_leader(TOPIC, 0, Some(1)).unwrap();
        mock.partition_leader(TOPIC, 1, Some(2)).unwrap();
        Self { mock }
    }

    /// What the user would write.
    pub(crate) fn settings(&self) -> Value {
        let brokers = self.mock.bootstrap_servers();
        let brokers: Vec<_> = brokers.split(',').collect();
        json!({"brokers": brokers, "topic": TOPIC, "timeout": "3s"})
    }

    pub(crate) fn down(&self) {
        self.mock.broker_down(1).unwrap();
        self.mock.broker_down(2).unwrap();
    }

    pub(crate) fn up(&self) {
        self.mock.broker_up(1).unwrap();
        self.mock.broker_up(2).unwrap();
    }

    /// Everything in the topic, partition by partition.
    pub(crate) fn records(&self) -> Vec<Record> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.mock.bootstrap_servers())
            .set("group.id", "test")
            .set("enable.partition.eof", "true")
            .create()
            .unwrap();
        let mut partitions = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            partitions.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&partitions).unwrap();
        let (mut records, mut ends) = (Vec::new(), 0);
        while ends < PARTITIONS {
            match consumer.poll(Duration::from_secs(20)).unwrap() {
                Ok(message) => records.push(record(&message)),
                Err(KafkaError::PartitionEOF(_)) => ends += 1,
                // Connections that broke, for the sake of a test.
                Err(_) => {}
            }
        }
        records.sort_by_key(|record| record.partition);
        records
    }
}

fn record(message: &impl Message) -> Record {
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    let headers = message.headers().unwrap().iter();
    Record {
        partition: message.partition(),
        key: text(message.key()),
        value: message.payload().unwrap().to_vec(),
        headers: headers.map(|it| (it.key.to_owned(), text(it.value))).collect(),
    }
}
