use event::{Event, Metadata, Occurrences, Series, Source, document};

use template::{CallError, Function, IntType, Time, Type, Value};

use super::{
    copied, dump,
    go_struct::{Field, GoStruct, Read, part, pointer, text},
    involved::{INVOLVED, REFERENCE},
    metadata::{self, OBJECT_META},
    times,
};

/// `kube.EnhancedEvent`, the data of every template.
pub(super) static ENHANCED_EVENT: GoStruct<Event> = GoStruct {
    promoted,
    methods: METHODS,
    string: Some((dump::event, true)),
    json: Some(|event, out| document::write(out, event)),
    ..GoStruct::new(
        "kube.EnhancedEvent",
        &[
            ("Event", |it| part(&EVENT, it)),
            ("ClusterName", |it| text(&it.cluster_name)),
            ("InvolvedObject", |it| part(&INVOLVED, &it.involved)),
        ],
    )
};

/// `v1.Event`, embedded in it.
pub(super) static EVENT: GoStruct<Event> = GoStruct {
    promoted: of_metadata,
    methods: METHODS,
    string: Some((dump::event, true)),
    ..GoStruct::new("v1.Event", FIELDS)
};

/// `v1.TypeMeta`: empty, as typed clients leave it.
static TYPE_META: GoStruct<Event> = GoStruct {
    string: Some((|_, out| out.extend_from_slice(b"&TypeMeta{Kind:,APIVersion:,}"), true)),
    json: Some(|_, out| out.extend_from_slice(b"{}")),
    ..GoStruct::new(
        "v1.TypeMeta",
        &[("Kind", |_| Value::from("")), ("APIVersion", |_| Value::from(""))],
    )
};

/// `v1.EventSource`.
pub(super) static SOURCE: GoStruct<Source> = GoStruct {
    string: Some((dump::source, true)),
    json: Some(|it, out| document::write_source(out, it)),
    ..GoStruct::new(
        "v1.EventSource",
        &[("Component", |it| text(&it.component)), ("Host", |it| text(&it.host))],
    )
};

/// `v1.EventSeries`.
pub(super) static SERIES: GoStruct<Series> = GoStruct {
    string: Some((dump::series, true)),
    json: Some(|it, out| document::write_series(out, *it)),
    ..GoStruct::new(
        "v1.EventSeries",
        &[
            ("Count", |it| int32(it.count)),
            ("LastObservedTime", |it| times::micros(&it.last_observed_time)),
        ],
    )
};

/// Ours: the interval of the Event's counter that this revision adds.
static OCCURRENCES: GoStruct<Occurrences> = GoStruct::new(
    "tidings.Occurrences",
    &[
        ("Before", |it| Value::int64(it.before.into())),
        ("After", |it| Value::int64(it.after.into())),
        ("Added", |it| Value::int64(it.added().into())),
    ],
);

fn int32<'a>(number: i32) -> Value<'a> {
    Value::Int(IntType::Int32, number.into())
}

/// The fields of `v1.Event`, in its order.
const FIELDS: &[Field<Event>] = &[
    ("TypeMeta", |it| part(&TYPE_META, it)),
    ("ObjectMeta", |it| part(&OBJECT_META, &it.metadata)),
    ("InvolvedObject", |it| part(&REFERENCE, &it.involved.reference)),
    ("Reason", |it| text(&it.reason)),
    ("Message", |it| text(&it.message)),
    ("Source", |it| part(&SOURCE, &it.source)),
    ("FirstTimestamp", |it| times::seconds(&it.first_timestamp)),
    ("LastTimestamp", |it| times::seconds(&it.last_timestamp)),
    ("Count", |it| int32(it.count)),
    ("Type", |it| text(&it.kind)),
    ("EventTime", |it| times::micros(&it.event_time)),
    ("Series", |it| pointer(&SERIES, it.series.as_ref())),
    ("Action", |it| text(&it.action)),
    ("Related", |it| pointer(&REFERENCE, it.related.as_ref())),
    ("ReportingController", |it| text(&it.reporting_component)),
    ("ReportingInstance", |it| text(&it.reporting_instance)),
];

fn promoted(name: &str) -> Option<Read<Event>> {
    if let Some((_, read)) = FIELDS.iter().find(|(known, _)| *known == name) {
        return Some(*read);
    }
    if let Some(read) = of_metadata(name) {
        return Some(read);
    }
    Some(match name {
        // Ours. The original fails on these names.
        "ID" => |it| Value::from(it.id().to_string()),
        "Epoch" => |it| Value::int64(it.epoch.into()),
        "Occurrences" => |it| part(&OCCURRENCES, &it.occurrences),
        _ => return None,
    })
}

/// Fields of the metadata and of `TypeMeta`.
fn of_metadata(name: &str) -> Option<Read<Event>> {
    macro_rules! metadata {
        ($($name:literal),* $(,)?) => {
            match name {
                $($name => Some(|it| {
                    const READ: Read<Metadata> = reader($name);
                    READ(&it.metadata)
                }),)*
                "Kind" | "APIVersion" => Some(|_| Value::from("")),
                _ => None,
            }
        };
    }
    metadata!(
        "Name",
        "GenerateName",
        "Namespace",
        "SelfLink",
        "UID",
        "ResourceVersion",
        "Generation",
        "CreationTimestamp",
        "DeletionTimestamp",
        "DeletionGracePeriodSeconds",
        "Labels",
        "Annotations",
        "OwnerReferences",
        "Finalizers",
        "ManagedFields",
    )
}

/// The reader of a field of the metadata. Runs while compiling: a wrong name does not compile.
const fn reader(name: &str) -> Read<Metadata> {
    let mut index = 0;
    while index < metadata::FIELDS.len() {
        let (known, read) = metadata::FIELDS[index];
        if same(known.as_bytes(), name.as_bytes()) {
            return read;
        }
        index += 1;
    }
    panic!("no such field")
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// When it began: the first occurrence, else the time of newer recorders.
fn began(event: &Event) -> Time {
    times::instant(event.first_timestamp.or(event.event_time))
}

/// The event that a method was called on.
fn receiver<'a>(args: &[Value<'a>]) -> Result<&'a Event, CallError> {
    let data = match args.first() {
        Some(Value::Struct(object)) => object.data().downcast_ref(),
        _ => None,
    };
    data.ok_or_else(|| CallError::new("not an event"))
}

/// Getters of `ObjectMeta`: each reads a field.
macro_rules! getter {
    ($name:literal, $field:literal) => {
        Function::new($name, &[Type::Any], |_, args| {
            const READ: Read<Metadata> = reader($field);
            Ok(READ(&receiver(args)?.metadata))
        })
    };
}

static METHODS: &[Function] = &[
    Function::new("ToJSON", &[Type::Any], |_, args| {
        let mut json = Vec::with_capacity(1536);
        document::write(&mut json, receiver(args)?);
        Ok(Value::Bytes(json.into()))
    }),
    Function::new("DeDot", &[Type::Any], |_, args| {
        Ok(copied::whole(super::without_dots(receiver(args)?)))
    }),
    Function::new("GetTimestampMs", &[Type::Any], |_, args| {
        let began = began(receiver(args)?);
        // The zero time does not fit and wraps around, as in Go.
        let nanoseconds = began.unix().wrapping_mul(1_000_000_000);
        let nanoseconds = nanoseconds.wrapping_add(i64::from(began.nanosecond()));
        Ok(Value::int64(nanoseconds / 1_000_000))
    }),
    Function::new("GetTimestampISO8601", &[Type::Any], |_, args| {
        Ok(Value::from(began(receiver(args)?).format("2006-01-02T15:04:05.000Z")))
    }),
    Function::new("String", &[Type::Any], |_, args| {
        let mut out = Vec::new();
        dump::event(receiver(args)?, &mut out);
        Ok(Value::Str(out.into()))
    }),
    getter!("GetName", "Name"),
    getter!("GetGenerateName", "GenerateName"),
    getter!("GetNamespace", "Namespace"),
    getter!("GetSelfLink", "SelfLink"),
    getter!("GetUID", "UID"),
    getter!("GetResourceVersion", "ResourceVersion"),
    getter!("GetGeneration", "Generation"),
    getter!("GetCreationTimestamp", "CreationTimestamp"),
    getter!("GetDeletionTimestamp", "DeletionTimestamp"),
    getter!("GetDeletionGracePeriodSeconds", "DeletionGracePeriodSeconds"),
    getter!("GetLabels", "Labels"),
    getter!("GetAnnotations", "Annotations"),
    getter!("GetFinalizers", "Finalizers"),
    getter!("GetOwnerReferences", "OwnerReferences"),
    getter!("GetManagedFields", "ManagedFields"),
];
