//! Requests of the REST edge.

use minqing_gateway::transcode;
use minqing_kit::Error;
use minqing_proto::DESCRIPTOR_POOL;
use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _};

/// Requests that the gateway's routes take, and one with every kind of field.
pub const REQUESTS: [&str; 5] = [
    "minqing.registry.v1.FindPersonRequest",
    "minqing.registry.v1.ListHouseholdsRequest",
    "minqing.registry.v1.ListChainEntriesRequest",
    "minqing.dispatch.v1.ListWorkOrdersRequest",
    "minqing.bureau.v1.Receipt",
];

/// A body of a request chosen by the first byte, and the same text as query parameters, one a line.
pub fn gateway_json(data: &[u8]) {
    let Some((which, body)) = data.split_first() else { return };
    let name = REQUESTS[usize::from(*which) % REQUESTS.len()];
    let descriptor = DESCRIPTOR_POOL.get_message_by_name(name).unwrap();
    match transcode::from_json(descriptor.clone(), body) {
        Ok(message) => survives(&message),
        Err(error) => told(&error),
    }
    let mut message = DynamicMessage::new(descriptor);
    for line in String::from_utf8_lossy(body).lines() {
        let (field, text) = line.split_once('=').unwrap_or((line, ""));
        if let Err(error) = transcode::set_text(&mut message, field, text) {
            told(&error);
        }
    }
    survives(&message);
}

/// What was read is the same after it was written.
fn survives(message: &DynamicMessage) {
    let written = serde_json::to_vec(&transcode::to_json(message).unwrap()).unwrap();
    let again = transcode::from_json(message.descriptor(), &written).unwrap();
    assert_eq!(again.encode_to_vec(), message.encode_to_vec());
}

fn told(error: &Error) {
    assert!(!error.reason().is_empty() && !error.message().is_empty() && !error.message_zh().is_empty());
}
