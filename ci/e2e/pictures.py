"""Pictures of our own making, as files and as bytes."""

import cv2
import numpy


def jpeg(seed, width=320, height=240):
    """A JPEG that no other seed gives."""
    picture = numpy.full((height, width, 3), (seed * 37 % 256, seed * 91 % 256, 128), numpy.uint8)
    cv2.putText(picture, str(seed), (20, height - 20), cv2.FONT_HERSHEY_SIMPLEX, 3, (255, 255, 255), 5)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def png(seed, width=320, height=240):
    picture = cv2.imdecode(numpy.frombuffer(jpeg(seed, width, height), numpy.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(".png", picture)[1].tobytes()


def folder_of(folder, pictures):
    """Writes the pictures to a new folder, named in order, and returns it."""
    folder.mkdir()
    for number, picture in enumerate(pictures):
        (folder / f"{number:04}.jpg").write_bytes(picture)
    return folder
