//! Answers to get, create, update, patch and delete.

use std::sync::Arc;

use event::Event;
use http::{StatusCode, header, request::Parts};
use serde_json::Value;

use super::{
    Answer, Api,
    accept::Media,
    body_of,
    form::Shape,
    list_options::{ListOptions, revision},
    patch,
    resource::Resource,
    status::Status,
    target::Target,
    writable::Writable,
};
use crate::{
    stats::Verb,
    store::{ListQuery, Object, Page, Store, WriteError},
};

/// The content types of patches that are understood.
const PATCHES: [&str; 3] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

impl Api {
    pub(super) fn get(&self, target: &Target, shape: Shape) -> Result<Answer, Status> {
        if target.resource.is_events() {
            self.get_one::<Event>(target, shape)
        } else {
            self.get_one::<Object>(target, shape)
        }
    }

    fn get_one<T: Writable>(&self, target: &Target, shape: Shape) -> Result<Answer, Status> {
        let asked = revision(target.query.get("resourceVersion"))
            .map_err(|why| Status::bad_request(format!("invalid resource version: {why}")))?;
        let (resource, name) = (target.resource, &*target.name);
        let found = self.storage.read(|store| {
            if asked > store.revision() {
                return Err(Status::too_large(asked, store.revision()));
            }
            let found = T::current(store, resource, target.namespace(), name).map(Arc::clone);
            found.ok_or_else(|| Status::not_found(resource, name))
        })?;
        Ok(whole(StatusCode::OK, shape, &*found))
    }

    pub(super) fn write(
        &self,
        parts: &Parts,
        target: &Target,
        shape: Shape,
        body: &[u8],
    ) -> Result<Answer, Status> {
        if target.resource.is_events() {
            self.write_one::<Event>(parts, target, shape, body)
        } else {
            self.write_one::<Object>(parts, target, shape, body)
        }
    }

    fn write_one<T: Writable>(
        &self,
        parts: &Parts,
        target: &Target,
        shape: Shape,
        body: &[u8],
    ) -> Result<Answer, Status> {
        let resource = target.resource;
        let content_type = content_type(parts);
        let in_protobuf = content_type == Media::Protobuf.content_type();
        match target.verb {
            Verb::Create => {
                let mut object = T::read(body, in_protobuf, resource)?;
                self.complete_name(&mut object);
                self.create(object, target, shape)
            }
            Verb::Update => self.update(T::read(body, in_protobuf, resource)?, target, shape),
            Verb::Patch => self.patch::<T>(content_type, target, shape, body),
            Verb::Delete => self.delete::<T>(target, shape, body),
            _ => self.delete_collection::<T>(target, shape),
        }
    }

    fn complete_name(&self, object: &mut impl Writable) {
        if object.meta("name").is_empty() && !object.meta("generateName").is_empty() {
            let mut prefix = object.meta("generateName").to_owned();
            prefix.truncate(58);
            let name = format!("{prefix}{}", self.suffix(5));
            object.set_meta("name", &name);
        }
    }

    fn create<T: Writable>(
        &self,
        mut object: T,
        target: &Target,
        shape: Shape,
    ) -> Result<Answer, Status> {
        let now = self.clock.now();
        place(&mut object, target)?;
        let name = object.meta("name").to_owned();
        let created = self.storage.write(|store| {
            admit(store, target)?;
            object.validate(None, target.resource)?;
            let created = object.create(store, target.resource, now);
            created.map_err(|error| Status::refused(error, target.resource, &name))
        })?;
        Ok(whole(StatusCode::CREATED, shape, &*created))
    }

    fn update<T: Writable>(
        &self,
        mut object: T,
        target: &Target,
        shape: Shape,
    ) -> Result<Answer, Status> {
        let (resource, name) = (target.resource, &*target.name);
        let named = object.meta("name").to_owned();
        if named.is_empty() {
            object.set_meta("name", name);
        } else if named != name {
            return Err(Status::bad_request(format!(
                "the name of the object ({named}) does not match the name on the URL ({name})"
            )));
        }
        place(&mut object, target)?;
        let now = self.clock.now();
        let (code, written) = self.storage.write(|store| {
            let refused = |error| Status::refused(error, resource, name);
            let old = T::current(store, resource, target.namespace(), name).map(Arc::clone);
            object.validate(old.as_deref(), resource)?;
            if old.is_some() {
                let updated = object.update(store, resource, now).map_err(refused)?;
                return Ok((StatusCode::OK, updated));
            }
            if !resource.created_by_update() {
                return Err(refused(WriteError::NotFound));
            }
            admit(store, target)?;
            let created = object.create(store, resource, now).map_err(refused)?;
            Ok((StatusCode::CREATED, created))
        })?;
        Ok(whole(code, shape, &*written))
    }

    fn patch<T: Writable>(
        &self,
        content_type: &str,
        target: &Target,
        shape: Shape,
        body: &[u8],
    ) -> Result<Answer, Status> {
        if !PATCHES.contains(&content_type) {
            return Err(Status::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UnsupportedMediaType",
                format!(
                    "the body of the request was in an unknown format - accepted media types include: {}",
                    PATCHES.join(", ")
                ),
            ));
        }
        let (resource, name) = (target.resource, &*target.name);
        let patch: Value = serde_json::from_slice(body)
            .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
        let now = self.clock.now();
        let patched = self.storage.write(|store| {
            let old = T::current(store, resource, target.namespace(), name).map(Arc::clone);
            let old = old.ok_or_else(|| Status::not_found(resource, name))?;
            let mut json = old.to_json(resource);
            if content_type == PATCHES[0] {
                patch::operations(&mut json, &patch)
                    .map_err(|why| Status::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", why))?;
            } else {
                patch::merge(&mut json, patch);
            }
            let object = T::read(json.to_string().as_bytes(), false, resource)?;
            object.validate(Some(&*old), resource)?;
            let updated = object.update(store, resource, now);
            updated.map_err(|error| Status::refused(error, resource, name))
        })?;
        Ok(whole(StatusCode::OK, shape, &*patched))
    }

    fn delete<T: Writable>(
        &self,
        target: &Target,
        shape: Shape,
        body: &[u8],
    ) -> Result<Answer, Status> {
        let (resource, name) = (target.resource, &*target.name);
        let options: Value = serde_json::from_slice(body).unwrap_or_default();
        let wanted = options["preconditions"]["uid"].as_str();
        let deleted = self.storage.write(|store| {
            if let Some(current) = T::current(store, resource, target.namespace(), name)
                && let Some(wanted) = wanted
                && wanted != current.meta("uid")
            {
                let has = current.meta("uid");
                return Err(Status::precondition(resource, name, has, wanted));
            }
            let deleted = T::delete(store, resource, target.namespace(), name);
            deleted.map_err(|error| Status::refused(error, resource, name))
        })?;
        let status = Status::deleted(resource, name, deleted.meta("uid"));
        let media = shape.accept.media;
        Ok(body_of(StatusCode::OK, media.content_type(), status.encode(media)))
    }

    fn delete_collection<T: Writable>(
        &self,
        target: &Target,
        shape: Shape,
    ) -> Result<Answer, Status> {
        let options = ListOptions::read(target)?;
        let query = ListQuery { selection: options.selection, ..ListQuery::default() };
        let page: Page<T> = self.storage.write(|store| {
            let page = T::list(store, target.resource, &query).map_err(Status::read)?;
            for object in &page.items {
                let (namespace, name) = (object.meta("namespace"), object.meta("name"));
                T::delete(store, target.resource, namespace, name)
                    .map_err(|error| Status::refused(error, target.resource, name))?;
            }
            Ok::<_, Status>(page)
        })?;
        let body = shape.list(&page);
        Ok(body_of(StatusCode::OK, shape.accept.media.content_type(), body))
    }
}

/// Puts an object into the namespace of the request, unless it says that it belongs elsewhere.
fn place(object: &mut impl Writable, target: &Target) -> Result<(), Status> {
    let named = object.meta("namespace");
    if !named.is_empty() && named != target.namespace() {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if target.resource.namespaced {
        object.set_meta("namespace", target.namespace());
    }
    Ok(())
}

/// Nothing is created in a namespace that is not there.
fn admit(store: &Store, target: &Target) -> Result<(), Status> {
    let Some(namespace) = &target.namespace else {
        return Ok(());
    };
    if store.object("namespaces", "", namespace).is_some() {
        return Ok(());
    }
    let namespaces = Resource::find("", "v1", "namespaces").expect("namespaces are in the table");
    Err(Status::not_found(namespaces, namespace))
}

fn whole<T: Writable>(code: StatusCode, shape: Shape, object: &T) -> Answer {
    body_of(code, shape.accept.media.content_type(), shape.single(object))
}

fn content_type(parts: &Parts) -> &str {
    let value = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let value = value.unwrap_or("application/json");
    value.split(';').next().unwrap_or_default().trim()
}
