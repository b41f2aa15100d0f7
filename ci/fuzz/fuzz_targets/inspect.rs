//! The marker walk: whatever it accepts lies within the bytes, and is accepted alone.
#![no_main]

use eyelet_hal::jpeg::inspect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(info) = inspect(bytes) {
        assert!(info.scan < info.len && info.len <= bytes.len());
        assert!(info.width > 0 && info.height > 0 && info.components > 0);
        // Fill bytes may come before the marker itself.
        let marker = bytes[info.scan..].iter().position(|&b| b != 0xff).expect("a marker");
        assert!(marker > 0 && bytes[info.scan + marker] == 0xda);
        assert_eq!(&bytes[info.len - 2..info.len], [0xff, 0xd9]);
        assert_eq!(inspect(&bytes[..info.len]).expect("the same without its padding"), info);
    }
});
