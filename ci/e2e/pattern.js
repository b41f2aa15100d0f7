// As pattern.py, for what a page shows: the sequence number in an <img>'s or a canvas' pixels, or null.
const patternCanvas = document.createElement("canvas");
patternCanvas.width = 128;
patternCanvas.height = 24;
const patternPixels = patternCanvas.getContext("2d", { willReadFrequently: true });

function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}

function readSequence(source) {
  patternPixels.clearRect(0, 0, 128, 24);
  patternPixels.drawImage(source, 0, 0);
  const { data } = patternPixels.getImageData(0, 0, 128, 24);
  const bytes = [0, 0, 0, 0, 0, 0];
  for (let bit = 0; bit < 48; bit++) {
    const left = (bit % 16) * 8, top = Math.floor(bit / 16) * 8;
    let sum = 0;
    for (let y = top + 2; y < top + 6; y++) {
      for (let x = left + 2; x < left + 6; x++) {
        const i = (y * 128 + x) * 4;
        sum += 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
      }
    }
    if (sum / 16 > 128) bytes[bit >> 3] |= 0x80 >> (bit & 7);
  }
  const number = new DataView(Uint8Array.from(bytes).buffer);
  return crc16(bytes.slice(0, 4)) === number.getUint16(4) ? number.getUint32(0) : null;
}
