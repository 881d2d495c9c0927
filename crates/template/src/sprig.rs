//! The functions of sprig 3.2.3, with the quirks that templates rely on.
//!
//! What a function gives, and how it fails, is what Go's gives: `crates/template/fixtures/sprig.ndjson` holds
//! answers of the original for every function, and a test compares. Four things are different on
//! purpose: `keys` and `values` are sorted, nothing makes more than [`limits`] allow, maps of the data
//! cannot be changed, and regular expressions see U+FFFD for bytes that are no text.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all functions have one signature, also those that never fail"
)]

use crate::function::{Function, Type};

mod arguments;

mod casing;

mod certificates;

mod convert;

mod crypto;

mod dates;

mod decimal;

mod defaults;

mod dicts;

mod duration_read;

mod encoding;

mod environment;

mod equality;

mod json;

mod json_read;

mod keys;

mod limits;

mod lists;

mod merge;

mod numbers;

mod paths;

mod pem;

mod random;

mod regexes;

mod semver;

mod strconv;

mod strings;

mod time_read;

mod unicode;

mod url;

mod urls;

mod version;

mod wrapping;

mod zone_read;

const ANY: Type = Type::Any;
const DICT: Type = Type::Dict;
const INT: Type = Type::Int(crate::IntType::Int);
const STRING: Type = Type::String;
const LIST: Type = Type::List;
const CERTIFICATE: Type = Type::Other("sprig.certificate");
const TIME: Type = Type::Time;

/// The function of this name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Every function: its name in templates, its parameters in Go, and what computes it.
#[rustfmt::skip]
pub(crate) const FUNCTIONS: &[Function] = &[
    // Texts.
    Function::new("abbrev", &[INT, STRING], strings::abbrev),
    Function::new("abbrevboth", &[INT, INT, STRING], strings::abbrevboth),
    Function::new("trunc", &[INT, STRING], strings::trunc),
    Function::new("trim", &[STRING], strings::trim),
    Function::new("upper", &[STRING], casing::upper),
    Function::new("lower", &[STRING], casing::lower),
    Function::new("title", &[STRING], casing::title),
    Function::new("untitle", &[STRING], casing::untitle),
    Function::new("substr", &[INT, INT, STRING], strings::substr),
    Function::new("repeat", &[INT, STRING], strings::repeat),
    Function::new("trimall", &[STRING, STRING], strings::trim_all),
    Function::new("trimAll", &[STRING, STRING], strings::trim_all),
    Function::new("trimSuffix", &[STRING, STRING], strings::trim_suffix),
    Function::new("trimPrefix", &[STRING, STRING], strings::trim_prefix),
    Function::new("nospace", &[STRING], strings::nospace),
    Function::new("initials", &[STRING], strings::initials),
    Function::new("swapcase", &[STRING], casing::swapcase),
    Function::new("shuffle", &[STRING], strings::shuffle),
    Function::new("snakecase", &[STRING], casing::snakecase),
    Function::new("camelcase", &[STRING], casing::camelcase),
    Function::new("kebabcase", &[STRING], casing::kebabcase),
    Function::new("wrap", &[INT, STRING], wrapping::wrap),
    Function::new("wrapWith", &[INT, STRING, STRING], wrapping::wrap_with),
    Function::new("contains", &[STRING, STRING], strings::contains),
    Function::new("hasPrefix", &[STRING, STRING], strings::has_prefix),
    Function::new("hasSuffix", &[STRING, STRING], strings::has_suffix),
    Function::variadic("quote", &[ANY], strings::quoted),
    Function::variadic("squote", &[ANY], strings::squote),
    Function::variadic("cat", &[ANY], strings::cat),
    Function::new("indent", &[INT, STRING], wrapping::indent),
    Function::new("nindent", &[INT, STRING], wrapping::nindent),
    Function::new("replace", &[STRING, STRING, STRING], strings::replace),
    Function::new("plural", &[STRING, STRING, INT], strings::plural),
    Function::new("split", &[STRING, STRING], strings::split),
    Function::new("splitList", &[STRING, STRING], strings::split_list),
    Function::new("splitn", &[STRING, INT, STRING], strings::splitn),
    Function::new("join", &[STRING, ANY], strings::join),
    Function::new("sortAlpha", &[ANY], strings::sort_alpha),
    Function::new("toString", &[ANY], strings::to_string),
    Function::new("toStrings", &[ANY], strings::to_strings),
    Function::new("hello", &[], strings::hello),
    Function::new("fail", &[STRING], strings::fail),
    // Numbers.
    Function::new("atoi", &[STRING], numbers::atoi),
    Function::new("int", &[ANY], numbers::int_of),
    Function::new("int64", &[ANY], numbers::int64),
    Function::new("float64", &[ANY], numbers::float64),
    Function::new("toDecimal", &[ANY], numbers::to_decimal),
    Function::new("add1", &[ANY], numbers::add1),
    Function::variadic("add", &[ANY], numbers::add),
    Function::new("sub", &[ANY, ANY], numbers::sub),
    Function::new("div", &[ANY, ANY], numbers::div),
    Function::new("mod", &[ANY, ANY], numbers::modulo),
    Function::variadic("mul", &[ANY, ANY], numbers::mul),
    Function::variadic("max", &[ANY, ANY], numbers::max),
    Function::variadic("biggest", &[ANY, ANY], numbers::max),
    Function::variadic("min", &[ANY, ANY], numbers::min),
    Function::variadic("maxf", &[ANY, ANY], numbers::maxf),
    Function::variadic("minf", &[ANY, ANY], numbers::minf),
    Function::new("add1f", &[ANY], numbers::add1f),
    Function::variadic("addf", &[ANY], numbers::addf),
    Function::variadic("subf", &[ANY, ANY], numbers::subf),
    Function::variadic("mulf", &[ANY, ANY], numbers::mulf),
    Function::variadic("divf", &[ANY, ANY], numbers::divf),
    Function::new("ceil", &[ANY], numbers::ceil),
    Function::new("floor", &[ANY], numbers::floor),
    Function::variadic("round", &[ANY, INT, Type::Float64], numbers::round),
    Function::new("until", &[INT], numbers::until),
    Function::new("untilStep", &[INT, INT, INT], numbers::until_step),
    Function::variadic("seq", &[INT], numbers::seq),
    // Lists.
    Function::variadic("list", &[ANY], lists::list),
    Function::variadic("tuple", &[ANY], lists::list),
    Function::new("push", &[ANY, ANY], lists::append),
    Function::new("mustPush", &[ANY, ANY], lists::append),
    Function::new("append", &[ANY, ANY], lists::append),
    Function::new("mustAppend", &[ANY, ANY], lists::append),
    Function::new("prepend", &[ANY, ANY], lists::prepend),
    Function::new("mustPrepend", &[ANY, ANY], lists::prepend),
    Function::new("first", &[ANY], lists::first),
    Function::new("mustFirst", &[ANY], lists::first),
    Function::new("rest", &[ANY], lists::rest_of),
    Function::new("mustRest", &[ANY], lists::rest_of),
    Function::new("last", &[ANY], lists::last),
    Function::new("mustLast", &[ANY], lists::last),
    Function::new("initial", &[ANY], lists::initial),
    Function::new("mustInitial", &[ANY], lists::initial),
    Function::new("reverse", &[ANY], lists::reverse),
    Function::new("mustReverse", &[ANY], lists::reverse),
    Function::new("uniq", &[ANY], lists::uniq),
    Function::new("mustUniq", &[ANY], lists::uniq),
    Function::new("compact", &[ANY], lists::compact),
    Function::new("mustCompact", &[ANY], lists::compact),
    Function::variadic("without", &[ANY, ANY], lists::without),
    Function::variadic("mustWithout", &[ANY, ANY], lists::without),
    Function::new("has", &[ANY, ANY], lists::has),
    Function::new("mustHas", &[ANY, ANY], lists::has),
    Function::variadic("slice", &[ANY, ANY], lists::slice),
    Function::variadic("mustSlice", &[ANY, ANY], lists::slice),
    Function::new("chunk", &[INT, ANY], lists::chunk),
    Function::new("mustChunk", &[INT, ANY], lists::chunk),
    Function::variadic("concat", &[ANY], lists::concat),
    // Maps.
    Function::variadic("dict", &[ANY], dicts::make),
    Function::new("get", &[DICT, STRING], dicts::get),
    Function::new("set", &[DICT, STRING, ANY], dicts::set),
    Function::new("unset", &[DICT, STRING], dicts::unset),
    Function::new("hasKey", &[DICT, STRING], dicts::has_key),
    Function::variadic("pluck", &[STRING, DICT], dicts::pluck),
    Function::variadic("keys", &[DICT], dicts::keys),
    Function::new("values", &[DICT], dicts::values),
    Function::variadic("pick", &[DICT, STRING], dicts::pick),
    Function::variadic("omit", &[DICT, STRING], dicts::omit),
    Function::variadic("merge", &[DICT, DICT], merge::merge),
    Function::variadic("mustMerge", &[DICT, DICT], merge::merge),
    Function::variadic("mergeOverwrite", &[DICT, DICT], merge::merge_overwrite),
    Function::variadic("mustMergeOverwrite", &[DICT, DICT], merge::merge_overwrite),
    Function::variadic("dig", &[ANY], dicts::dig),
    // What is empty, and what a value is.
    Function::variadic("default", &[ANY, ANY], defaults::default),
    Function::new("empty", &[ANY], defaults::empty),
    Function::variadic("coalesce", &[ANY], defaults::coalesce),
    Function::variadic("all", &[ANY], defaults::all),
    Function::variadic("any", &[ANY], defaults::any_of),
    Function::new("ternary", &[ANY, ANY, Type::Bool], defaults::ternary),
    Function::new("typeOf", &[ANY], defaults::type_of),
    Function::new("typeIs", &[STRING, ANY], defaults::type_is),
    Function::new("typeIsLike", &[STRING, ANY], defaults::type_is_like),
    Function::new("kindOf", &[ANY], defaults::kind_of),
    Function::new("kindIs", &[STRING, ANY], defaults::kind_is),
    Function::new("deepEqual", &[ANY, ANY], equality::deep_equal),
    Function::new("deepCopy", &[ANY], defaults::deep_copy),
    Function::new("mustDeepCopy", &[ANY], defaults::deep_copy),
    // JSON.
    Function::new("fromJson", &[STRING], json_read::from_json),
    Function::new("mustFromJson", &[STRING], json_read::must_from_json),
    Function::new("toJson", &[ANY], json::to_json),
    Function::new("mustToJson", &[ANY], json::must_to_json),
    Function::new("toPrettyJson", &[ANY], json::to_pretty_json),
    Function::new("mustToPrettyJson", &[ANY], json::must_to_pretty_json),
    Function::new("toRawJson", &[ANY], json::to_raw_json),
    Function::new("mustToRawJson", &[ANY], json::to_raw_json),
    // Regular expressions.
    Function::new("regexMatch", &[STRING, STRING], regexes::is_match),
    Function::new("mustRegexMatch", &[STRING, STRING], regexes::must_match),
    Function::new("regexFind", &[STRING, STRING], regexes::find),
    Function::new("mustRegexFind", &[STRING, STRING], regexes::must_find),
    Function::new("regexFindAll", &[STRING, STRING, INT], regexes::find_all),
    Function::new("mustRegexFindAll", &[STRING, STRING, INT], regexes::must_find_all),
    Function::new("regexSplit", &[STRING, STRING, INT], regexes::split),
    Function::new("mustRegexSplit", &[STRING, STRING, INT], regexes::must_split),
    Function::new("regexReplaceAll", &[STRING, STRING, STRING], regexes::replace),
    Function::new("mustRegexReplaceAll", &[STRING, STRING, STRING], regexes::must_replace),
    Function::new("regexReplaceAllLiteral", &[STRING, STRING, STRING], regexes::replace_literal),
    Function::new("mustRegexReplaceAllLiteral", &[STRING, STRING, STRING], regexes::must_replace_literal),
    Function::new("regexQuoteMeta", &[STRING], regexes::quote_meta),
    // Encodings and sums.
    Function::new("b64enc", &[STRING], encoding::b64enc),
    Function::new("b64dec", &[STRING], encoding::b64dec),
    Function::new("b32enc", &[STRING], encoding::b32enc),
    Function::new("b32dec", &[STRING], encoding::b32dec),
    Function::new("sha1sum", &[STRING], encoding::sha1sum),
    Function::new("sha256sum", &[STRING], encoding::sha256sum),
    Function::new("adler32sum", &[STRING], encoding::adler32sum),
    // Paths and URLs.
    Function::new("base", &[STRING], paths::base),
    Function::new("osBase", &[STRING], paths::base),
    Function::new("dir", &[STRING], paths::dir),
    Function::new("osDir", &[STRING], paths::dir),
    Function::new("clean", &[STRING], paths::clean),
    Function::new("osClean", &[STRING], paths::clean),
    Function::new("ext", &[STRING], paths::ext),
    Function::new("osExt", &[STRING], paths::ext),
    Function::new("isAbs", &[STRING], paths::is_abs),
    Function::new("osIsAbs", &[STRING], paths::is_abs),
    Function::new("urlParse", &[STRING], urls::parse),
    Function::new("urlJoin", &[DICT], urls::join),
    // Versions.
    Function::new("semver", &[STRING], semver::semver),
    Function::new("semverCompare", &[STRING, STRING], semver::semver_compare),
    // Times.
    Function::new("now", &[], dates::now),
    Function::new("ago", &[ANY], dates::ago),
    Function::new("date", &[STRING, ANY], dates::date),
    Function::new("dateInZone", &[STRING, ANY, STRING], dates::date_in_zone),
    Function::new("date_in_zone", &[STRING, ANY, STRING], dates::date_in_zone),
    Function::new("dateModify", &[STRING, TIME], dates::date_modify),
    Function::new("date_modify", &[STRING, TIME], dates::date_modify),
    Function::new("mustDateModify", &[STRING, TIME], dates::must_date_modify),
    Function::new("must_date_modify", &[STRING, TIME], dates::must_date_modify),
    Function::new("duration", &[ANY], dates::duration),
    Function::new("durationRound", &[ANY], dates::duration_round),
    Function::new("htmlDate", &[ANY], dates::html_date),
    Function::new("htmlDateInZone", &[ANY, STRING], dates::html_date_in_zone),
    Function::new("toDate", &[STRING, STRING], dates::to_date),
    Function::new("mustToDate", &[STRING, STRING], dates::must_to_date),
    Function::new("unixEpoch", &[TIME], dates::unix_epoch),
    // The world around.
    Function::new("env", &[STRING], environment::env),
    Function::new("expandenv", &[STRING], environment::expandenv),
    Function::new("getHostByName", &[STRING], environment::get_host_by_name),
    // Passwords.
    Function::new("bcrypt", &[STRING], crypto::bcrypt),
    Function::new("htpasswd", &[STRING, STRING], crypto::htpasswd),
    Function::new("derivePassword", &[Type::Uint(crate::UintType::Uint32), STRING, STRING, STRING, STRING], crypto::derive_password),
    Function::new("encryptAES", &[STRING, STRING], crypto::encrypt_aes),
    Function::new("decryptAES", &[STRING, STRING], crypto::decrypt_aes),
    // Keys and certificates.
    Function::new("genPrivateKey", &[STRING], keys::gen_private_key),
    Function::new("buildCustomCert", &[STRING, STRING], certificates::build_custom),
    Function::new("genCA", &[STRING, INT], certificates::gen_ca),
    Function::new("genCAWithKey", &[STRING, INT, STRING], certificates::gen_ca_with_key),
    Function::new("genSelfSignedCert", &[STRING, LIST, LIST, INT], certificates::gen_self_signed),
    Function::new("genSelfSignedCertWithKey", &[STRING, LIST, LIST, INT, STRING], certificates::gen_self_signed_with_key),
    Function::new("genSignedCert", &[STRING, LIST, LIST, INT, CERTIFICATE], certificates::gen_signed),
    Function::new("genSignedCertWithKey", &[STRING, LIST, LIST, INT, CERTIFICATE, STRING], certificates::gen_signed_with_key),
    // Chance.
    Function::new("randAlphaNum", &[INT], random::rand_alpha_num),
    Function::new("randAlpha", &[INT], random::rand_alpha),
    Function::new("randAscii", &[INT], random::rand_ascii),
    Function::new("randNumeric", &[INT], random::rand_numeric),
    Function::new("randInt", &[INT, INT], random::rand_int),
    Function::new("randBytes", &[INT], random::rand_bytes),
    Function::new("uuidv4", &[], random::uuidv4),
];
