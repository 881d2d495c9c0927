//! Characters to tokens. Source: `text/template/parse/lex.go`.

use crate::quote;

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Bool,
    /// Some other printable ASCII character.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

/// A token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it starts, in bytes.
    pub(super) pos: usize,
    /// Its text, or what is wrong.
    pub(super) text: Box<str>,
    /// The line where it starts, from 1.
    pub(super) line: usize,
}

impl Token {
    /// As errors show it.
    pub(super) fn shown(&self) -> String {
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.text.to_string(),
            Kind::Block
            | Kind::Break
            | Kind::Continue
            | Kind::Dot
            | Kind::Define
            | Kind::Else
            | Kind::End
            | Kind::If
            | Kind::Nil
            | Kind::Range
            | Kind::Template
            | Kind::With => format!("<{}>", self.text),
            _ if self.text.len() > 10 => {
                let short: String = self.text.chars().take(10).collect();
                format!("{}...", quote::quote(short.as_bytes(), false))
            }
            _ => quote::quote(self.text.as_bytes(), false),
        }
    }
}

fn keyword(word: &str) -> Option<Kind> {
    Some(match word {
        "block" => Kind::Block,
        "break" => Kind::Break,
        "continue" => Kind::Continue,
        "define" => Kind::Define,
        "else" => Kind::Else,
        "end" => Kind::End,
        "if" => Kind::If,
        "range" => Kind::Range,
        "nil" => Kind::Nil,
        "template" => Kind::Template,
        "with" => Kind::With,
        _ => return None,
    })
}

/// Reads tokens from a template.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    input: &'t str,
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    parens: usize,
    inside: bool,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(input: &'t str) -> Self {
        Self { input, pos: 0, start: 0, line: 1, start_line: 1, parens: 0, inside: false }
    }

    /// The next token; after an error, only ends.
    pub(super) fn next(&mut self) -> Token {
        if self.inside { self.inside_action() } else { self.text() }
    }

    fn rest(&self) -> &'t str {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.pos += char.len_utf8();
        self.line += usize::from(char == '\n');
        Some(char)
    }

    fn token(&mut self, kind: Kind) -> Token {
        let text = self.input[self.start..self.pos].into();
        let token = Token { kind, pos: self.start, text, line: self.start_line };
        self.start = self.pos;
        self.start_line = self.line;
        token
    }

    /// Forgets what was read since the last token.
    fn ignore(&mut self) {
        self.line += newlines(&self.input[self.start..self.pos]);
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn error(&mut self, text: impl Into<Box<str>>) -> Token {
        let token =
            Token { kind: Kind::Error, pos: self.start, text: text.into(), line: self.start_line };
        (self.input, self.pos, self.start) = ("", 0, 0);
        token
    }

    fn text(&mut self) -> Token {
        loop {
            let Some(found) = self.rest().find(LEFT) else {
                self.pos = self.input.len();
                if self.pos == self.start {
                    return self.token(Kind::Eof);
                }
                self.line += newlines(&self.input[self.start..]);
                return self.token(Kind::Text);
            };
            if found > 0 {
                self.pos += found;
                let mut trimmed = 0;
                if trims_left(&self.input[self.pos + LEFT.len()..]) {
                    let before = &self.input[self.start..self.pos];
                    trimmed = before.len() - before.trim_end_matches(SPACES).len();
                }
                self.pos -= trimmed;
                self.line += newlines(&self.input[self.start..self.pos]);
                let token = self.token(Kind::Text);
                self.pos += trimmed;
                self.ignore();
                if !token.text.is_empty() {
                    return token;
                }
            }
            if let Some(token) = self.left_delim() {
                return token;
            }
        }
    }

    /// The start of an action; `None` behind a comment.
    fn left_delim(&mut self) -> Option<Token> {
        self.pos += LEFT.len();
        let marker = if trims_left(self.rest()) { 2 } else { 0 };
        if self.rest()[marker..].starts_with("/*") {
            self.pos += marker;
            self.ignore();
            return self.comment();
        }
        let token = self.token(Kind::LeftDelim);
        self.inside = true;
        self.pos += marker;
        self.ignore();
        self.parens = 0;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token> {
        self.pos += 2;
        let Some(end) = self.rest().find("*/") else {
            return Some(self.error("unclosed comment"));
        };
        self.pos += end + 2;
        let Some(trim) = self.at_right_delim() else {
            return Some(self.error("comment ends before closing delimiter"));
        };
        self.line += newlines(&self.input[self.start..self.pos]);
        self.start = self.pos;
        self.start_line = self.line;
        self.skip_right_delim(trim);
        self.ignore();
        None
    }

    fn skip_right_delim(&mut self, trim: bool) {
        self.pos += if trim { 2 + RIGHT.len() } else { RIGHT.len() };
        if trim {
            let rest = self.rest();
            self.pos += rest.len() - rest.trim_start_matches(SPACES).len();
        }
    }

    /// Whether an action ends here, and whether it trims what follows.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if trims_right(rest) && rest[2..].starts_with(RIGHT) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    fn right_delim(&mut self, trim: bool) -> Token {
        if trim {
            self.pos += 2;
            self.ignore();
        }
        self.pos += RIGHT.len();
        let token = self.token(Kind::RightDelim);
        if trim {
            let rest = self.rest();
            self.pos += rest.len() - rest.trim_start_matches(SPACES).len();
            self.ignore();
        }
        self.inside = false;
        token
    }

    fn inside_action(&mut self) -> Token {
        if let Some(trim) = self.at_right_delim() {
            if self.parens == 0 {
                return self.right_delim(trim);
            }
            return self.error("unclosed left paren");
        }
        let Some(first) = self.peek() else {
            return self.error("unclosed action");
        };
        match first {
            _ if SPACES.contains(&first) => self.space(),
            '0'..='9' | '+' | '-' => self.number(),
            _ if is_alphanumeric(first) => self.identifier(),
            _ => {
                self.advance();
                self.punctuation(first)
            }
        }
    }

    fn punctuation(&mut self, first: char) -> Token {
        match first {
            '=' => self.token(Kind::Assign),
            ':' => {
                if self.advance() == Some('=') {
                    self.token(Kind::Declare)
                } else {
                    self.error("expected :=")
                }
            }
            '|' => self.token(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => loop {
                match self.advance() {
                    None => return self.error("unterminated raw quoted string"),
                    Some('`') => return self.token(Kind::RawString),
                    Some(_) => {}
                }
            },
            '$' if self.at_terminator() => self.token(Kind::Variable),
            '$' => self.word(Kind::Variable),
            // At the very end, Go reads a number, and then finds that there is none.
            '.' if self.peek().is_none_or(|next| next.is_ascii_digit()) => {
                self.pos -= 1;
                self.number()
            }
            '.' if self.at_terminator() => self.token(Kind::Dot),
            '.' => self.word(Kind::Field),
            '(' => {
                self.parens += 1;
                self.token(Kind::LeftParen)
            }
            ')' if self.parens == 0 => self.error("unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.token(Kind::RightParen)
            }
            ' '..='~' => self.token(Kind::Char),
            other => self.error(format!("unrecognized character in action: {}", unicode(other))),
        }
    }

    fn space(&mut self) -> Token {
        let before = self.pos;
        while self.peek().is_some_and(|next| SPACES.contains(&next)) {
            self.advance();
        }
        let spaces = self.pos - before;
        // The last space can belong to a delimiter that trims.
        let last = self.pos - 1;
        if trims_right(&self.input[last..]) && self.input[last + 2..].starts_with(RIGHT) {
            self.pos = last;
            self.line -= usize::from(self.input[last..].starts_with('\n'));
            if spaces == 1 {
                return self.right_delim(true);
            }
        }
        self.token(Kind::Space)
    }

    fn identifier(&mut self) -> Token {
        while self.peek().is_some_and(is_alphanumeric) {
            self.advance();
        }
        if !self.at_terminator() {
            return self.bad_character();
        }
        let word = &self.input[self.start..self.pos];
        let kind = match word {
            "true" | "false" => Kind::Bool,
            _ => keyword(word).unwrap_or(Kind::Identifier),
        };
        self.token(kind)
    }

    /// A field or a variable, behind its first character.
    fn word(&mut self, kind: Kind) -> Token {
        while self.peek().is_some_and(is_alphanumeric) {
            self.advance();
        }
        if self.at_terminator() { self.token(kind) } else { self.bad_character() }
    }

    fn bad_character(&mut self) -> Token {
        let char = self.peek().unwrap_or(char::REPLACEMENT_CHARACTER);
        self.error(format!("bad character {}", unicode(char)))
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(next) => SPACES.contains(&next) || self.rest().starts_with(RIGHT),
        }
    }

    fn quoted(&mut self, quote: char, kind: Kind, unterminated: &str) -> Token {
        loop {
            match self.advance() {
                Some('\\') if !matches!(self.peek(), None | Some('\n')) => {
                    self.advance();
                }
                None | Some('\n' | '\\') => return self.error(unterminated),
                Some(next) if next == quote => return self.token(kind),
                Some(_) => {}
            }
        }
    }

    fn number(&mut self) -> Token {
        if !self.scan_number() {
            return self.number_error();
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || !self.input[..self.pos].ends_with('i') {
                return self.number_error();
            }
            return self.token(Kind::Complex);
        }
        self.token(Kind::Number)
    }

    fn number_error(&mut self) -> Token {
        let text = quote::quote(&self.input.as_bytes()[self.start..self.pos], false);
        self.error(format!("bad number syntax: {text}"))
    }

    fn accept(&mut self, valid: &str) -> bool {
        let accepted = self.peek().is_some_and(|next| valid.contains(next));
        if accepted {
            self.advance();
        }
        accepted
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let (mut digits, mut decimal, mut hexadecimal) = ("0123456789_", true, false);
        if self.accept("0") {
            if self.accept("xX") {
                (digits, decimal, hexadecimal) = ("0123456789abcdefABCDEF_", false, true);
            } else if self.accept("oO") {
                (digits, decimal) = ("01234567_", false);
            } else if self.accept("bB") {
                (digits, decimal) = ("01_", false);
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if (decimal && self.accept("eE")) || (hexadecimal && self.accept("pP")) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.advance();
            return false;
        }
        true
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn trims_left(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

fn trims_right(text: &str) -> bool {
    matches!(text.as_bytes(), [b' ' | b'\t' | b'\r' | b'\n', b'-', ..])
}

fn is_alphanumeric(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}

/// `%#U`, for example `U+0023 '#'`.
fn unicode(char: char) -> String {
    let code = format!("U+{:04X}", u32::from(char));
    if quote::is_print(char) { format!("{code} '{char}'") } else { code }
}
