//! What comes out is the picture that went in.

use crate::support::{FORMATS, NONE, Picture, decode, encode, encode_at, encoder, small, software};
use eyelet_hal::{Frame, FrameMeta, JpegEncoder, Memory, PixelFormat, Plane, Quality, StreamFormat, jpeg};
use eyelet_maixcam::{
    model::Machine,
    sys::{Node, System, abi},
};

#[test]
fn every_format_and_size_comes_out_as_software_makes_it() {
    let machine = Machine::new();
    let process = machine.process();
    let mut encoder = encoder(&process);
    for (seed, pixel) in FORMATS.into_iter().enumerate() {
        for (width, height) in [(64, 48), (16, 16), (66, 50), (640, 480), (18, 16)] {
            let picture = Picture::new(pixel, width, height, seed as u8);
            let jpeg = encode(&mut encoder, &picture);
            assert_eq!(encoder.name(), "sg2002", "{}", picture.format);
            let info = jpeg::inspect(&jpeg).unwrap();
            assert_eq!((u32::from(info.width), u32::from(info.height)), (width, height));
            assert_eq!(info.len, jpeg.len(), "nothing follows EOI");
        }
    }
    assert_eq!(encoder.fallback_reason(), None);
    drop(encoder);
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn three_hundred_frames_decode_and_leave_nothing() {
    let machine = Machine::new();
    let process = machine.process();
    let mut encoder = encoder(&process);
    let pictures: Vec<_> = (0..4).map(|seed| Picture::new(PixelFormat::Yuyv, 128, 96, seed)).collect();
    for picture in pictures.iter().cycle().take(300) {
        encode(&mut encoder, picture);
    }
    assert_eq!(encoder.counts().frames, 300);
    drop(encoder);
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn strides_of_the_frame_do_not_change_the_jpeg() {
    let machine = Machine::new();
    let mut encoder = encoder(&machine.process());
    for pixel in FORMATS {
        let packed = Picture::new(pixel, 34, 18, 1);
        let mut padded = packed.clone();
        for (bytes, stride) in &mut padded.planes {
            let rows: Vec<_> = bytes.chunks(*stride).map(|row| [row, &[0x77; 5]].concat()).collect();
            *bytes = rows.concat();
            *stride += 5;
        }
        assert_eq!(encode(&mut encoder, &packed), encode(&mut encoder, &padded), "{pixel}");
    }
}

#[test]
fn jpeg_is_appended() {
    let machine = Machine::new();
    let mut encoder = encoder(&machine.process());
    let alone = encode(&mut encoder, &small(1));
    let mut out = b"before".to_vec();
    encoder.encode(&small(1).frame(), Quality::DEFAULT, &mut out).unwrap();
    assert_eq!(out, [b"before", &alone[..]].concat());
}

#[test]
fn jfif_header_that_the_driver_leaves_out_is_put_in() {
    let machine = Machine::new();
    let jpeg = encode(&mut encoder(&machine.process()), &small(1));
    assert_eq!(&jpeg[..13], b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01");
    assert_eq!(&jpeg[20..22], b"\xff\xe9", "what the driver wrote first comes second");
}

#[test]
fn offset_of_a_pack_and_several_packs_are_honoured() {
    for (offset, two_packs) in [(0, true), (96, false), (96, true)] {
        let machine = Machine::new();
        machine.driver(|driver| (driver.faults.offset, driver.faults.two_packs) = (offset, two_packs));
        let mut encoder = encoder(&machine.process());
        for seed in 0..3 {
            encode(&mut encoder, &small(seed));
        }
        assert_eq!(encoder.fallback_reason(), None, "offset {offset}, two packs: {two_packs}");
        drop(encoder);
        assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
    }
}

#[test]
fn channel_is_created_once_per_size_and_quality_set_on_change() {
    let machine = Machine::new();
    let mut encoder = encoder(&machine.process());
    let count = |request| machine.driver(|driver| driver.count(request));
    for quality in [80, 80, 80, 60, 60] {
        encode_at(&mut encoder, &small(1), quality);
    }
    assert_eq!((count(abi::CREATE_CHN), count(abi::SET_JPEG_PARAM)), (1, 2));
    encode(&mut encoder, &Picture::new(PixelFormat::Nv12, 96, 48, 1));
    assert_eq!((count(abi::CREATE_CHN), count(abi::DESTROY_CHN)), (2, 1));
}

#[test]
fn frame_that_the_unit_cannot_take_goes_to_software_and_the_name_follows() {
    let machine = Machine::new();
    let mut encoder = encoder(&machine.process());
    for (pixel, width, height) in
        [(PixelFormat::Rgb24, 64, 48), (PixelFormat::Grey, 64, 48), (PixelFormat::Nv12, 15, 17)]
    {
        let picture = Picture::new(pixel, width, height, 3);
        assert!(encoder.supports(picture.format));
        encode(&mut encoder, &picture);
        assert_eq!(encoder.name(), "eyelet", "{}", picture.format);
        encode(&mut encoder, &small(1));
        assert_eq!(encoder.name(), "sg2002", "the unit is still there");
    }
    let jpeg = encode(&mut encoder, &small(2));
    let format = StreamFormat::new(PixelFormat::Jpeg, 64, 48).unwrap();
    let frame = Frame::new(format, FrameMeta::default(), &[Plane::host(&jpeg, 0)]).unwrap();
    let mut out = Vec::new();
    encoder.encode(&frame, Quality::DEFAULT, &mut out).unwrap();
    assert_eq!((&out, encoder.name()), (&jpeg, "pass-through"));
}

#[test]
fn physical_frame_is_read_in_place() {
    let machine = Machine::new();
    let camera = machine.process();
    let stranger = crate::support::Stranger::on(&machine);
    for pixel in [PixelFormat::Nv12, PixelFormat::Nv21, PixelFormat::I420, PixelFormat::Yuv422p] {
        let picture = Picture::new(pixel, 128, 96, 5);
        // A camera's buffer, filled by its DMA.
        let total = picture.planes.iter().map(|plane| plane.0.len()).sum::<usize>();
        let base = stranger.alloc(total as u32).unwrap();
        let memory = camera.open(Node::Mem).unwrap().map(base, total).unwrap();
        let whole: Vec<u8> = picture.planes.iter().flat_map(|plane| plane.0.clone()).collect();
        memory.look(&mut |bytes| bytes.copy_from_slice(&whole));
        stranger.flush(base, total as u64);

        let mut at = base;
        let mut planes = Vec::new();
        for (bytes, stride) in &picture.planes {
            planes.push(Plane { bytes: &[], stride: *stride, memory: Memory::Physical(at) });
            at += bytes.len() as u64;
        }
        let frame = Frame::new(picture.format, FrameMeta::default(), &planes).unwrap();
        let slots = machine.leftovers().ion_slots;
        let mut encoder = encoder(&machine.process());
        let mut jpeg = Vec::new();
        encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
        assert_eq!(machine.leftovers().ion_slots, slots + 1, "the driver's buffer and none for pictures");
        assert_eq!((encoder.counts().frames, encoder.counts().copies), (1, 0), "{pixel}");

        let mut want = Vec::new();
        software().encode(&picture.frame(), Quality::DEFAULT, &mut want).unwrap();
        assert!(decode(&jpeg) == decode(&want), "{pixel}");
        encode(&mut encoder, &picture);
        assert_eq!((encoder.counts().frames, encoder.counts().copies), (2, 1), "a host frame is copied once");
        drop(encoder);
        stranger.free(base);
    }
    assert_eq!((machine.leftovers(), machine.violations()), (NONE, vec![]));
}

#[test]
fn physical_frame_that_cannot_be_read_in_place_is_copied_if_it_can() {
    let machine = Machine::new();
    let mut encoder = encoder(&machine.process());
    // Half a block is missing at the bottom: the unit would read past the end.
    let picture = Picture::new(PixelFormat::Nv12, 64, 40, 5);
    let physical = |bytes, at| Plane { bytes, stride: 64, memory: Memory::Physical(at) };
    let [luma, chroma] = [&picture.planes[0].0[..], &picture.planes[1].0[..]];
    let planes = [physical(luma, 0x8b40_0000), physical(chroma, 0x8b41_0000)];
    let frame = Frame::new(picture.format, FrameMeta::default(), &planes).unwrap();
    let mut jpeg = Vec::new();
    encoder.encode(&frame, Quality::DEFAULT, &mut jpeg).unwrap();
    assert_eq!(encoder.counts().copies, 1);

    let planes = [physical(&[], 0x8b40_0000), physical(&[], 0x8b41_0000)];
    let frame = Frame::new(picture.format, FrameMeta::default(), &planes).unwrap();
    let mut out = b"before".to_vec();
    encoder.encode(&frame, Quality::DEFAULT, &mut out).unwrap();
    assert_eq!((encoder.name(), &out[..6]), ("eyelet", &b"before"[..]), "software reads it through /dev/mem");
    jpeg::inspect(&out[6..]).unwrap();

    // Where there is no memory.
    let planes = [physical(&[], 0x1000), physical(&[], 0x2_0000)];
    let frame = Frame::new(picture.format, FrameMeta::default(), &planes).unwrap();
    let mut out = b"before".to_vec();
    let error = encoder.encode(&frame, Quality::DEFAULT, &mut out).unwrap_err();
    assert_eq!((error.kind(), &out[..]), (eyelet_hal::ErrorKind::PermissionDenied, &b"before"[..]));
    assert_eq!(encoder.fallback_reason(), None, "the unit is not to blame");
    drop(encoder);
    assert_eq!(machine.violations(), []);
}
