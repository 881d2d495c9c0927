//! A lane against scripted receivers and a journal in memory.
