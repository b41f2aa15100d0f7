//! The repair: what comes out has tables, says what the input said, and needs no second repair. And the decoder, which
//! answers whatever was taken.
#![no_main]

use eyelet_core::{image::Image, jpeg::repair};
use eyelet_hal::jpeg::{Info, inspect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut out = b"before".to_vec();
    let Ok(info) = repair(bytes, &mut out) else {
        assert_eq!(out, b"before", "an error leaves the buffer as it was");
        return;
    };
    let repaired = out.strip_prefix(b"before").expect("appended");
    assert_eq!(inspect(repaired).expect("one whole JPEG"), info);
    assert!(info.huffman_tables && info.len == repaired.len());
    if let Ok(before) = inspect(bytes) {
        let size = |info: &Info| (info.width, info.height, info.components);
        assert_eq!(size(&before), size(&info));
        if !before.stray {
            assert_eq!(bytes[..before.tables], repaired[..before.tables], "headers");
            assert!(repaired.ends_with(&bytes[before.tables..before.len]), "what follows the tables");
        }
    }
    // Large ones take their time.
    if usize::from(info.width) * usize::from(info.height) < 1 << 16 {
        let _ = Image::from_jpeg(repaired);
    }
    let mut again = Vec::new();
    repair(repaired, &mut again).expect("nothing left to repair");
    assert_eq!(again, repaired);
});
