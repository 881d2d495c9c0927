//! Certificates: signed by themselves, by a CA, or brought along.

use std::{any::Any, fmt, net::IpAddr, rc::Rc};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    arguments::{any, int, text},
    convert::printed,
    encoding::from_base64,
    keys::PrivateKey,
    pem,
};
use crate::{
    context::Context,
    function::CallError,
    value::{Object, Value, lossy},
};

type Answer<'a> = Result<Value<'a>, CallError>;

/// The bits of an RSA key that nobody brought along.
const BITS: usize = 2048;

/// A certificate and its key, in PEM.
struct Certificate {
    cert: String,
    key: String,
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn field<'a>(&self, name: &str) -> Option<Value<'a>> {
        match name {
            "Cert" => Some(self.cert.clone().into()),
            "Key" => Some(self.key.clone().into()),
            _ => None,
        }
    }

    fn fields<'a>(&self) -> Vec<(&'static str, Value<'a>)> {
        vec![("Cert", self.cert.clone().into()), ("Key", self.key.clone().into())]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the key.
        f.write_str("sprig.certificate")
    }
}

fn error(what: &str, why: impl fmt::Display) -> CallError {
    CallError::new(format!("{what}: {why}"))
}

fn new_key(context: &Context<'_>) -> Result<PrivateKey, CallError> {
    PrivateKey::rsa(context, BITS).map_err(|why| error("error generating rsa key", why))
}

fn given_key(args: &[Value<'_>], at: usize) -> Result<PrivateKey, CallError> {
    PrivateKey::from_pem(&text(args, at).to_str()).map_err(|why| error("parsing private key", why))
}

pub(super) fn gen_ca<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let key = new_key(context)?;
    ca(context, args, &key)
}

pub(super) fn gen_ca_with_key<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    ca(context, args, &given_key(args, 2)?)
}

fn ca<'a>(context: &Context<'_>, args: &[Value<'a>], key: &PrivateKey) -> Answer<'a> {
    let mut wanted = params(context, args, &[], int(args, 1))?;
    wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wanted.key_usages.push(KeyUsagePurpose::KeyCertSign);
    signed_by_itself(&wanted, key)
}

pub(super) fn gen_self_signed<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    // Names that are wrong are told before a key is made.
    let wanted = params(context, args, &names(args)?, int(args, 3))?;
    signed_by_itself(&wanted, &new_key(context)?)
}

pub(super) fn gen_self_signed_with_key<'a>(
    context: &Context<'_>,
    args: &[Value<'a>],
) -> Answer<'a> {
    let key = given_key(args, 4)?;
    signed_by_itself(&params(context, args, &names(args)?, int(args, 3))?, &key)
}

pub(super) fn gen_signed<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let wanted = params(context, args, &names(args)?, int(args, 3))?;
    signed_by_ca(&wanted, &new_key(context)?, any(args, 4))
}

pub(super) fn gen_signed_with_key<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let key = given_key(args, 5)?;
    signed_by_ca(&params(context, args, &names(args)?, int(args, 3))?, &key, any(args, 4))
}

/// Addresses and names: the second and the third argument.
fn names(args: &[Value<'_>]) -> Result<Vec<SanType>, CallError> {
    let items = |at| match args.get(at) {
        Some(Value::List(list)) => list.items().to_vec(),
        _ => Vec::new(),
    };
    let no_text = |what: &str, item: &Value<'_>| match printed(item) {
        Ok(shown) => error(what, format!("{} is not a string", shown.to_str())),
        Err(why) => why,
    };
    let mut names = Vec::new();
    for item in items(1) {
        let Value::Str(address) = &item else { return Err(no_text("error parsing ip", &item)) };
        let address = address.to_str();
        let parsed: Result<IpAddr, _> = address.parse();
        names.push(SanType::IpAddress(parsed.map_err(|_| error("error parsing ip", &address))?));
    }
    for item in items(2) {
        let Value::Str(name) = &item else {
            return Err(no_text("error processing alternate dns name", &item));
        };
        let name = name.to_str().into_owned();
        let refused = format!("x509: {name:?} cannot be encoded as an IA5String");
        let name = name.try_into().map_err(|_| error("error creating certificate", refused))?;
        names.push(SanType::DnsName(name));
    }
    Ok(names)
}

fn params(
    context: &Context<'_>,
    args: &[Value<'_>],
    names: &[SanType],
    days: i64,
) -> Result<CertificateParams, CallError> {
    let too_long = || CallError::new("error creating certificate: a time that no calendar has");
    let begin =
        OffsetDateTime::from_unix_timestamp(context.now.as_second()).map_err(|_| too_long())?;
    let mut serial = vec![0; 16];
    context.environment.fill_random(&mut serial);
    // Positive, and never 0.
    serial[0] = serial[0] & 0x7f | 0x01;
    let mut wanted = CertificateParams::default();
    wanted.not_before = begin;
    wanted.not_after = begin.checked_add(Duration::days(days)).ok_or_else(too_long)?;
    wanted.serial_number = Some(SerialNumber::from(serial));
    wanted.subject_alt_names = names.to_vec();
    wanted.distinguished_name = DistinguishedName::new();
    let name = text(args, 0);
    if !name.is_empty() {
        wanted.distinguished_name.push(DnType::CommonName, name.to_str().into_owned());
    }
    wanted.is_ca = IsCa::ExplicitNoCa;
    wanted.key_usages = vec![KeyUsagePurpose::KeyEncipherment, KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(wanted)
}

fn creating(why: impl fmt::Display) -> CallError {
    error("error creating certificate", why)
}

fn signed_by_itself<'a>(wanted: &CertificateParams, key: &PrivateKey) -> Answer<'a> {
    let signer = key.signer().map_err(creating)?;
    let made = wanted.self_signed(&signer).map_err(creating)?;
    Ok(made_of(made.der(), key))
}

fn made_of<'a>(der: &[u8], key: &PrivateKey) -> Value<'a> {
    let cert = pem::encode("CERTIFICATE", der);
    Value::Object(Rc::new(Certificate { cert, key: key.pem() }))
}

fn signed_by_ca<'a>(wanted: &CertificateParams, key: &PrivateKey, ca: &Value<'a>) -> Answer<'a> {
    let ca = match ca {
        Value::Object(object) => object.as_any().downcast_ref::<Certificate>(),
        _ => None,
    };
    let ca = ca.ok_or_else(|| CallError::new("unable to decode certificate"))?;
    let block =
        pem::decode(&ca.cert).ok_or_else(|| CallError::new("unable to decode certificate"))?;
    let parsed = parsed(&block.contents, "error parsing certificate: decodedSignerCert.Bytes")?;
    let ca_key =
        PrivateKey::from_pem(&ca.key).map_err(|why| error("error parsing private key", why))?;
    let ca_signer: KeyPair = ca_key.signer().map_err(creating)?;
    if parsed.public_key().raw != ca_signer.subject_public_key_info() {
        return Err(creating("x509: provided PrivateKey doesn't match parent's PublicKey"));
    }
    let issuer = Issuer::from_ca_cert_der(&block.contents.as_slice().into(), ca_signer);
    let mut wanted = wanted.clone();
    wanted.use_authority_key_identifier_extension = true;
    let signer = key.signer().map_err(creating)?;
    let made = wanted.signed_by(&signer, &issuer.map_err(creating)?).map_err(creating)?;
    Ok(made_of(made.der(), key))
}

fn parsed<'d>(der: &'d [u8], what: &str) -> Result<X509Certificate<'d>, CallError> {
    let malformed = || error(what, "x509: malformed certificate");
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| malformed())?;
    if rest.is_empty() { Ok(certificate) } else { Err(error(what, "x509: trailing data")) }
}

pub(super) fn build_custom<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let decoded = |at, what: &str| {
        let bytes = from_base64(text(args, at).as_bytes());
        bytes
            .map(|bytes| lossy(&bytes))
            .map_err(|_| CallError::new(format!("unable to decode {what}")))
    };
    let cert = decoded(0, "base64 certificate")?;
    let key = decoded(1, "base64 private key")?;
    let block = pem::decode(&cert).ok_or_else(|| CallError::new("unable to decode certificate"))?;
    parsed(&block.contents, "error parsing certificate: decodedCert.Bytes")?;
    PrivateKey::from_pem(&key).map_err(|why| error("error parsing private key", why))?;
    Ok(Value::Object(Rc::new(Certificate { cert, key })))
}
