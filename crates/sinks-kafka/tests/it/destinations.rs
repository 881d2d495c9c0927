//! The destination of every kind in this crate.

use event::AnySink;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use serde_json::Value;

pub(crate) use crate::destination::{Answer, Destination, Row};
use crate::{
    cluster::{Cluster, TOPIC},
    samples,
};

/// Every kind, some with several settings.
pub(crate) const ALL: &[Row] = &[Row {
    kind: "kafka",
    name: "kafka",
    start: || Box::new(Topic(Cluster::start())),
    answers: &[Answer::Accept, Answer::HangUp, Answer::NotOurs],
}];

struct Topic(Cluster);

impl Destination for Topic {
    fn settings(&self) -> Value {
        self.0.settings()
    }

    fn answer(&self, answer: Answer) {
        let mock = &self.0.mock;
        mock.topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
        mock.clear_request_errors(RDKafkaApiKey::Produce);
        match answer {
            Answer::Accept => self.0.up(),
            Answer::HangUp => self.0.down(),
            Answer::NotOurs => {
                self.0.up();
                let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
                mock.topic_error(TOPIC, error).unwrap();
            }
            other => panic!("no broker answers {other:?}"),
        }
    }

    fn received(&self) -> Vec<u8> {
        self.0.records().into_iter().flat_map(|record| record.value).collect()
    }

    fn sink(&self) -> AnySink {
        samples::connect("kafka", self.settings()).unwrap()
    }
}
