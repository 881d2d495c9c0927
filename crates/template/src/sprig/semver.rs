//! `semver` and `semverCompare`, as Masterminds/semver 3.2.0 reads versions.

use std::{any::Any, fmt, rc::Rc};

use super::{
    arguments::{any, text},
    version::{Constraints, Version},
};
use crate::{
    context::Context,
    function::{CallError, Function, Type},
    value::{Object, UintType, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn semver<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let version = Version::parse(&text(args, 0).to_str())?;
    Ok(Value::Object(Rc::new(Parsed { version, pointer: true })))
}

pub(super) fn semver_compare<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let constraints = Constraints::parse(&text(args, 0).to_str())?;
    let version = Version::parse(&text(args, 1).to_str())?;
    Ok(constraints.allow(&version).into())
}

/// A version in a template: what `semver` gives is a pointer, what its methods give is none.
struct Parsed {
    version: Version,
    pointer: bool,
}

const POINTER: Type = Type::Other("*semver.Version");
const SELF: &[Type] = &[Type::Any];
const SELF_AND_OTHER: &[Type] = &[Type::Any, POINTER];
const SELF_AND_TEXT: &[Type] = &[Type::Any, Type::String];

const METHODS: &[Function] = &[
    Function::new("Compare", SELF_AND_OTHER, |_, args| Ok(Value::int(compare(args)?))),
    Function::new("Equal", SELF_AND_OTHER, |_, args| Ok((compare(args)? == 0).into())),
    Function::new("GreaterThan", SELF_AND_OTHER, |_, args| Ok((compare(args)? > 0).into())),
    Function::new("LessThan", SELF_AND_OTHER, |_, args| Ok((compare(args)? < 0).into())),
    Function::new("IncMajor", SELF, |_, args| changed(args, Version::next_major)),
    Function::new("IncMinor", SELF, |_, args| changed(args, Version::next_minor)),
    Function::new("IncPatch", SELF, |_, args| changed(args, Version::next_patch)),
    Function::new("Major", SELF, |_, args| number(args, |version| version.major)),
    Function::new("Minor", SELF, |_, args| number(args, |version| version.minor)),
    Function::new("Patch", SELF, |_, args| number(args, |version| version.patch)),
    Function::new("Metadata", SELF, |_, args| part(args, |version| version.metadata.clone())),
    Function::new("Original", SELF, |_, args| part(args, |version| version.original.clone())),
    Function::new("Prerelease", SELF, |_, args| part(args, |version| version.prerelease.clone())),
    Function::new("String", SELF, |_, args| part(args, ToString::to_string)),
    Function::new("SetMetadata", SELF_AND_TEXT, |_, args| {
        let metadata = text(args, 1).to_str();
        let next = of(any(args, 0))?.with_metadata(&metadata)?;
        Ok(Value::Object(Rc::new(Parsed { version: next, pointer: false })))
    }),
    Function::new("SetPrerelease", SELF_AND_TEXT, |_, args| {
        let prerelease = text(args, 1).to_str();
        let next = of(any(args, 0))?.with_prerelease(&prerelease)?;
        Ok(Value::Object(Rc::new(Parsed { version: next, pointer: false })))
    }),
];

fn of<'v>(value: &'v Value<'_>) -> Result<&'v Version, CallError> {
    let parsed = match value {
        Value::Object(object) => object.as_any().downcast_ref::<Parsed>(),
        _ => None,
    };
    parsed.map(|parsed| &parsed.version).ok_or_else(super::arguments::nil_dereference)
}

fn compare(args: &[Value<'_>]) -> Result<i64, CallError> {
    Ok(of(any(args, 0))?.compare(of(any(args, 1))?) as i64)
}

fn changed<'a>(args: &[Value<'a>], change: fn(&Version) -> Version) -> Answer<'a> {
    let version = change(of(any(args, 0))?);
    Ok(Value::Object(Rc::new(Parsed { version, pointer: false })))
}

fn number<'a>(args: &[Value<'a>], read: fn(&Version) -> u64) -> Answer<'a> {
    Ok(Value::Uint(UintType::Uint64, read(of(any(args, 0))?)))
}

fn part<'a>(args: &[Value<'a>], read: fn(&Version) -> String) -> Answer<'a> {
    Ok(read(of(any(args, 0))?).into())
}

impl Object for Parsed {
    fn type_name(&self) -> &'static str {
        if self.pointer { "*semver.Version" } else { "semver.Version" }
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        METHODS.iter().find(|method| method.name == name)
    }

    fn string(&self) -> Option<String> {
        Some(self.version.to_string())
    }

    fn json(&self) -> Option<String> {
        Some(format!("\"{}\"", self.version))
    }

    fn fields<'a>(&self) -> Vec<(&'static str, Value<'a>)> {
        let Version { major, minor, patch, prerelease, metadata, original } = &self.version;
        let number = |number: &u64| Value::Uint(UintType::Uint64, *number);
        let text = |text: &String| Value::from(text.clone());
        vec![
            ("major", number(major)),
            ("minor", number(minor)),
            ("patch", number(patch)),
            ("pre", text(prerelease)),
            ("metadata", text(metadata)),
            ("original", text(original)),
        ]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.type_name(), self.version)
    }
}
