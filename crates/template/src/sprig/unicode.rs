//! Go's view of characters: `unicode` and `utf8`.

use unicode_general_category::{GeneralCategory, get_general_category};

/// The runes of a text, each with its bytes. A byte that belongs to no character is U+FFFD.
pub(super) fn runes(bytes: &[u8]) -> impl Iterator<Item = (char, &[u8])> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid();
        let characters = valid.char_indices().map(move |(at, c)| {
            let end = at + c.len_utf8();
            (c, &valid.as_bytes()[at..end])
        });
        let invalid = chunk.invalid().chunks(1).map(|byte| (char::REPLACEMENT_CHARACTER, byte));
        characters.chain(invalid)
    })
}

/// `unicode.IsUpper`: the category Lu, without what is upper case only by its use.
pub(super) fn is_upper(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_uppercase();
    }
    get_general_category(c) == GeneralCategory::UppercaseLetter
}

/// `unicode.IsLower`: the category Ll.
pub(super) fn is_lower(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_lowercase();
    }
    get_general_category(c) == GeneralCategory::LowercaseLetter
}

/// `unicode.IsTitle`: the category Lt.
pub(super) fn is_title(c: char) -> bool {
    !c.is_ascii() && get_general_category(c) == GeneralCategory::TitlecaseLetter
}

/// `unicode.IsLetter`: the categories L.
pub(super) fn is_letter(c: char) -> bool {
    use GeneralCategory::{
        LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter,
    };
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    matches!(
        get_general_category(c),
        LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter | UppercaseLetter
    )
}

/// `unicode.IsDigit`: the category Nd.
pub(super) fn is_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    get_general_category(c) == GeneralCategory::DecimalNumber
}

/// `unicode.IsNumber`: the categories N.
pub(super) fn is_number(c: char) -> bool {
    use GeneralCategory::{DecimalNumber, LetterNumber, OtherNumber};
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    matches!(get_general_category(c), DecimalNumber | LetterNumber | OtherNumber)
}

/// `unicode.IsPunct`: the categories P. Symbols, `+` for one, are none.
pub(super) fn is_punct(c: char) -> bool {
    use GeneralCategory::{
        ClosePunctuation, ConnectorPunctuation, DashPunctuation, FinalPunctuation,
        InitialPunctuation, OpenPunctuation, OtherPunctuation,
    };
    matches!(
        get_general_category(c),
        ClosePunctuation
            | ConnectorPunctuation
            | DashPunctuation
            | FinalPunctuation
            | InitialPunctuation
            | OpenPunctuation
            | OtherPunctuation
    )
}

/// `unicode.IsSpace`.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// `unicode.ToUpper`: always one character.
pub(super) fn to_upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        // Greek letters with a iota below have the letter of titles as their simple capital.
        _ => shifted(c).unwrap_or(c),
    }
}

/// `unicode.ToLower`: always one character.
pub(super) fn to_lower(c: char) -> char {
    // İ is the only one that has two small characters; its simple one is i.
    c.to_lowercase().next().unwrap_or(c)
}

/// `unicode.ToTitle`: differs from capitals in letters that are two, and in Georgian.
pub(super) fn to_title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჺ' | 'ჽ'..='ჿ' => c,
        _ => to_upper(c),
    }
}

fn shifted(c: char) -> Option<char> {
    let by = match u32::from(c) {
        0x1F80..=0x1F87 | 0x1F90..=0x1F97 | 0x1FA0..=0x1FA7 => 8,
        0x1FB3 | 0x1FC3 | 0x1FF3 => 9,
        _ => return None,
    };
    char::from_u32(u32::from(c) + by)
}
