//! Asking before something cannot be taken back.

use std::io::{self, BufRead, IsTerminal, Write};

/// Whether a person says yes to `question`. Where nobody can be asked, the answer is no, and what to give is said.
pub(super) fn agreed(question: &str) -> io::Result<bool> {
    let mut told = io::stderr();
    let is_agreed = if io::stdin().is_terminal() {
        write!(told, "{question} [y/N] ")?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        matches!(answer.trim(), "y" | "Y" | "yes")
    } else {
        // Standard error may be closed; the exit code tells all the same.
        drop(writeln!(told, "give --yes where nobody can be asked"));
        false
    };
    if !is_agreed {
        drop(writeln!(told, "nothing was changed"));
    }
    Ok(is_agreed)
}
