//! Cuts a stream of JSON into values as they complete, and a list into its items, whatever the white
//! space between them: one list, one object a line, or one after the other.
//!
//! Only brackets and strings are understood here; what is inside is read by somebody else.

/// A complete part of the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A value at the top that is no list.
    Value(&'a [u8]),
    /// An item of a list.
    Item(&'a [u8]),
    /// A list without its items, at its end.
    ListHead(&'a [u8]),
}

/// Cuts; holds no more than one value or one item.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The value or item that is being read.
    buffer: Vec<u8>,
    /// How many brackets are open in it.
    depth: usize,
    list: List,
    text: Text,
    /// The newest string is `"items"` and stands where a key of the outermost object stands.
    at_items: bool,
}

/// Where a list is, if the stream is in one.
#[derive(Debug, Default)]
enum List {
    /// Not in a list.
    #[default]
    Outside,
    /// Among the items; what came before them is kept.
    Items(Vec<u8>),
    /// Among the items of a bare array.
    Bare,
    /// After the items.
    Tail,
}

/// Where in a string the stream is.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Text {
    #[default]
    Outside,
    /// In a string that began at this place of the buffer.
    Inside(usize),
    /// After a backslash in it.
    Escaped(usize),
    /// In a line that does not begin as JSON does: brackets and quotes mean nothing there.
    Noise,
}

impl Splitter {
    /// Whether something has begun and not ended.
    pub fn is_torn(&self) -> bool {
        !self.buffer.is_empty() || !matches!(self.list, List::Outside)
    }

    /// Takes bytes and hands on every piece that is complete now.
    pub fn push(&mut self, bytes: &[u8], mut piece: impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if let Text::Inside(_) = self.text {
                // Most bytes are inside strings: jump to the next one that matters.
                let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
                let plain = plain.unwrap_or(rest.len());
                if plain > 0 {
                    self.buffer.extend_from_slice(&rest[..plain]);
                    rest = &rest[plain..];
                    continue;
                }
            }
            match self.text {
                Text::Outside => self.structure(byte, &mut piece),
                Text::Noise if byte == b'\n' => {
                    self.text = Text::Outside;
                    self.complete(&mut piece);
                }
                inside => self.string(inside, byte),
            }
            rest = after;
        }
    }

    fn string(&mut self, text: Text, byte: u8) {
        self.buffer.push(byte);
        self.text = match (text, byte) {
            (Text::Escaped(start), _) => Text::Inside(start),
            (Text::Inside(start), b'\\') => Text::Escaped(start),
            (Text::Inside(start), b'"') => {
                self.at_items = self.depth == 1
                    && matches!(self.list, List::Outside)
                    && self.buffer[start..] == *b"\"items\"";
                Text::Outside
            }
            (other, _) => other,
        };
    }

    fn structure(&mut self, byte: u8, piece: &mut impl FnMut(Piece<'_>)) {
        let at_items = self.at_items;
        self.at_items = at_items && (byte == b':' || byte.is_ascii_whitespace());
        match byte {
            b'[' if at_items => {
                self.buffer.push(byte);
                self.list = List::Items(std::mem::take(&mut self.buffer));
                self.depth = 0;
            }
            b'[' if self.is_between_values() => self.list = List::Bare,
            b',' if self.depth == 0 && self.among_items() => self.complete(piece),
            b']' if self.depth == 0 && self.among_items() => {
                self.complete(piece);
                if let List::Items(head) = std::mem::take(&mut self.list) {
                    self.buffer = head;
                    self.buffer.push(byte);
                    self.depth = 1;
                    self.list = List::Tail;
                }
            }
            b'{' | b'[' => {
                self.buffer.push(byte);
                self.depth += 1;
            }
            b'}' | b']' => {
                self.buffer.push(byte);
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.complete(piece);
                }
            }
            b'"' => {
                self.text = Text::Inside(self.buffer.len());
                self.buffer.push(byte);
            }
            b'\n' if self.depth == 0 => self.complete(piece),
            _ if self.depth == 0 && byte.is_ascii_whitespace() => {}
            // A byte order mark.
            0xef | 0xbb | 0xbf if self.is_between_values() => {}
            _ if self.is_between_values() => {
                self.buffer.push(byte);
                self.text = Text::Noise;
            }
            _ => self.buffer.push(byte),
        }
    }

    fn among_items(&self) -> bool {
        matches!(self.list, List::Items(_) | List::Bare)
    }

    fn is_between_values(&self) -> bool {
        self.depth == 0 && self.buffer.is_empty() && matches!(self.list, List::Outside)
    }

    fn complete(&mut self, piece: &mut impl FnMut(Piece<'_>)) {
        if self.buffer.is_empty() {
            return;
        }
        match &self.list {
            List::Outside => piece(Piece::Value(&self.buffer)),
            List::Items(_) | List::Bare => piece(Piece::Item(&self.buffer)),
            List::Tail => {
                piece(Piece::ListHead(&self.buffer));
                self.list = List::Outside;
            }
        }
        self.buffer.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(stream: &str, step: usize) -> (Vec<String>, bool) {
        let mut splitter = Splitter::default();
        let mut pieces = Vec::new();
        for bytes in stream.as_bytes().chunks(step) {
            splitter.push(bytes, |piece| {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                pieces.push(match piece {
                    Piece::Value(bytes) => format!("value {}", text(bytes)),
                    Piece::Item(bytes) => format!("item {}", text(bytes)),
                    Piece::ListHead(bytes) => format!("head {}", text(bytes)),
                });
            });
        }
        (pieces, splitter.is_torn())
    }

    #[track_caller]
    fn check(stream: &str, expected: &[&str]) {
        for step in [1, 3, stream.len().max(1)] {
            let (pieces, torn) = cut(stream, step);
            assert_eq!(pieces, expected, "in steps of {step}");
            assert!(!torn, "in steps of {step}");
        }
    }

    #[test]
    fn values_come_one_a_line_or_one_after_the_other() {
        check("{\"a\":1}\n{\"b\":[2]}\n", &["value {\"a\":1}", "value {\"b\":[2]}"]);
        check("{\"a\":{}}{\"b\":2} {}\n\n", &["value {\"a\":{}}", "value {\"b\":2}", "value {}"]);
        check(
            "{\n  \"a\" : \"}{\\\"\",\n \"b\":null\n}\n",
            &["value {\n  \"a\" : \"}{\\\"\",\n \"b\":null\n}"],
        );
    }

    #[test]
    fn a_list_comes_item_by_item_and_its_head_last() {
        check(
            r#"{"kind":"EventList","metadata":{"items":[1]},"items" : [ {"a":"]"} , {"b":[{}]}],"x":"items","y":[1]}"#,
            &[
                r#"item {"a":"]"}"#,
                r#"item {"b":[{}]}"#,
                r#"head {"kind":"EventList","metadata":{"items":[1]},"items" : [],"x":"items","y":[1]}"#,
            ],
        );
        check(r#"{"items":[]}{"a":1}"#, &[r#"head {"items":[]}"#, r#"value {"a":1}"#]);
        check("[{\"a\":1},\n{\"b\":2}]\n{}", &["item {\"a\":1}", "item {\"b\":2}", "value {}"]);
    }

    #[test]
    fn noise_between_values_is_handed_on_as_a_value() {
        check("hello\n{}\n", &["value hello", "value {}"]);
        check(
            "E0102 one { and [ and \" more\n{\"a\":1}\n",
            &["value E0102 one { and [ and \" more", "value {\"a\":1}"],
        );
        check("[I] it's\n{}\n", &["item I", "value it's", "value {}"]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_value() {
        check("\u{feff}{\"items\":[1]}", &["item 1", "head {\"items\":[]}"]);
    }

    #[test]
    fn what_has_begun_and_not_ended_is_torn() {
        for stream in ["{", "{\"items\":[", "{\"items\":[{}]", "[", "\"x"] {
            assert!(cut(stream, 1).1, "{stream}");
        }
        assert!(!cut(" \n", 1).1);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_steps_give_the_same_pieces(stream in r#"[\[\]{}",:\\ a\u{feff}\n]{0,60}"#, step in 1usize..9) {
            prop_assert_eq!(cut(&stream, step), cut(&stream, 1));
        }
    }
}
