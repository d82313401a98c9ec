//! The poller of the queue: what the service does between the queue and the function.

use super::deployment::{Deployed, Deployment};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::function::Outcome;

/// A message that was received.
#[derive(Clone, Debug)]
pub(super) struct Message {
    id: String,
    receipt: String,
    body: String,
}

impl Message {
    /// Whether it is what a bucket sends when it is told of the queue.
    pub(super) fn is_test(&self) -> bool {
        self.body.contains("s3:TestEvent")
    }
}

/// How many messages the queue gives at a time.
const RECEIVED_MAX: usize = 10;

impl Deployment {
    /// The messages that the queue shows, at most as many as the function takes at a time.
    pub(super) fn receive(&self, queue: &str) -> Vec<Message> {
        let most = usize::try_from(self.settings["event_sources"][0]["batch_size"].as_u64().unwrap()).unwrap();
        let mut messages = Vec::new();
        while messages.len() < most {
            let body = json!({ "QueueUrl": self.queue_url(queue), "MaxNumberOfMessages": RECEIVED_MAX });
            let received = self.queue_action("ReceiveMessage", body);
            let Some(received) = received["Messages"].as_array().filter(|received| !received.is_empty()) else { break };
            let text = |message: &Value, name: &str| message[name].as_str().unwrap().to_owned();
            messages.extend(received.iter().map(|message| Message {
                id: text(message, "MessageId"),
                receipt: text(message, "ReceiptHandle"),
                body: text(message, "Body"),
            }));
        }
        messages
    }

    /// Sends a message again: what is delivered at least once is sometimes delivered twice.
    pub(super) fn send_again(&self, message: &Message) {
        let body = json!({ "QueueUrl": self.queue_url("packets"), "MessageBody": message.body });
        self.queue_action("SendMessage", body);
    }

    pub(super) fn delete(&self, message: &Message) {
        let body = json!({ "QueueUrl": self.queue_url("packets"), "ReceiptHandle": message.receipt });
        self.queue_action("DeleteMessage", body);
    }

    /// Lets the time pass after which the queue shows a message again.
    pub(super) fn show_again(&self, message: &Message) {
        let body =
            json!({ "QueueUrl": self.queue_url("packets"), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0 });
        self.queue_action("ChangeMessageVisibility", body);
    }

    /// Hands messages to a function: those that it has handled are gone, the others are shown again.
    pub(super) fn deliver(
        &self,
        messages: Vec<Message>,
        function: &mut Deployed,
        invoke: impl FnOnce(&mut Deployed, &Value) -> Outcome,
    ) -> Outcome {
        let record =
            |message: &Message| json!({ "messageId": message.id, "eventSource": "aws:sqs", "body": message.body });
        let event = json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() });
        let outcome = invoke(function, &event);
        let failed: BTreeSet<&str> = match &outcome {
            Outcome::Answer(answer) => {
                let failures = answer["batchItemFailures"].as_array().unwrap();
                failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect()
            }
            _ => messages.iter().map(|message| message.id.as_str()).collect(),
        };
        for message in &messages {
            if failed.contains(message.id.as_str()) { self.show_again(message) } else { self.delete(message) }
        }
        outcome
    }
}
