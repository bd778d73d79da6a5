//! What every contract has to say about itself, checked over the descriptor set.

use minqing_proto::{
    DESCRIPTOR_POOL, contract,
    minqing::options::v1::{Mask, PersonalClass},
};
use prost_reflect::{MessageDescriptor, MethodDescriptor};

fn messages() -> impl Iterator<Item = MessageDescriptor> {
    DESCRIPTOR_POOL.all_messages().filter(|m| m.full_name().starts_with("minqing.") && !m.is_map_entry())
}

fn methods() -> Vec<MethodDescriptor> {
    DESCRIPTOR_POOL
        .services()
        .filter(|s| s.full_name().starts_with("minqing."))
        .flat_map(|s| s.methods().collect::<Vec<_>>())
        .collect()
}

#[test]
fn every_field_of_every_message_is_labelled() {
    let mut unlabelled = Vec::new();
    for message in messages() {
        for field in message.fields() {
            let labelled = contract::label(&field).is_some_and(|l| l.personal() != PersonalClass::Unspecified);
            if !labelled {
                unlabelled.push(field.full_name().to_owned());
            }
        }
    }
    assert!(unlabelled.is_empty(), "fields without a personal class: {unlabelled:#?}");
}

#[test]
fn every_personal_field_says_how_it_is_masked() {
    for message in messages() {
        for field in message.fields() {
            let label = contract::label(&field).unwrap();
            let personal = !matches!(label.personal(), PersonalClass::None | PersonalClass::Pseudonym);
            assert_eq!(
                personal,
                label.mask() != Mask::Unspecified,
                "{} is personal and has no mask, or the other way round",
                field.full_name()
            );
        }
    }
}

#[test]
fn money_and_dates_carry_their_unit() {
    for message in messages() {
        for field in message.fields() {
            let unit = contract::label(&field).unwrap().unit;
            if field.name().ends_with("_fen") || field.name().ends_with("_on") {
                assert_ne!(unit, 0, "{} has no unit", field.full_name());
            }
        }
    }
}

#[test]
fn every_method_says_who_may_call_it() {
    for method in methods() {
        let access = contract::access(&method);
        assert!(access.is_some_and(|a| !a.callers.is_empty()), "{} has no access rule", method.full_name());
    }
}

#[test]
fn every_mutation_carries_a_request_id_in_its_request_or_its_header() {
    for method in methods() {
        let mutation = contract::access(&method).unwrap().mutation;
        let input = method.input();
        let direct = input.get_field_by_name("request_id").is_some();
        let in_header = input
            .get_field_by_name("header")
            .and_then(|f| f.kind().as_message().map(|m| m.get_field_by_name("request_id").is_some()))
            .unwrap_or(false);
        if mutation {
            assert!(direct || in_header, "{} changes state and carries no request_id", method.full_name());
        }
        // GetOutcome asks for another call's id; every other request_id means a change.
        if direct && method.name() != "GetOutcome" {
            assert!(mutation, "{} carries a request_id and is not marked as a mutation", method.full_name());
        }
    }
}

#[test]
fn every_list_paginates() {
    for method in methods().into_iter().filter(|m| m.name().starts_with("List")) {
        for (message, fields) in
            [(method.input(), &["page_size", "page_token"][..]), (method.output(), &["next_page_token"][..])]
        {
            for field in fields {
                assert!(message.get_field_by_name(field).is_some(), "{} lacks {field}", message.full_name());
            }
        }
    }
}

#[test]
fn every_dataset_column_has_a_header_and_every_dataset_a_key() {
    for (dataset, message) in contract::datasets() {
        let columns: Vec<_> = message.fields().map(|f| (f.clone(), contract::column(&f))).collect();
        for (field, column) in &columns {
            assert!(column.as_ref().is_some_and(|c| !c.header.is_empty()), "{} has no header", field.full_name());
        }
        assert!(
            columns.iter().any(|(_, c)| c.as_ref().is_some_and(|c| c.key)),
            "{}.{} has no key",
            dataset.bureau,
            dataset.name
        );
    }
    assert!(contract::datasets().len() >= 18, "nine bureaus give at least two datasets each");
}
