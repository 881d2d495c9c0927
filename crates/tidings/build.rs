//! Says with what and for what the program is built; `tidings_build_info` shows it.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output();
    let version = version.ok().and_then(|it| String::from_utf8(it.stdout).ok());
    // `rustc 1.95.0 (59807616e 2026-04-14)`
    let version =
        version.as_deref().and_then(|it| it.split_whitespace().nth(1)).unwrap_or("unknown");
    println!("cargo::rustc-env=TIDINGS_RUSTC={version}");
    let target = env::var("TARGET").unwrap_or_else(|_| "unknown".into());
    println!("cargo::rustc-env=TIDINGS_TARGET={target}");
}
