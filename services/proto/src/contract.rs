//! Reads our options off the descriptors: labels of fields, columns of datasets, access rules of methods.

use prost::Message;
use prost_reflect::{DescriptorPool, ExtensionDescriptor, FieldDescriptor, MessageDescriptor, MethodDescriptor};

use crate::{
    DESCRIPTOR_POOL,
    minqing::options::v1::{Access, Column, Dataset, Label},
};

fn extension(name: &str) -> ExtensionDescriptor {
    let pool: &DescriptorPool = &DESCRIPTOR_POOL;
    pool.get_extension_by_name(name).expect("options.proto is part of the descriptor set")
}

fn read<T: Message + Default>(options: prost_reflect::DynamicMessage, name: &str) -> Option<T> {
    let extension = extension(name);
    if !options.has_extension(&extension) {
        return None;
    }
    let value = options.get_extension(&extension);
    value.as_message()?.transcode_to().ok()
}

/// Personal class, mask and unit of a field; `None` when it is not labelled.
pub fn label(field: &FieldDescriptor) -> Option<Label> {
    read(field.options(), "minqing.options.v1.label")
}

/// How a field stands in a dataset row; `None` when it is no dataset column.
pub fn column(field: &FieldDescriptor) -> Option<Column> {
    read(field.options(), "minqing.options.v1.column")
}

/// The dataset a message is a row of; `None` for any other message.
pub fn dataset(message: &MessageDescriptor) -> Option<Dataset> {
    read(message.options(), "minqing.options.v1.dataset")
}

/// Access rule of a method; `None` means that nobody may call it.
pub fn access(method: &MethodDescriptor) -> Option<Access> {
    read(method.options(), "minqing.options.v1.access")
}

/// Row message of `bureau`'s dataset `name`.
pub fn dataset_message(bureau: &str, name: &str) -> Option<MessageDescriptor> {
    datasets().into_iter().find(|(d, _)| d.bureau == bureau && d.name == name).map(|(_, m)| m)
}

/// Every dataset of every bureau with its row message, ordered by bureau and name.
pub fn datasets() -> Vec<(Dataset, MessageDescriptor)> {
    let mut all: Vec<_> = DESCRIPTOR_POOL.all_messages().filter_map(|m| Some((dataset(&m)?, m))).collect();
    all.sort_by(|a, b| (&a.0.bureau, &a.0.name).cmp(&(&b.0.bureau, &b.0.name)));
    all
}

/// Access rule of a method by its path, `/package.Service/Method`.
pub fn access_of_path(path: &str) -> Option<Access> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    let service = DESCRIPTOR_POOL.get_service_by_name(service)?;
    let method = service.methods().find(|m| m.name() == method)?;
    access(&method)
}
