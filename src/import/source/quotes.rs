//! Are the quotes of a CSV file in pairs?
//!
//! The reader takes whatever follows a quote for text, up to the next quote: where one is missing, the lines behind it,
//! messages to other people among them, would go out as the text of one. Which lines those are nobody can tell, so
//! such a file is refused whole, before anything of it is sent.
//!
//! A quote opens a column where it stands first in it, and is text elsewhere. What it opens ends with a quote before a
//! comma or the end of a line; two quotes are one in the text.

use super::MARK;

/// What was seen of a file so far.
pub(in crate::import) struct Quotes {
    at: At,
    /// Bytes that were seen.
    seen: usize,
    /// The line of the next byte, from 1.
    line: u64,
    /// Where the last quoted column begins.
    opened: u64,
    /// Where the first column with a quote too few or too many begins.
    broken: Option<u64>,
}

/// Where the next byte stands.
#[derive(Clone, Copy)]
enum At {
    /// First in its column.
    Start,
    /// In a column without quotes.
    Plain,
    /// In a quoted column.
    Quoted,
    /// Behind a quote in a quoted column: its end, or the first of two.
    Closing,
}

impl Quotes {
    pub(in crate::import) const fn new() -> Self {
        Self { at: At::Start, seen: 0, line: 1, opened: 1, broken: None }
    }

    /// The next bytes of the file.
    pub(in crate::import) fn see(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // The mark at the beginning is not of the first column.
            let is_mark = MARK.get(self.seen) == Some(byte);
            self.seen += 1;
            if is_mark && matches!(self.at, At::Start) {
                continue;
            }
            self.step(*byte);
            self.line += u64::from(*byte == b'\n');
        }
    }

    fn step(&mut self, byte: u8) {
        self.at = match (self.at, byte) {
            (At::Start, b'"') => {
                self.opened = self.line;
                At::Quoted
            }
            (At::Quoted, b'"') => At::Closing,
            (At::Quoted, _) | (At::Closing, b'"') => At::Quoted,
            (At::Start | At::Plain | At::Closing, b',' | b'\r' | b'\n') => At::Start,
            (At::Start | At::Plain, _) => At::Plain,
            (At::Closing, _) => {
                self.broken = self.broken.or(Some(self.opened));
                At::Plain
            }
        };
    }

    /// At the end of the file: the line of the first column whose quotes are not in pairs.
    pub(in crate::import) const fn broken(&self) -> Option<u64> {
        match (self.broken, self.at) {
            (Some(line), _) => Some(line),
            (None, At::Quoted) => Some(self.opened),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Option<u64> {
        let mut whole = Quotes::new();
        whole.see(text.as_bytes());
        let mut parts = Quotes::new();
        text.as_bytes().chunks(1).for_each(|part| parts.see(part));
        assert_eq!(whole.broken(), parts.broken(), "{text}");
        whole.broken()
    }

    #[test]
    fn quotes_in_pairs_are_no_matter() {
        for text in [
            "",
            "a,b\n",
            "\"a\",\"b\"",
            "\u{feff}\"a\",b\r\n\"\",\"\"\r\n",
            "a,\"He said \"\"no\"\", and\nleft\"\nb,\"\"\"\"\n",
            "a,5\" pipe\nb,it is \"so\"\n",
        ] {
            assert_eq!(broken(text), None, "{text}");
        }
    }

    #[test]
    fn where_a_quote_is_missing_or_too_much_its_line_is_known() {
        for (text, line) in [
            ("a,b\n1,\"open\n2,two\n", 2),
            ("a,\"", 1),
            // The quote that should open the next text closes this one.
            ("a,b\n1,\"open\n2,\"Hello, you\"\n3,\"c\"\n", 2),
            ("a,b\n1,\"one\ntwo\"\n2,\"a\" \n", 4),
            ("a,b\n1,\"He said \"no\" to me\"\n", 2),
        ] {
            assert_eq!(broken(text), Some(line), "{text}");
        }
    }
}
