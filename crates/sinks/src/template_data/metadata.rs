use std::rc::Rc;

use event::{Metadata, document};
use template::{List, NilPointer, Value};

use super::{
    dump,
    go_struct::{Field, GoStruct, map, pointer, text, texts, uid},
    involved, times,
};

/// `v1.ObjectMeta`.
pub(super) static OBJECT_META: GoStruct<Metadata> = GoStruct {
    string: Some((dump::metadata, true)),
    json: Some(|metadata, out| document::write_metadata(out, metadata)),
    ..GoStruct::new("v1.ObjectMeta", FIELDS)
};

/// The fields of `v1.ObjectMeta`, in its order.
pub(super) const FIELDS: &[Field<Metadata>] = &[
    ("Name", |it| text(&it.name)),
    ("GenerateName", |it| text(&it.generate_name)),
    ("Namespace", |it| text(&it.namespace)),
    ("SelfLink", |it| text(&it.self_link)),
    ("UID", |it| uid(&it.uid)),
    ("ResourceVersion", |it| text(&it.resource_version)),
    ("Generation", |it| Value::int64(it.generation)),
    ("CreationTimestamp", |it| times::seconds(&it.creation_timestamp)),
    ("DeletionTimestamp", |it| {
        let set = it.deletion_timestamp.is_some();
        pointer(&times::TIME, set.then_some(&it.deletion_timestamp))
    }),
    ("DeletionGracePeriodSeconds", |it| match it.deletion_grace_period_seconds {
        Some(seconds) => Value::Pointer(Rc::new(Value::int64(seconds))),
        None => Value::NilPointer(NilPointer::Plain("*int64")),
    }),
    ("Labels", |it| map(&it.labels)),
    ("Annotations", |it| map(&it.annotations)),
    ("OwnerReferences", |it| involved::owners(&it.owner_references)),
    ("Finalizers", |it| texts(&it.finalizers)),
    ("ManagedFields", |_| Value::List(List::nil("[]v1.ManagedFieldsEntry"))),
];
