//! The msgpack of the scripts: whole numbers, byte strings, booleans, lists. What the scripts need not look
//! at is written here, to the byte as they would write it.
//!
//! What is absent is `false` there, as a list of Lua cannot hold a nil.

use sendyard_actors::ports::StoreError;

/// What is left to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Is nothing left?
    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many items the list has that follows.
    pub(super) fn list(&mut self) -> Result<usize, StoreError> {
        match self.byte()? {
            short @ 0x90..=0x9f => Ok(usize::from(short & 0x0f)),
            0xdc => Ok(self.be::<2, usize>()?),
            0xdd => Ok(self.be::<4, usize>()?),
            _ => Err(malformed("a list")),
        }
    }

    /// A byte string.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let length = match self.byte()? {
            short @ 0xa0..=0xbf => usize::from(short & 0x1f),
            0xd9 | 0xc4 => self.be::<1, usize>()?,
            0xda | 0xc5 => self.be::<2, usize>()?,
            0xdb | 0xc6 => self.be::<4, usize>()?,
            _ => return Err(malformed("a string")),
        };
        self.take(length)
    }

    /// A byte string that is text.
    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| malformed("a text"))
    }

    /// A byte string of this length.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.bytes()?.try_into().map_err(|_| malformed("a string of fixed length"))
    }

    /// A whole number that fits.
    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        T::try_from(self.integer()?).map_err(|_| malformed("a number in its range"))
    }

    /// A boolean.
    pub(super) fn boolean(&mut self) -> Result<bool, StoreError> {
        match self.byte()? {
            0xc2 => Ok(false),
            0xc3 => Ok(true),
            _ => Err(malformed("a boolean")),
        }
    }

    /// What may be absent.
    pub(super) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.rest.first() == Some(&0xc2) {
            self.byte()?;
            return Ok(None);
        }
        read(self).map(Some)
    }

    fn integer(&mut self) -> Result<i64, StoreError> {
        match self.byte()? {
            small @ 0x00..=0x7f => Ok(i64::from(small)),
            negative @ 0xe0..=0xff => Ok(i64::from(i8::from_be_bytes([negative]))),
            0xcc => self.be::<1, i64>(),
            0xcd => self.be::<2, i64>(),
            0xce => self.be::<4, i64>(),
            0xcf => self.be::<8, i64>(),
            0xd0 => Ok(i64::from(i8::from_be_bytes(self.fixed()?))),
            0xd1 => Ok(i64::from(i16::from_be_bytes(self.fixed()?))),
            0xd2 => Ok(i64::from(i32::from_be_bytes(self.fixed()?))),
            0xd3 => Ok(i64::from_be_bytes(self.fixed()?)),
            _ => Err(malformed("a whole number")),
        }
    }

    /// An unsigned number of `N` bytes.
    fn be<const N: usize, T: TryFrom<u64>>(&mut self) -> Result<T, StoreError> {
        let bytes: [u8; N] = self.fixed()?;
        let number = bytes.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        T::try_from(number).map_err(|_| malformed("a number in its range"))
    }

    fn byte(&mut self) -> Result<u8, StoreError> {
        let [byte] = self.fixed()?;
        Ok(byte)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.take(N)?.try_into().map_err(|_| malformed("more bytes"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| malformed("more bytes"))?;
        self.rest = rest;
        Ok(taken)
    }
}

/// What is written so far.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// With room for so many bytes; more make it grow.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// A list of so many items begins.
    pub(super) fn list(self, items: u16) -> Self {
        match u8::try_from(items) {
            Ok(short @ 0..=0x0f) => self.raw(&[0x90 | short]),
            _ => self.raw(&[0xdc]).raw(&items.to_be_bytes()),
        }
    }

    /// A byte string, of less than 4 GiB.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let head = match bytes.len().to_be_bytes() {
            [0, 0, 0, 0, 0, 0, 0, short @ 0..=0x1f] => self.raw(&[0xa0 | short]),
            [0, 0, 0, 0, 0, 0, 0, one] => self.raw(&[0xd9, one]),
            [0, 0, 0, 0, 0, 0, two @ ..] => self.raw(&[0xda]).raw(&two),
            [_, _, _, _, four @ ..] => self.raw(&[0xdb]).raw(&four),
        };
        head.raw(bytes)
    }

    /// A whole number that is not negative.
    pub(super) fn number(self, number: impl Into<u64>) -> Self {
        match number.into().to_be_bytes() {
            [0, 0, 0, 0, 0, 0, 0, small @ 0..=0x7f] => self.raw(&[small]),
            [0, 0, 0, 0, 0, 0, 0, one] => self.raw(&[0xcc, one]),
            [0, 0, 0, 0, 0, 0, two @ ..] => self.raw(&[0xcd]).raw(&two),
            [0, 0, 0, 0, four @ ..] => self.raw(&[0xce]).raw(&four),
            eight => self.raw(&[0xcf]).raw(&eight),
        }
    }

    /// A boolean; also what is absent, as `false`.
    pub(super) fn boolean(self, is_true: bool) -> Self {
        self.raw(&[0xc2 | u8::from(is_true)])
    }

    /// A number that may be absent.
    pub(super) fn optional(self, number: Option<impl Into<u64>>) -> Self {
        match number {
            Some(number) => self.number(number),
            None => self.boolean(false),
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
}

fn malformed(expected: &str) -> StoreError {
    StoreError::Corrupt(format!("a value in Redis is not what it should be: expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_are_read() {
        let all = [
            (vec![0x7f], 127),
            (vec![0xe0], -32),
            (vec![0xcc, 0xff], 255),
            (vec![0xcd, 1, 0], 256),
            (vec![0xce, 0, 1, 0, 0], 65536),
            (vec![0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], (1 << 53) - 1),
            (vec![0xd0, 0x80], -128),
            (vec![0xd1, 0xff, 0x7f], -129),
            (vec![0xd2, 0xff, 0xff, 0x7f, 0xff], -32769),
            (vec![0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff], -2_147_483_649),
        ];
        for (bytes, expected) in all {
            assert_eq!(Reader::new(&bytes).number::<i64>(), Ok(expected));
        }
        assert!(Reader::new(&[0xff]).number::<u64>().is_err());
        assert!(Reader::new(&[0xcd, 1]).number::<u64>().is_err(), "cut");
    }

    #[test]
    fn strings_booleans_lists_and_what_is_absent_are_read() {
        let mut reader = Reader::new(&[0x93, 0xa2, b'h', b'i', 0xc2, 0xc3, 0xd9, 1, b'x', 0xc2]);
        assert_eq!(reader.list(), Ok(3));
        assert_eq!(reader.text(), Ok("hi".to_owned()));
        assert_eq!(reader.optional(Reader::text), Ok(None));
        assert_eq!(reader.boolean(), Ok(true));
        assert_eq!(reader.optional(Reader::bytes), Ok(Some(b"x".as_slice())));
        assert_eq!(reader.boolean(), Ok(false));
        assert!(reader.byte().is_err());
    }

    #[test]
    fn what_is_written_is_read_again() {
        for number in [0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000] {
            let written = Writer::default().number(number).optional(Some(number)).into_bytes();
            let mut reader = Reader::new(&written);
            assert_eq!((reader.number::<u64>(), reader.number::<u64>()), (Ok(number), Ok(number)));
            assert!(reader.byte().is_err(), "it is written as one");
        }
        for length in [0, 0x1f, 0x20, 0xff, 0x100, 0xffff, 0x1_0000] {
            let written = Writer::default().bytes(&vec![7; length]).boolean(true).into_bytes();
            let mut reader = Reader::new(&written);
            assert_eq!(reader.bytes(), Ok(vec![7; length].as_slice()));
            assert_eq!(reader.boolean(), Ok(true));
        }
        let written = Writer::default().list(15).list(16).optional(None::<u8>).into_bytes();
        let mut reader = Reader::new(&written);
        assert_eq!((reader.list(), reader.list()), (Ok(15), Ok(16)));
        assert_eq!(reader.optional(Reader::bytes), Ok(None));
    }
}
