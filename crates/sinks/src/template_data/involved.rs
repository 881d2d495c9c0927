use std::rc::Rc;

use event::{Enrichment, Involved, ObjectRef, OwnerReference, document};
use template::{List, NilPointer, Value};

use super::{
    dump,
    go_struct::{GoStruct, map, part, pointer, text, uid},
};

/// `kube.EnhancedObjectReference`.
pub(super) static INVOLVED: GoStruct<Involved> = GoStruct {
    promoted: |name| {
        Some(match name {
            "Kind" => |it| text(&it.reference.kind),
            "Namespace" => |it| text(&it.reference.namespace),
            "Name" => |it| text(&it.reference.name),
            "UID" => |it| uid(&it.reference.uid),
            "APIVersion" => |it| text(&it.reference.api_version),
            "ResourceVersion" => |it| text(&it.reference.resource_version),
            "FieldPath" => |it| text(&it.reference.field_path),
            // Ours, as are those below: from the controller up to the root.
            "OwnerChain" => |it| owners(&it.owner_chain),
            "RootOwner" => |it| pointer(&OWNER, it.owner_chain.last()),
            "NamespaceLabels" => |it| map(&it.namespace_labels),
            "Enrichment" => |it| {
                Value::from(match it.enrichment {
                    Enrichment::None => "none",
                    Enrichment::Complete => "complete",
                    Enrichment::Incomplete => "incomplete",
                })
            },
            _ => return None,
        })
    },
    string: Some((|it, out| dump::reference(&it.reference, out), true)),
    json: Some(|it, out| document::write_involved(out, it)),
    ..GoStruct::new(
        "kube.EnhancedObjectReference",
        &[
            ("ObjectReference", |it| part(&REFERENCE, &it.reference)),
            ("Labels", |it| map(&it.labels)),
            ("Annotations", |it| map(&it.annotations)),
            ("OwnerReferences", |it| owners(&it.owner_references)),
            ("Deleted", |it| Value::Bool(it.deleted)),
        ],
    )
};

/// `v1.ObjectReference`.
pub(super) static REFERENCE: GoStruct<ObjectRef> = GoStruct {
    string: Some((dump::reference, true)),
    json: Some(|it, out| document::write_object_reference(out, it)),
    ..GoStruct::new(
        "v1.ObjectReference",
        &[
            ("Kind", |it| text(&it.kind)),
            ("Namespace", |it| text(&it.namespace)),
            ("Name", |it| text(&it.name)),
            ("UID", |it| uid(&it.uid)),
            ("APIVersion", |it| text(&it.api_version)),
            ("ResourceVersion", |it| text(&it.resource_version)),
            ("FieldPath", |it| text(&it.field_path)),
        ],
    )
};

/// `v1.OwnerReference`.
pub(super) static OWNER: GoStruct<OwnerReference> = GoStruct {
    string: Some((dump::owner, true)),
    json: Some(|it, out| document::write_owner(out, it)),
    ..GoStruct::new(
        "v1.OwnerReference",
        &[
            ("APIVersion", |it| text(&it.api_version)),
            ("Kind", |it| text(&it.kind)),
            ("Name", |it| text(&it.name)),
            ("UID", |it| uid(&it.uid)),
            ("Controller", |it| bool_pointer(it.controller)),
            ("BlockOwnerDeletion", |it| bool_pointer(it.block_owner_deletion)),
        ],
    )
};

/// A list of owners, nil when empty.
pub(super) fn owners(owners: &[OwnerReference]) -> Value<'_> {
    const NAME: &str = "[]v1.OwnerReference";
    if owners.is_empty() {
        return Value::List(List::nil(NAME));
    }
    let owners: Rc<[_]> = owners.iter().map(|owner| part(&OWNER, owner)).collect();
    Value::List(List::of(NAME, owners))
}

fn bool_pointer<'a>(bool: Option<bool>) -> Value<'a> {
    match bool {
        Some(bool) => Value::Pointer(Rc::new(Value::Bool(bool))),
        None => Value::NilPointer(NilPointer::Plain("*bool")),
    }
}
