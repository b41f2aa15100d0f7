// A recording: an AVI file of the very JPEGs that came. AVI has one rate for the whole file, so where no picture came in time
// an empty chunk repeats the one before, as players know it.
const MAX_BYTES = 500e6, CHUNK_BYTES = 8e6, MAX_EMPTY = 1e5;
const NOTHING = "There is no picture from the camera, so nothing was saved. Try again when the camera is live.";
let recording = null;

// Bytes of an AVI: texts, and numbers of 32 bits.
function riff(...values) {
  const bytes = values.flatMap(value => typeof value === "string" ? [...value].map(letter => letter.charCodeAt(0))
    : [0, 8, 16, 24].map(shift => value >>> shift & 255));
  return new Uint8Array(bytes);
}

// Width and height, as the frame header of a JPEG has them.
function sizeOf(jpeg) {
  const number = at => jpeg[at] << 8 | jpeg[at + 1];
  for (let at = 2; at + 9 < jpeg.length; at += 2 + number(at + 2)) {
    if (jpeg[at + 1] >= 0xc0 && jpeg[at + 1] <= 0xc2) return [number(at + 7), number(at + 5)];
  }
  return [0, 0];
}

class Recording {
  constructor() {
    this.blobs = [];                      // what is written, which a browser may move to the disk
    this.chunks = [];                     // what is not yet in a blob
    this.chunkBytes = 0;
    this.index = [];                      // a Uint8Array of 16 bytes for each chunk
    this.bytes = 4;                       // of the list of chunks: its name comes first
    this.rate = Math.min(240, 1 / median(periods)) || 10;      // slots a second
    this.pictures = 0;
    this.date = new Date();
  }

  get seconds() { return this.pictures ? this.last - this.first : 0; }

  // Whether the picture belongs into the same file.
  takes(part) {
    const [width, height] = sizeOf(part.body);
    this.resized = this.width && (width !== this.width || height !== this.height);
    if (!this.width) Object.assign(this, { width, height, first: part.timestamp });
    else if (this.resized || part.timestamp < this.last) return false;
    // Nor does one after a clock was set, or that comes much faster than the file's rate.
    const slots = (part.timestamp - this.first) * this.rate, used = this.index.length;
    return slots - used < MAX_EMPTY && used < 1.25 * slots + 2 * this.rate + 10;
  }

  add(part) {
    this.pictures++;
    this.last = part.timestamp;
    this.at = performance.now();
    // A quarter late is in time.
    const slot = Math.floor(this.seconds * this.rate + 0.25);
    while (this.index.length < slot) this.chunk(new Uint8Array(0));
    this.chunk(part.body);
  }

  // What came last is shown until now, to a limit.
  end() {
    const slots = Math.min(MAX_EMPTY, Math.floor((performance.now() - this.at) / 1000 * this.rate));
    for (let slot = 0; slot < slots; slot++) this.chunk(new Uint8Array(0));
    this.last += slots / this.rate;
  }

  chunk(body) {
    this.index.push(riff("00dc", body.length ? 16 : 0, this.bytes, body.length));
    const padding = body.length % 2;
    this.chunks.push(riff("00dc", body.length), body, new Uint8Array(padding));
    this.bytes += 8 + body.length + padding;
    this.chunkBytes += body.length;
    if (this.chunkBytes > CHUNK_BYTES) this.flush();
  }

  flush() {
    this.blobs.push(new Blob(this.chunks));
    this.chunks = [];
    this.chunkBytes = 0;
  }

  // The file; its rate is the average, so that it lasts as long as what it shows.
  file() {
    this.flush();
    const count = this.index.length;
    const micros = Math.round(1e6 * (count > 1 ? this.seconds / (count - 1) : 1 / this.rate));
    const { width, height } = this;
    const avih = riff("avih", 56, micros, 0, 0, 0x10, count, 0, 1, 0, width, height, 0, 0, 0, 0);
    const strh = riff("strh", 56, "vidsMJPG", 0, 0, 0, micros, 1000000, 0, count, 0, -1, 0, 0, width | height << 16);
    const strf = riff("strf", 40, 40, width, height, 1 | 24 << 16, "MJPG", 3 * width * height, 0, 0, 0, 0);
    const strl = riff("LIST", 4 + strh.length + strf.length, "strl");
    const hdrl = riff("LIST", 4 + avih.length + strl.length + strh.length + strf.length, "hdrl");
    const head = [hdrl, avih, strl, strh, strf, riff("LIST", this.bytes, "movi")];
    const tail = [riff("idx1", 16 * count), ...this.index];
    const length = head.reduce((sum, piece) => sum + piece.length, 4) + this.bytes - 4 + 8 + 16 * count;
    return new Blob([riff("RIFF", length, "AVI "), ...head, ...this.blobs, ...tail], { type: "video/x-msvideo" });
  }
}

function record(part) {
  if (!recording || !part.live) return;
  if (!recording.takes(part)) {
    finish(`The camera's ${recording.resized ? "size" : "rate or clock"} changed; the recording goes on in another file.`);
    recording = new Recording();
    recording.takes(part);
  }
  recording.add(part);
  if (recording.bytes > MAX_BYTES) {
    finish("500 MB is the limit of one recording; press Record for another.");
    settle();
  }
}

// Ends a recording and saves it.
function finish(why = "") {
  const done = recording;
  recording = null;
  if (!done.pictures) return note(NOTHING);
  done.end();
  const name = save(done.file(), done.date, "avi");
  note(`Saved ${name}. ${why}`);
}

// Gives a file to the browser to save, and returns its name.
function save(blob, date, type) {
  const time = new Date(date - 60000 * date.getTimezoneOffset()).toISOString().slice(0, 19).replace(/:/g, "-");
  const download = `${(camera || source || "eyelet").replace(/[^\w-]+/g, "-").replace(/^-+|-+$/g, "")}-${time}.${type}`;
  const href = URL.createObjectURL(blob);
  element("a", { download, href }).click();
  setTimeout(URL.revokeObjectURL, 60000, href);
  return download;
}

