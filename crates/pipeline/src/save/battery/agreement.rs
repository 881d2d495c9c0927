//! Random commits, crashes and lane changes: both journals give the same answers.
