//! Each measurement as a process of its own.

use std::path::Path;

use anyhow::Context;

use crate::{bodies, decode, generate, layout, memory, objects, original, requests, way};

/// The argument before the name of a role.
pub const WORD: &str = "role";

/// Plays it.
pub fn play(role: &str, arguments: &[String]) -> anyhow::Result<()> {
    let text = |index: usize| arguments.get(index).map(String::as_str).context("an argument");
    let number = |index: usize| Ok::<u64, anyhow::Error>(text(index)?.parse()?);
    match role {
        "generate" => generate::write(Path::new(text(0)?), number(1)?, number(2)?),
        "capture" => decode::capture(Path::new(text(0)?), number(1)?),
        "decode" => decode::measure(Path::new(text(0)?), text(1)?),
        "layout" => layout::measure(text(0)?),
        "way" => {
            let lanes = usize::try_from(number(2)?)?;
            let shape = arguments.get(3).map_or("document", String::as_str);
            way::measure(Path::new(text(0)?), Path::new(text(1)?), lanes, shape)
        }
        "playground" => memory::playground(Path::new(text(0)?), number(1)?),
        "flood" => {
            let flood = original::cluster::Flood {
                events: number(1)?,
                pods: number(2)?,
                per_second: number(3)?,
            };
            original::cluster::play(Path::new(text(0)?), flood)
        }
        "tidings" => memory::tidings(arguments),
        "objects" => {
            objects::measure(number(0)?, text(1)? == "annotations");
            Ok(())
        }
        "bodies" => bodies::measure(),
        "dictionary" => bodies::train(Path::new(text(0)?)),
        "requests" => requests::measure(number(0)?, number(1)?),
        other => anyhow::bail!("no such role: {other}"),
    }
}
