//! MaixPy's upload example, line for line: a picture is drawn, encoded and posted.
//!
//! ```text
//! cargo run --release -p eyelet-sim receive pictures &
//! cargo run --release -p eyelet-sim --example upload_image [URL]
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use eyelet_core::{
    image::{Color, FileFormat, Image, Thickness},
    upload::Uploader,
};
use eyelet_hal::{Quality, Result};

fn main() -> Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080/upload".to_owned());

    // img = image.Image(640, 480, image.Format.FMT_RGB888)
    let mut img = Image::new(640, 480)?;
    // img.draw_rect(60, 60, 80, 80, image.Color.from_rgb(255, 0, 0))
    img.draw_rect(60, 60, 80, 80, Color::from_rgb(255, 0, 0), Thickness::Pixels(4));
    // jpeg = img.to_format(image.Format.FMT_JPEG); jpeg_bytes = jpeg.to_bytes()
    let jpeg_bytes = img.to_format(FileFormat::Jpeg(Quality::DEFAULT))?;
    // response = requests.post(url, data=jpeg_bytes)
    let response = Uploader::new(&url)?.post(jpeg_bytes)?;

    println!("{}", response.status());
    println!("{}", response.text());
    Ok(())
}
