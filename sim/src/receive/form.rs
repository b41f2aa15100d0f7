//! Pictures in forms: `multipart/form-data`, as pages with a file input send them.

use super::check::{check, is_one};
use bytes::Bytes;
use eyelet_core::multipart::Reader;

/// At most this many damaged pictures are examined: unpacking takes time.
const TRIES: usize = 4;

/// The first whole picture in the form, whatever its field is called.
pub(super) fn picture(content_type: &str, body: &[u8]) -> Result<Bytes, String> {
    let mut reader = Reader::new(content_type).map_err(|_| "the form has no boundary".to_owned())?;
    reader.push(body);
    let mut why = "it has no field".to_owned();
    let mut tries = 0;
    loop {
        let part = reader.next_part().map_err(|e| format!("the form cannot be read: {e}"))?;
        // Without its last boundary the form has been cut short, and the picture in it too.
        let Some(part) = part else { return Err(format!("the form holds no whole picture: {why}")) };
        tries += usize::from(is_one(&part.body));
        if tries > TRIES {
            return Err(format!(
                "the form holds more than {TRIES} pictures, and the first are damaged: {why}"
            ));
        }
        match check(&part.body) {
            Ok(_) => return Ok(part.body),
            Err(e) => why = e,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::check::tests::JPEG, *};

    const TYPE: &str = "multipart/form-data; boundary=b";

    fn form(parts: &[&[u8]]) -> Vec<u8> {
        let mut body = Vec::new();
        for part in parts {
            body.extend_from_slice(b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n");
            body.extend_from_slice(part);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b--\r\n");
        body
    }

    #[test]
    fn form_with_other_fields_yields_its_picture() {
        let body = form(&[b"my roof", JPEG, b"submit"]);
        assert_eq!(picture(TYPE, &body).unwrap(), JPEG);
        for len in 0..body.len()
            - b"\r\n--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nsubmit\r\n--b--\r\n".len()
        {
            assert!(picture(TYPE, &body[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn form_with_many_damaged_pictures_is_refused() {
        let damaged = &JPEG[..20];
        assert!(picture(TYPE, &form(&[&[damaged; TRIES - 1][..], &[JPEG]].concat())).is_ok());
        let why = picture(TYPE, &form(&[&[damaged; TRIES][..], &[JPEG]].concat())).unwrap_err();
        assert!(why.contains("more than 4 pictures"), "{why}");
        assert!(picture(TYPE, &form(&[&[b"a note".as_slice(); 50][..], &[JPEG]].concat())).is_ok());
    }

    #[test]
    fn form_without_a_picture_is_refused() {
        for (kind, body, part) in [
            (TYPE, form(&[b"my roof"]), "holds no whole picture: the body is neither a JPEG nor a PNG"),
            (TYPE, form(&[]), "holds no whole picture: it has no field"),
            (TYPE, form(&[&JPEG[..20]]), "the JPEG is truncated"),
            ("multipart/form-data", form(&[JPEG]), "the form has no boundary"),
        ] {
            let why = picture(kind, &body).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
    }
}
