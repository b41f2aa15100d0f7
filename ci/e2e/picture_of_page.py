"""Takes the picture of the page that the README shows: picture_of_page.py EYELET-SIM FILE"""

import sys
import tempfile
from pathlib import Path

import cv2

import engines
from deadline import until
from program import Program


def main():
    program, file = sys.argv[1:]
    server = Program(program, "serve", "--bind", "127.0.0.1:0", "--quality", "98")
    try:
        url = server.expect(r"streaming on (http://\S+/)")[1]
        with tempfile.TemporaryDirectory() as folder:
            chromium = engines.start("chromium", Path(folder))
            try:
                chromium.resize(1100, 760)
                chromium.prefer(color_scheme="dark")
                chromium.open(url)
                # Whole numbers of a page that has settled.
                until(lambda: (chromium.text("fps") or "").startswith("30") and chromium.text("latency") != "–", "30 fps", 60)
                pixels = chromium.pixels()
            finally:
                chromium.quit()
    finally:
        server.stop()
    # The last three bits are noise of the JPEG, and most of the file.
    cv2.imwrite(file, pixels & 0xF8 | 4, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
