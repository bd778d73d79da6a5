//! Messages that hold no messages, read field by field off the wire. Rows of datasets come by the million: an object of a
//! described message for each costs more than everything that is done with it. What it takes and refuses is what `prost`
//! takes and refuses.

use prost::{
    DecodeError,
    bytes::Buf as _,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};

/// A field's value as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a kind that no field of a row has.
    Other,
}

impl<'a> Wire<'a> {
    /// A `string`.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Wire::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// An `int64`.
    #[expect(clippy::cast_possible_wrap, reason = "negative numbers travel as their two's complement")]
    pub fn int64(self) -> Option<i64> {
        self.number().map(|number| number as i64)
    }

    /// An `int32`.
    #[expect(clippy::cast_possible_truncation, reason = "the format says that a longer number is cut")]
    pub fn int32(self) -> Option<i32> {
        self.number().map(|number| number as i32)
    }

    /// A `bool`.
    pub fn truth(self) -> Option<bool> {
        self.number().map(|number| number != 0)
    }

    fn number(self) -> Option<u64> {
        match self {
            Wire::Number(number) => Some(number),
            _ => None,
        }
    }
}

/// The fields of a message in the order in which they stand, each with its number; a later one of a number counts.
pub fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields { rest: bytes }
}

/// See [`fields`]. Ends with the first error.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Result<(u32, Wire<'a>), DecodeError> {
        let (number, wire) = decode_key(&mut self.rest)?;
        let value = match wire {
            WireType::Varint => Wire::Number(decode_varint(&mut self.rest)?),
            WireType::LengthDelimited => {
                let before = self.rest;
                let length = decode_varint(&mut self.rest)?;
                match usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length)) {
                    Some((value, rest)) => {
                        self.rest = rest;
                        Wire::Bytes(value)
                    }
                    None => {
                        // Gives the error for a message that is cut.
                        self.rest = before;
                        skip_field(wire, number, &mut self.rest, DecodeContext::default())?;
                        Wire::Other
                    }
                }
            }
            _ => {
                skip_field(wire, number, &mut self.rest, DecodeContext::default())?;
                Wire::Other
            }
        };
        Ok((number, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Wire<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.rest.has_remaining() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use prost::encoding::{bool, double, int32, int64, string};

    use super::*;

    #[test]
    fn fields_come_as_they_were_written() {
        let mut bytes = Vec::new();
        string::encode(1, &"城关镇".to_owned(), &mut bytes);
        int32::encode(2, &-7, &mut bytes);
        int64::encode(3, &i64::MIN, &mut bytes);
        bool::encode(20, &true, &mut bytes);
        double::encode(5, &1.5, &mut bytes);

        let all: Vec<_> = fields(&bytes).map(Result::unwrap).collect();

        assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 20, 5]);
        assert_eq!(all[0].1.text(), Some("城关镇"));
        assert_eq!((all[1].1.int32(), all[1].1.int64()), (Some(-7), Some(-7)));
        assert_eq!((all[2].1.int64(), all[3].1.truth()), (Some(i64::MIN), Some(true)));
        assert_eq!((all[4].1, all[4].1.text(), all[0].1.int32()), (Wire::Other, None, None));
    }

    #[test]
    fn a_message_that_is_cut_or_broken_ends_with_an_error() {
        let mut bytes = Vec::new();
        string::encode(1, &"abc".to_owned(), &mut bytes);
        int32::encode(2, &300, &mut bytes);
        for cut in [1, 2, 4, 6, 7] {
            let all: Vec<_> = fields(&bytes[..cut]).collect();
            assert!(all.last().unwrap().is_err(), "cut at {cut}");
        }
        assert!(fields(&bytes[..5]).all(|field| field.is_ok()), "the first field is whole");
        assert!(fields(&[0x00, 0x01]).next().unwrap().is_err(), "no field has the number 0");
        assert!(fields(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).next().unwrap().is_err());
        let text = fields(&[0x0a, 0x01, 0xff]).next().unwrap().unwrap();
        assert_eq!(text.1.text(), None, "no UTF-8");
    }
}
