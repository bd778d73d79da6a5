//! Between HTTP and messages: path and query values into a request, an answer into canonical proto JSON.

use minqing_kit::{Error, Result};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, ReflectMessage as _, SerializeOptions, Value};

/// Sets a field from the text of a path variable or a query parameter.
pub fn set_text(message: &mut DynamicMessage, field: &str, text: &str) -> Result<()> {
    let Some(descriptor) = message.descriptor().get_field_by_name(field).or_else(|| json_field(message, field)) else {
        return Err(Error::invalid(
            "PARAMETER_UNKNOWN",
            format!("there is no parameter `{field}`"),
            format!("没有参数 {field}"),
        )
        .field(field, "unknown parameter"));
    };
    let value = match descriptor.kind() {
        Kind::String => Some(Value::String(text.to_owned())),
        Kind::Int32 => text.parse().ok().map(Value::I32),
        Kind::Int64 => text.parse().ok().map(Value::I64),
        Kind::Bool => text.parse().ok().map(Value::Bool),
        Kind::Enum(values) => text
            .parse()
            .ok()
            .filter(|number| values.get_value(*number).is_some())
            .or_else(|| values.get_value_by_name(text).map(|value| value.number()))
            .map(Value::EnumNumber),
        _ => None,
    };
    let value = value.ok_or_else(|| {
        Error::invalid(
            "PARAMETER_MALFORMED",
            format!("the value of `{field}` does not fit; see the contract for its type"),
            format!("参数 {field} 的取值不符合类型"),
        )
        .field(field, "the value does not fit the field's type")
    })?;
    if descriptor.is_list() {
        if let Some(list) = message.get_field_mut(&descriptor).as_list_mut() {
            list.push(value);
        }
    } else {
        message.set_field(&descriptor, value);
    }
    Ok(())
}

fn json_field(message: &DynamicMessage, name: &str) -> Option<prost_reflect::FieldDescriptor> {
    message.descriptor().fields().find(|field| field.json_name() == name)
}

/// Reads a request body; unknown fields are refused, since a misspelt one would be dropped in silence.
pub fn from_json(descriptor: MessageDescriptor, body: &[u8]) -> Result<DynamicMessage> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let message = DynamicMessage::deserialize(descriptor, &mut deserializer)
        .and_then(|message| deserializer.end().map(|()| message));
    // The parser's own text may quote the body, which may hold an ID number.
    message.map_err(|error| {
        Error::invalid(
            "BODY_MALFORMED",
            format!("the body is not this request in proto JSON, line {} column {}", error.line(), error.column()),
            format!("请求体不是合法的 JSON 请求，第 {} 行第 {} 列", error.line(), error.column()),
        )
    })
}

/// The answer as canonical proto JSON; defaults are written, so that every answer has the same shape.
pub fn to_json(message: &DynamicMessage) -> Result<serde_json::Value> {
    let options = SerializeOptions::new().skip_default_fields(false);
    message.serialize_with_options(serde_json::value::Serializer, &options).map_err(Error::bug)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use minqing_proto::DESCRIPTOR_POOL;

    use super::*;

    fn list() -> DynamicMessage {
        let name = "minqing.registry.v1.ListHouseholdsRequest";
        DynamicMessage::new(DESCRIPTOR_POOL.get_message_by_name(name).unwrap())
    }

    #[test]
    fn parameters_are_taken_by_either_name_and_checked() {
        let mut request = list();
        set_text(&mut request, "pageSize", "20").unwrap();
        set_text(&mut request, "division_code", "621202").unwrap();
        set_text(&mut request, "assistanceClass", "ASSISTANCE_CLASS_EDGE").unwrap();
        let json = to_json(&request).unwrap();
        assert_eq!(json["pageSize"], 20);
        assert_eq!(json["assistanceClass"], "ASSISTANCE_CLASS_EDGE");
        for (field, value) in [("pageSize", "many"), ("nothing", "1"), ("assistanceClass", "ASSISTANCE_CLASS_NONE")] {
            assert_eq!(set_text(&mut request, field, value).unwrap_err().kind(), minqing_kit::Kind::Invalid);
        }
    }

    #[test]
    fn a_body_with_an_unknown_field_is_refused_without_quoting_it() {
        let name = "minqing.registry.v1.FindPersonRequest";
        let descriptor = DESCRIPTOR_POOL.get_message_by_name(name).unwrap();
        let body = br#"{"idNumbr": "622621198001011237"}"#;
        let error = from_json(descriptor, body).unwrap_err();
        assert!(!error.message().contains("622621"));
    }
}
