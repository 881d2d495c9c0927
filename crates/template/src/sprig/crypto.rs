//! Passwords and AES.

use aes::{
    Aes256,
    cipher::{
        BlockModeDecrypt, BlockModeEncrypt, KeyIvInit,
        block_padding::{NoPadding, Pkcs7},
    },
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{
    arguments::{any, text},
    encoding::{base64, from_base64},
    limits,
};
use crate::{
    context::Context,
    function::CallError,
    value::{Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

/// The cost that Go takes when nobody says another.
const BCRYPT_COST: u32 = 10;
const BLOCK: usize = 16;

pub(super) fn bcrypt<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(hashed(context, text(args, 0)).into())
}

pub(super) fn htpasswd<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let name = text(args, 0).to_str();
    if name.contains(':') {
        return Ok(format!("invalid username: {name}").into());
    }
    Ok(format!("{name}:{}", hashed(context, text(args, 1))).into())
}

/// What is longer than 72 bytes is cut, as in the original.
fn hashed(context: &Context<'_>, password: &Str<'_>) -> String {
    let mut salt = [0; 16];
    context.environment.fill_random(&mut salt);
    match bcrypt::hash_with_salt(password.as_bytes(), BCRYPT_COST, salt) {
        Ok(parts) => parts.format_for_version(bcrypt::Version::TwoA),
        Err(why) => format!("failed to encrypt string with bcrypt: {why}"),
    }
}

/// The password's bytes, cut or filled with zeros.
fn key(password: &Str<'_>) -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(password.as_bytes()) {
        *to = *from;
    }
    key
}

pub(super) fn encrypt_aes<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let plain = text(args, 1);
    if plain.is_empty() {
        return Ok("".into());
    }
    limits::bytes((plain.len() + 2 * BLOCK) / 3 * 4)?;
    let mut start = [0; BLOCK];
    context.environment.fill_random(&mut start);
    let encryptor = cbc::Encryptor::<Aes256>::new(&key(text(args, 0)).into(), &start.into());
    let encrypted = encryptor.encrypt_padded_vec::<Pkcs7>(plain.as_bytes());
    Ok(base64(&[start.as_slice(), &encrypted].concat()).into())
}

/// The padding is cut off unchecked; where that is not possible, Go's panic is the error.
pub(super) fn decrypt_aes<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let encoded = text(args, 1);
    if encoded.is_empty() {
        return Ok("".into());
    }
    let encrypted = from_base64(encoded.as_bytes())?;
    let out_of_range =
        |what: String| CallError::new(format!("runtime error: slice bounds out of range [{what}"));
    let Some((start, blocks)) = encrypted.split_first_chunk::<BLOCK>() else {
        // Go's decoder makes room for line ends, too.
        let room = encoded.len() / 4 * 3;
        let length = encrypted.len();
        return Err(out_of_range(if room < BLOCK {
            format!(":{BLOCK}] with capacity {room}")
        } else {
            format!("{BLOCK}:{length}]")
        }));
    };
    let decryptor = cbc::Decryptor::<Aes256>::new(&key(text(args, 0)).into(), &(*start).into());
    let mut plain = decryptor
        .decrypt_padded_vec::<NoPadding>(blocks)
        .map_err(|_| CallError::new("crypto/cipher: input not full blocks"))?;
    let Some(padding) = plain.last().copied() else {
        return Err(CallError::new("runtime error: index out of range [-1]"));
    };
    let Some(length) = plain.len().checked_sub(usize::from(padding)) else {
        return Err(out_of_range(format!(":-{}]", usize::from(padding) - plain.len())));
    };
    plain.truncate(length);
    Ok(Str::from(plain).into())
}

/// Patterns of passwords, by type: each letter stands for a class of characters.
const PATTERNS: &[(&str, &[&str])] = &[
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

fn class(letter: char) -> &'static [u8] {
    match letter {
        'V' => b"AEIOU",
        'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        'v' => b"aeiou",
        'c' => b"bcdfghjklmnpqrstvwxyz",
        'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        'n' => b"0123456789",
        'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The algorithm of Master Password.
pub(super) fn derive_password<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    const SEED: &[u8] = b"com.lyndir.masterpassword";
    let wanted = text(args, 1).to_str();
    let Some((_, patterns)) = PATTERNS.iter().find(|(name, _)| *name == wanted) else {
        return Ok(format!("cannot find password template {wanted}").into());
    };
    let counter = match any(args, 0) {
        Value::Uint(_, counter) => u32::try_from(*counter).unwrap_or_default(),
        _ => 0,
    };
    let (user, site) = (text(args, 3), text(args, 4));
    let length = |text: &Str<'_>| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let failed = |why: &dyn std::fmt::Display| format!("failed to derive password: {why}");

    let salt = [SEED, &length(user), user.as_bytes()].concat();
    let mut key = [0; 64];
    let derived = scrypt::Params::new(15, 8, 2).map_err(|why| failed(&why)).and_then(|params| {
        scrypt::scrypt(text(args, 2).as_bytes(), &salt, &params, &mut key)
            .map_err(|why| failed(&why))
    });
    if let Err(why) = derived {
        return Ok(why.into());
    }
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return Ok(failed(&"a key of this length").into());
    };
    hmac.update(&[SEED, &length(site), site.as_bytes(), &counter.to_be_bytes()].concat());
    let seed = hmac.finalize().into_bytes();
    let picked = |from: &[u8], byte: u8| from[usize::from(byte) % from.len()];
    let pattern = patterns[usize::from(seed[0]) % patterns.len()];
    let letters = pattern.chars().zip(&seed[1..]);
    Ok(letters
        .map(|(letter, byte)| char::from(picked(class(letter), *byte)))
        .collect::<String>()
        .into())
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::*;
    use crate::Sealed;

    #[test]
    fn a_hash_is_that_of_the_password() {
        let context =
            Context { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, environment: &Sealed };
        let hash = hashed(&context, &"pässword".into());
        assert!(bcrypt::verify("pässword", &hash).unwrap());
        assert!(!bcrypt::verify("password", &hash).unwrap());
    }
}
