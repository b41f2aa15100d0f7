//! The DHT insertion: what comes out has tables, says what the input said, and needs no second repair.
#![no_main]

use eyelet_core::jpeg::repair;
use eyelet_hal::jpeg::inspect;
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
    let before = inspect(bytes).expect("it was repaired");
    assert_eq!((before.width, before.height, before.components), (info.width, info.height, info.components));
    assert_eq!(bytes[..before.scan], repaired[..before.scan], "headers");
    assert_eq!(bytes[before.scan..before.len], repaired[info.scan..], "scans");
    let mut again = Vec::new();
    repair(repaired, &mut again).expect("nothing left to repair");
    assert_eq!(again, repaired);
});
