//! ZIPs with several files.

use std::{collections::HashSet, ffi::OsStr, io::Cursor, path::Path};

use minqing_adapter::files::archive::{MAX_MEMBERS, members, unpack};

use crate::has_a_reason;

/// An archive: what is taken has plain names, each once, and comes out.
pub fn zip(data: &[u8]) {
    match members(Cursor::new(data)) {
        Err(refusal) => has_a_reason(&refusal),
        Ok(members) => {
            assert!((1..=MAX_MEMBERS).contains(&members.len()));
            let names: HashSet<_> = members.iter().map(|member| &member.name).collect();
            assert_eq!(names.len(), members.len());
            for member in &members {
                assert_eq!(Path::new(&member.name).file_name(), Some(OsStr::new(&member.name)));
                assert!(!member.name.contains('\\') && member.name.len() <= 200);
                unpack(Cursor::new(data), member.at, &mut std::io::sink()).unwrap();
            }
        }
    }
}
