//! Good inputs made bad: bits, bytes and pieces that are wrong, missing, doubled, or from another input.

use fastrand::Rng;

/// Bytes that mean something to a parser: ends of lines and strings, separators, the first byte of a JPEG marker.
const SPECIAL: &[u8] = b"\0\t\n\r \"%&+-./019:;=?\x7f\x80\xc0\xd8\xd9\xda\xff";

/// Changes made to one input, at most.
const CHANGES: usize = 4;

/// The longest run that is put in at once; more than a server takes as a head.
const LONGEST_RUN: usize = 64 * 1024;

/// One of `corpus`, changed in one to four ways. The same generator gives the same inputs.
pub fn mutated(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let Some(good) = rng.choice(corpus) else { return Vec::new() };
    let mut bytes = good.clone();
    for _ in 0..rng.usize(1..=CHANGES) {
        change(rng, corpus, &mut bytes);
    }
    bytes
}

fn change(rng: &mut Rng, corpus: &[Vec<u8>], bytes: &mut Vec<u8>) {
    let at = rng.usize(..=bytes.len());
    let piece = at..rng.usize(at..=bytes.len());
    match rng.u8(..11) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng.u8(..);
            }
        }
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(piece)),
        // A piece twice.
        4 => {
            let piece = bytes[piece].to_vec();
            bytes.splice(at..at, piece);
        }
        // The end of another input.
        5 => {
            let other = rng.choice(corpus).map_or(&[][..], |other| &other[rng.usize(..=other.len())..]);
            bytes.truncate(at);
            bytes.extend_from_slice(other);
        }
        // Another input behind this one.
        6 => bytes.extend_from_slice(rng.choice(corpus).map_or(&[], Vec::as_slice)),
        // A run of one byte, now and then a long one.
        7 => {
            let longest = if rng.u8(..8) == 0 { LONGEST_RUN } else { 64 };
            let run = vec![special(rng); rng.usize(1..=longest)];
            bytes.splice(at..at, run);
        }
        8 => bytes.insert(at, special(rng)),
        9 => {
            let run: Vec<u8> = (0..rng.usize(1..=32)).map(|_| rng.u8(..)).collect();
            bytes.splice(at..at, run);
        }
        // Lines that end in a line feed alone.
        _ => bytes.retain(|&byte| byte != b'\r'),
    }
}

fn special(rng: &mut Rng) -> u8 {
    SPECIAL[rng.usize(..SPECIAL.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn same_seed_gives_the_same_inputs_and_hardly_two_are_alike() {
        let corpus = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), b"another\r\n".to_vec()];
        let inputs = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..1000).map(|_| mutated(&mut rng, &corpus)).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        let different: BTreeSet<_> = inputs(1).into_iter().chain(inputs(2)).collect();
        assert!(different.len() > 1500, "{} of 2000", different.len());
    }

    #[test]
    fn mutation_of_nothing_is_possible() {
        let mut rng = Rng::with_seed(1);
        assert!(mutated(&mut rng, &[]).is_empty());
        for _ in 0..1000 {
            mutated(&mut rng, &[Vec::new()]);
        }
    }
}
