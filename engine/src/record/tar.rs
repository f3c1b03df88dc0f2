//! A tar archive as it is streamed: before each file its head, behind it what fills up its last block, at the end two blocks
//! of zeros.

use tar::Header;

/// Everything in an archive comes in blocks of so many bytes.
pub const BLOCK_BYTES: usize = 512;
/// What an archive ends with.
pub const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

/// The head of a file; `None` for a name that no head holds, of more than 100 bytes.
#[must_use]
pub fn head(name: &str, bytes: u64, modified_seconds: u64) -> Option<Vec<u8>> {
    let mut header = Header::new_gnu();
    header.set_path(name).ok()?;
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(modified_seconds);
    header.set_cksum();
    Some(header.as_bytes().to_vec())
}

/// What fills up the last block of a file.
#[must_use]
pub fn padding(bytes: u64) -> Vec<u8> {
    const BLOCK: u64 = 512;
    vec![0; usize::try_from(bytes.next_multiple_of(BLOCK).saturating_sub(bytes)).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_reader_of_archives_finds_every_file_as_it_was() {
        let files = [("account.json", &b"{}"[..]), ("conversations/1/audio.wav", &[7; 512]), ("empty", b"")];
        let mut archive = Vec::new();
        for (name, content) in files {
            let length = u64::try_from(content.len()).unwrap();
            archive.extend(head(name, length, 1_774_440_000).unwrap());
            archive.extend(content);
            archive.extend(padding(length));
        }
        archive.extend(END);
        let mut reader = tar::Archive::new(archive.as_slice());
        let found: Vec<_> = reader
            .entries()
            .unwrap()
            .map(Result::unwrap)
            .map(|mut entry| {
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
                (entry.path().unwrap().to_str().unwrap().to_owned(), content)
            })
            .collect();
        assert_eq!(found, files.map(|(name, content)| (name.to_owned(), content.to_vec())));
    }

    #[test]
    fn a_name_that_does_not_fit_is_refused() {
        assert_eq!(head(&"x".repeat(101), 0, 0), None);
    }
}
