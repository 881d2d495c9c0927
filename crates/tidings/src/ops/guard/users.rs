//! `basic_auth_users`: names, and bcrypt hashes of their passwords.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasher, RandomState},
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bcrypt::HashParts;
use hyper::header::HeaderValue;
use serde::Deserialize;

/// Users and hashes.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Users(BTreeMap<String, String>);

/// A hash that nobody's password has, for names that nobody has: an answer takes as long for them.
const NOBODY: &str = "$2y$10$abcdefghijklmnopqrstuuFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC";

/// So many passwords are remembered as good.
const MOST: usize = 100;

/// Passwords that were right, so that not every request takes a tenth of a second. What is kept is a
/// hash with a key of this process; one password is looked at at a time.
#[derive(Debug, Default)]
pub(crate) struct Proven {
    key: RandomState,
    good: Mutex<HashSet<u64>>,
    turn: Mutex<()>,
}

impl Users {
    /// Whether everybody may come in.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those whose password is no bcrypt hash.
    pub(super) fn without_hash(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, hash)| HashParts::from_str(hash).is_err()).map(|it| it.0.as_str())
    }

    /// Whether a request with this `Authorization` may come in. Takes a while.
    pub(crate) fn admit(&self, authorization: Option<&HeaderValue>, proven: &Proven) -> bool {
        let Some((name, password)) = authorization.and_then(credentials) else { return false };
        let hash = self.0.get(&name);
        let known = (&name, hash, &password);
        let mark = proven.key.hash_one(known);
        if hash.is_some() && lock(&proven.good).contains(&mark) {
            return true;
        }
        let turn = lock(&proven.turn);
        let right = bcrypt::verify(&*password, hash.map_or(NOBODY, String::as_str));
        drop(turn);
        let right = hash.is_some() && right.unwrap_or(false);
        if right {
            let mut good = lock(&proven.good);
            if good.len() >= MOST {
                good.clear();
            }
            good.insert(mark);
        }
        right
    }
}

/// Name and password of `Basic bmFtZTpwYXNzd29yZA==`.
fn credentials(authorization: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(name: &str, password: &str) -> HeaderValue {
        let text = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        HeaderValue::from_str(&text).unwrap()
    }

    #[test]
    fn only_a_known_user_with_the_right_password_comes_in() {
        let hash = bcrypt::hash("s3cret", 4).unwrap();
        let users = Users([("alice".to_owned(), hash.clone())].into());
        let proven = Proven::default();
        for _ in 0..2 {
            assert!(users.admit(Some(&basic("alice", "s3cret")), &proven));
            for wrong in [basic("alice", "secret"), basic("bob", "s3cret"), basic("alice", "")] {
                assert!(!users.admit(Some(&wrong), &proven));
            }
        }
        for wrong in ["Basic", "Basic !", "Bearer YWxpY2U6czNjcmV0", "Basic YWxpY2U="] {
            assert!(!users.admit(Some(&HeaderValue::from_static(wrong)), &proven), "{wrong}");
        }
        assert!(!users.admit(None, &proven));
        // A new hash: what was good is not any more.
        let users = Users([("alice".to_owned(), bcrypt::hash("other", 4).unwrap())].into());
        assert!(!users.admit(Some(&basic("alice", "s3cret")), &proven));
    }

    #[test]
    fn a_name_that_nobody_has_is_compared_with_a_real_hash() {
        assert!(HashParts::from_str(NOBODY).is_ok());
        assert_eq!(bcrypt::verify("fakepassword", NOBODY).ok(), Some(false));
    }
}
