//! Private keys, in the formats that Go writes: PKCS #1, SEC 1, PKCS #8.

use rsa::{
    pkcs1::EncodeRsaPrivateKey,
    rand_core::{CryptoRng, Error, RngCore},
};

use sha2::{Digest, Sha256};

use super::{
    arguments::text,
    pem::{self, BIT_STRING, CONTEXT_0, CONTEXT_1, INTEGER, NULL, OBJECT, OCTET_STRING, SEQUENCE},
};
use crate::{context::Context, function::CallError, value::Value};

type Answer<'a> = Result<Value<'a>, CallError>;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ZERO: &[u8] = &[INTEGER, 1, 0];
const ONE: &[u8] = &[INTEGER, 1, 1];

/// A private key.
pub(super) enum PrivateKey {
    /// In the form of PKCS #1.
    Rsa(Vec<u8>),
    /// The curve's identifier, the number, and the point.
    Ec { curve: Vec<u8>, number: Vec<u8>, point: Vec<u8> },
    /// The seed.
    Ed25519(Vec<u8>),
}

/// The context's chance, for keys. Hashed with a count: the search for a prime would never end with a
/// source that repeats itself, such as [`crate::Sealed`].
struct Chance<'c> {
    context: &'c Context<'c>,
    count: u64,
}

impl RngCore for Chance<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(32) {
            let mut seed = [0; 32];
            self.context.environment.fill_random(&mut seed);
            self.count = self.count.wrapping_add(1);
            let hash = Sha256::new().chain_update(seed).chain_update(self.count.to_be_bytes());
            part.copy_from_slice(&hash.finalize()[..part.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Chance<'_> {}

pub(super) fn gen_private_key<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let kind = text(args, 0).to_str();
    let key = match &*kind {
        "" | "rsa" => PrivateKey::rsa(context, 4096),
        "ecdsa" => PrivateKey::ecdsa(),
        "ed25519" => {
            let mut seed = vec![0; 32];
            context.environment.fill_random(&mut seed);
            Ok(PrivateKey::Ed25519(seed))
        }
        "dsa" => Err("DSA is out of use; take rsa, ecdsa or ed25519".to_owned()),
        kind => return Ok(format!("Unknown type {kind}").into()),
    };
    Ok(match key {
        Ok(key) => key.pem(),
        Err(why) => format!("failed to generate private key: {why}"),
    }
    .into())
}

impl PrivateKey {
    /// A new RSA key.
    pub(super) fn rsa(context: &Context<'_>, bits: usize) -> Result<Self, String> {
        let key = rsa::RsaPrivateKey::new(&mut Chance { context, count: 0 }, bits)
            .map_err(|why| why.to_string())?;
        let document = key.to_pkcs1_der().map_err(|why| why.to_string())?;
        Ok(Self::Rsa(document.as_bytes().to_vec()))
    }

    /// A new key on the curve P-256.
    fn ecdsa() -> Result<Self, String> {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256);
        let pair = pair.map_err(|why| why.to_string())?;
        Self::from_pkcs8(pair.serialized_der()).ok_or_else(|| "a key in an unknown form".to_owned())
    }

    /// Reads a key in any form that Go reads, but for DSA.
    pub(super) fn from_pem(text: &str) -> Result<Self, String> {
        let block = pem::decode(text).ok_or("no PEM data in input")?;
        let label = block.label.as_str();
        let failed =
            |kind: &str| format!("parsing {kind} private key from PEM: x509: failed to parse it");
        if label == "PRIVATE KEY" {
            let key = Self::from_pkcs8(&block.contents);
            return key
                .ok_or_else(|| "decoding PEM as PKCS#8: x509: failed to parse it".to_owned());
        }
        let Some(kind) = label.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {label}"));
        };
        match kind {
            "RSA" => pem::take(SEQUENCE, &block.contents)
                .map(|_| Self::Rsa(block.contents.clone()))
                .ok_or_else(|| failed(kind)),
            "EC" => Self::from_sec1(&block.contents, None).ok_or_else(|| failed(kind)),
            "DSA" => Err("DSA is out of use; take rsa, ecdsa or ed25519".to_owned()),
            _ => Err(format!("invalid private key type {label}")),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let (inner, _) = pem::take(SEQUENCE, der)?;
        let (_, rest) = pem::take(INTEGER, inner)?;
        let (algorithm, rest) = pem::take(SEQUENCE, rest)?;
        let (key, _) = pem::take(OCTET_STRING, rest)?;
        let (name, parameters) = pem::take(OBJECT, algorithm)?;
        match name {
            RSA => Some(Self::Rsa(key.to_vec())),
            EC => Self::from_sec1(key, Some(pem::take(OBJECT, parameters)?.0)),
            ED25519 => Some(Self::Ed25519(pem::take(OCTET_STRING, key)?.0.to_vec())),
            _ => None,
        }
    }

    /// The curve may stand outside.
    fn from_sec1(der: &[u8], curve: Option<&[u8]>) -> Option<Self> {
        let (inner, _) = pem::take(SEQUENCE, der)?;
        let (_, rest) = pem::take(INTEGER, inner)?;
        let (number, mut rest) = pem::take(OCTET_STRING, rest)?;
        let mut curve = curve;
        if let Some((parameters, after)) = pem::take(CONTEXT_0, rest) {
            curve = Some(pem::take(OBJECT, parameters)?.0);
            rest = after;
        }
        let (point, _) = pem::take(CONTEXT_1, rest)?;
        let (point, _) = pem::take(BIT_STRING, point)?;
        Some(Self::Ec { curve: curve?.to_vec(), number: number.to_vec(), point: point.to_vec() })
    }

    /// As Go writes it.
    pub(super) fn pem(&self) -> String {
        match self {
            Self::Rsa(key) => pem::encode("RSA PRIVATE KEY", key),
            Self::Ec { curve, .. } => {
                let curve = pem::element(CONTEXT_0, &[&pem::element(OBJECT, &[curve])]);
                pem::encode("EC PRIVATE KEY", &self.sec1(&curve))
            }
            Self::Ed25519(_) => pem::encode("PRIVATE KEY", &self.pkcs8()),
        }
    }

    fn sec1(&self, curve: &[u8]) -> Vec<u8> {
        let Self::Ec { number, point, .. } = self else { return Vec::new() };
        let number = pem::element(OCTET_STRING, &[number]);
        let point = pem::element(CONTEXT_1, &[&pem::element(BIT_STRING, &[point])]);
        pem::element(SEQUENCE, &[ONE, &number, curve, &point])
    }

    /// The form that ring reads.
    fn pkcs8(&self) -> Vec<u8> {
        let object = |name: &[u8]| pem::element(OBJECT, &[name]);
        let (algorithm, key) = match self {
            Self::Rsa(key) => ([object(RSA), pem::element(NULL, &[])].concat(), key.clone()),
            Self::Ec { curve, .. } => ([object(EC), object(curve)].concat(), self.sec1(&[])),
            Self::Ed25519(seed) => (object(ED25519), pem::element(OCTET_STRING, &[seed])),
        };
        let algorithm = pem::element(SEQUENCE, &[&algorithm]);
        pem::element(SEQUENCE, &[ZERO, &algorithm, &pem::element(OCTET_STRING, &[&key])])
    }

    /// What signs with it.
    pub(super) fn signer(&self) -> Result<rcgen::KeyPair, String> {
        let algorithm = match self {
            Self::Rsa(_) => &rcgen::PKCS_RSA_SHA256,
            Self::Ec { curve, .. } if curve == P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::Ec { .. } => &rcgen::PKCS_ECDSA_P384_SHA384,
            Self::Ed25519(_) => &rcgen::PKCS_ED25519,
        };
        let der = self.pkcs8();
        let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der.as_slice().into(), algorithm);
        pair.map_err(|why| format!("x509: this key cannot sign: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::*;
    use crate::Sealed;

    #[test]
    fn a_key_is_found_even_with_the_same_bytes_every_time() {
        let context =
            Context { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, environment: &Sealed };
        let key = PrivateKey::rsa(&context, 2048).unwrap();
        let again = PrivateKey::from_pem(&key.pem()).unwrap();
        assert_eq!(key.pem(), again.pem());
        assert!(again.signer().is_ok());
    }
}
