"""Reads the sequence number that the simulated camera draws into each picture.

It is 16 x 3 blocks of 8 x 8 pixels in the top left corner, white for 1: 48 bits, row by row, the number's 32 and
the 16 of a CRC-16/CCITT-FALSE over its four bytes, all with the highest bit first.
"""

import cv2
import numpy

BLOCK, COLUMNS, ROWS = 8, 16, 3
WIDTH, HEIGHT = COLUMNS * BLOCK, ROWS * BLOCK


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


def read_sequence(grey):
    """The number in a picture of grey values, or None where there is none or it is damaged."""
    if grey is None or grey.shape[0] < HEIGHT or grey.shape[1] < WIDTH:
        return None
    blocks = grey[:HEIGHT, :WIDTH].reshape(ROWS, BLOCK, COLUMNS, BLOCK)
    # The centres only: compression smears the edges.
    bits = blocks[:, 2:6, :, 2:6].mean(axis=(1, 3)).ravel() > 128
    code = int.from_bytes(numpy.packbits(bits).tobytes(), "big")
    sequence, crc = code >> 16, code & 0xFFFF
    return sequence if crc == crc16(sequence.to_bytes(4, "big")) else None


def sequence_of(jpeg):
    """The number in a JPEG's pixels, or None."""
    return read_sequence(cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_GRAYSCALE))
