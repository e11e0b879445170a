//! The fields of a message, as protobuf writes them: a number, a type, a value.

/// The problem of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenProtobuf {
    /// It does not begin as every message of the API server does.
    #[error("it does not begin with k8s and a zero byte")]
    NoMagic,
    /// It ends within a field.
    #[error("a message ends within a field")]
    Cut,
    /// A number takes more than ten bytes.
    #[error("a number is longer than ten bytes")]
    LongNumber,
    /// A field has a type that the API server does not use.
    #[error("a field has the type {0}, expected 0, 1, 2 or 5")]
    Type(u64),
    /// A list has a longer object than any cluster.
    #[error("a part of it is longer than {0} bytes")]
    Long(usize),
    /// A list has more objects than any cluster.
    #[error("it has more than {0} objects")]
    Many(usize),
    /// A list that was requested as a whole has another page.
    #[error("it is only the first page of a list")]
    Continued,
    /// Its content is compressed or of another type.
    #[error("its content is encoded in another way")]
    Encoded,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A whole number or a truth value.
    Number(u64),
    /// Text, a message, or an entry of a map.
    Bytes(&'a [u8]),
    /// A number of four or eight bytes; no field that is read has one.
    Fixed,
}

/// The length of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// The header has the value in it.
    Inside,
    /// The value follows, with this number of bytes.
    Bytes(u64),
}

/// The header of a value: its number and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) length: Length,
    /// Its size in bytes.
    pub(super) size: usize,
}

impl Header {
    /// The header at the front of these bytes; `None` if they end within it.
    pub(super) fn of(bytes: &[u8]) -> Result<Option<Self>, BrokenProtobuf> {
        let mut fields = Fields::of(bytes);
        match fields.header() {
            Ok((tag, length)) => {
                let size = bytes.len() - fields.rest.len();
                Ok(Some(Self { number: tag >> 3, length, size }))
            }
            Err(BrokenProtobuf::Cut) => Ok(None),
            Err(broken) => Err(broken),
        }
    }
}

/// The fields of a message, in the order in which they are written. Ends after the first error.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    #[inline]
    fn number(&mut self) -> Result<u64, BrokenProtobuf> {
        // Most take one byte.
        if let [byte, rest @ ..] = self.rest
            && *byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Result<u64, BrokenProtobuf> {
        let mut number: u64 = 0;
        for at in 0..10_u32 {
            let [byte, rest @ ..] = self.rest else { return Err(BrokenProtobuf::Cut) };
            self.rest = rest;
            // Bits beyond the 64th are dropped, as the server's own reader does.
            number |= u64::from(byte & 0x7f).wrapping_shl(at * 7);
            if *byte < 0x80 {
                return Ok(number);
            }
        }
        Err(BrokenProtobuf::LongNumber)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], BrokenProtobuf> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(BrokenProtobuf::Cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn header(&mut self) -> Result<(u64, Length), BrokenProtobuf> {
        let tag = self.number()?;
        let length = match tag & 7 {
            0 => self.number().map(|_| Length::Inside)?,
            1 => self.take(8).map(|_| Length::Inside)?,
            2 => Length::Bytes(self.number()?),
            5 => self.take(4).map(|_| Length::Inside)?,
            other => return Err(BrokenProtobuf::Type(other)),
        };
        Ok((tag, length))
    }

    #[inline]
    fn field(&mut self) -> Result<(u64, Value<'a>), BrokenProtobuf> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => {
                self.take(8)?;
                Value::Fixed
            }
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| BrokenProtobuf::Cut)?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Value::Fixed
            }
            other => return Err(BrokenProtobuf::Type(other)),
        };
        Ok((tag >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), BrokenProtobuf>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Result<(u64, Value<'_>), BrokenProtobuf>> {
        Fields::of(bytes).collect()
    }

    #[test]
    fn fields_are_read_as_the_encoding_says() {
        // 1: 150 is the first example of the encoding's own documentation, 2: "testing" the second.
        assert_eq!(all(&[0x08, 0x96, 0x01]), [Ok((1, Value::Number(150)))]);
        assert_eq!(all(b"\x12\x07testing"), [Ok((2, Value::Bytes(b"testing")))]);
        // A negative number takes ten bytes.
        let minus_two = [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(all(&minus_two), [Ok((1, Value::Number((-2_i64).cast_unsigned())))]);
        // A field with a number of two bytes, and fields of fixed length.
        assert_eq!(all(&[0x82, 0x01, 0x00]), [Ok((16, Value::Bytes(b"")))]);
        let fixed = [0x0d, 1, 2, 3, 4, 0x11, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(all(&fixed), [Ok((1, Value::Fixed)), Ok((2, Value::Fixed))]);
        assert_eq!(all(b""), []);
    }

    #[test]
    fn a_broken_field_ends_the_message() {
        let cases: [(&str, &[u8], BrokenProtobuf); 7] = [
            ("a tag alone", &[0x08], BrokenProtobuf::Cut),
            ("a number without its end", &[0x08, 0x96], BrokenProtobuf::Cut),
            ("fewer bytes than announced", b"\x12\x07test", BrokenProtobuf::Cut),
            (
                "a length beyond the memory",
                &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                BrokenProtobuf::Cut,
            ),
            ("three of four bytes", &[0x0d, 1, 2, 3], BrokenProtobuf::Cut),
            ("eleven bytes of a number", &[0xff; 11], BrokenProtobuf::LongNumber),
            ("a group", &[0x0b, 0x0c], BrokenProtobuf::Type(3)),
        ];
        for (what, bytes, error) in cases {
            assert_eq!(all(bytes), [Err(error)], "{what}");
        }
    }
}
