//! The markers around the entropy-coded data.

use super::{
    picture::{Picture, Sampling},
    tables::{Kind, NATURAL, steps},
};
use crate::jpeg::huffman::{AC, DC};
use eyelet_hal::Quality;

/// Where restart markers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restarts {
    Nowhere,
    /// Between any two rows of MCUs.
    Rows,
}

/// Appends SOI to SOS.
pub(super) fn write(out: &mut Vec<u8>, picture: &Picture<'_>, quality: Quality, restarts: Restarts) {
    let sampling = picture.sampling;
    out.extend_from_slice(&[0xff, 0xd8]);
    // JFIF 1.1, square pixels, no thumbnail.
    segment(out, 0xe0, |out| out.extend_from_slice(b"JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00"));

    let kinds: &[Kind] = if sampling == Sampling::Grey { &[Kind::Luma] } else { &[Kind::Luma, Kind::Chroma] };
    for (id, &kind) in (0..).zip(kinds) {
        segment(out, 0xdb, |out| {
            let steps = steps(kind, quality);
            out.push(id);
            out.extend(NATURAL.iter().map(|&at| steps[usize::from(at)]));
        });
    }

    let luma = match sampling {
        Sampling::Half => 0x22,
        Sampling::Wide => 0x21,
        Sampling::Grey => 0x11,
    };
    let components: &[[u8; 3]] = match sampling {
        Sampling::Grey => &[[1, luma, 0]],
        _ => &[[1, luma, 0], [2, 0x11, 1], [3, 0x11, 1]],
    };
    segment(out, 0xc0, |out| {
        out.push(8);
        // `Pixels` lets no side through that is longer than 65535.
        out.extend_from_slice(&(picture.height as u16).to_be_bytes());
        out.extend_from_slice(&(picture.width as u16).to_be_bytes());
        out.push(components.len() as u8);
        out.extend_from_slice(components.as_flattened());
    });

    for id in 0..kinds.len() {
        for (class, table) in [(0x00, &DC[id]), (0x10, &AC[id])] {
            segment(out, 0xc4, |out| {
                out.push(class | id as u8);
                out.extend_from_slice(&table.counts);
                out.extend_from_slice(table.values);
            });
        }
    }

    if restarts == Restarts::Rows {
        segment(out, 0xdd, |out| out.extend_from_slice(&(picture.mcus_in_row() as u16).to_be_bytes()));
    }

    segment(out, 0xda, |out| {
        out.push(components.len() as u8);
        for &[component, _, table] in components {
            out.extend_from_slice(&[component, table << 4 | table]);
        }
        // The whole spectrum in one scan.
        out.extend_from_slice(&[0, 63, 0]);
    });
}

fn segment(out: &mut Vec<u8>, marker: u8, content: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[0xff, marker, 0, 0]);
    let start = out.len() - 2;
    content(out);
    let len = (out.len() - start) as u16;
    out[start..start + 2].copy_from_slice(&len.to_be_bytes());
}
