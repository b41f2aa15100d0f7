/* A V4L2 camera that is not there, for programs that read one: LD_PRELOAD this.
 *
 * The path in EYELET_CAMERA opens as a camera of MJPEG whose pictures are the files of the folder EYELET_PICTURES, in the
 * order of their names, EYELET_FPS a second (30). Each picture carries its number and when it was due, in the stamp that
 * benches/src/stamp.rs describes. One camera, opened once at a time, streaming I/O with mapped buffers: what ustreamer
 * asks for.
 *
 * The descriptor is a timer's, so that select, poll and epoll need no help: it is readable when a picture is due.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS = 8, BUFFER_BYTES = 1 << 20, WIDTH = 640, HEIGHT = 480, NUMBER_AT = 14, TAKEN_AT = 22, STAMPED = 34 };

static struct picture {
  uint8_t *bytes;
  size_t length;
} *pictures;
static int picture_count;

static int camera = -1; /* the timer */
static int memory = -1; /* what the buffers lie in */
static uint8_t *mapped;
static unsigned buffer_count;
static unsigned queue[BUFFERS], queued; /* buffers to fill, the first one first */
static uint64_t first_due, interval, due; /* nanoseconds, nanoseconds, pictures */

static void *next(const char *name) {
  void *function = dlsym(RTLD_NEXT, name);
  if (!function) abort();
  return function;
}

static _Noreturn void die(const char *what) {
  fprintf(stderr, "camera.c: %s: %s\n", what, strerror(errno));
  _exit(1);
}

static uint64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int is_jpeg(const struct dirent *entry) {
  const char *dot = strrchr(entry->d_name, '.');
  return dot && !strcmp(dot, ".jpg");
}

static void load(void) {
  const char *folder = getenv("EYELET_PICTURES");
  struct dirent **entries;
  if (pictures) return;
  picture_count = folder ? scandir(folder, &entries, is_jpeg, alphasort) : 0;
  if (picture_count <= 0) die("no pictures in EYELET_PICTURES");
  pictures = calloc((size_t)picture_count, sizeof *pictures);
  for (int i = 0; i < picture_count; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    pictures[i].bytes = malloc(BUFFER_BYTES);
    pictures[i].length = fread(pictures[i].bytes, 1, BUFFER_BYTES, file);
    if (pictures[i].length < STAMPED || pictures[i].length == BUFFER_BYTES) die(path);
    fclose(file);
  }
}

static int is_camera(const char *path) {
  const char *name = getenv("EYELET_CAMERA");
  return name && !strcmp(path, name);
}

static int open_camera(void) {
  load();
  camera = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  memory = memfd_create("camera", MFD_CLOEXEC);
  if (camera < 0 || memory < 0 || ftruncate(memory, (off_t)BUFFERS * BUFFER_BYTES)) die("open");
  mapped = mmap(NULL, (size_t)BUFFERS * BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (mapped == MAP_FAILED) die("mmap");
  return camera;
}

static int arm(uint64_t first, uint64_t every) {
  struct itimerspec times = {
      .it_interval = {.tv_sec = (time_t)(every / 1000000000u), .tv_nsec = (long)(every % 1000000000u)},
      .it_value = {.tv_sec = (time_t)(first / 1000000000u), .tv_nsec = (long)(first % 1000000000u)},
  };
  return timerfd_settime(camera, TFD_TIMER_ABSTIME, &times, NULL);
}

static void put(uint8_t *at, uint64_t value) {
  for (int i = 0; i < 8; i++) at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void describe(struct v4l2_buffer *buffer) {
  buffer->memory = V4L2_MEMORY_MMAP;
  buffer->length = BUFFER_BYTES;
  buffer->m.offset = buffer->index * BUFFER_BYTES;
  buffer->field = V4L2_FIELD_NONE;
  buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
}

static int fail(int error) {
  errno = error;
  return -1;
}

/* The newest picture that is due, in the buffer that has waited longest. Without one it is lost, as in a driver. */
static int dequeue(struct v4l2_buffer *buffer) {
  uint64_t times;
  if (read(camera, &times, sizeof times) != sizeof times) return -1;
  due += times;
  if (!queued) return fail(EAGAIN);
  uint64_t number = due - 1, at = first_due + number * interval;
  const struct picture *picture = &pictures[number % (uint64_t)picture_count];
  buffer->index = queue[0];
  memmove(queue, queue + 1, --queued * sizeof *queue);
  uint8_t *bytes = mapped + (size_t)buffer->index * BUFFER_BYTES;
  memcpy(bytes, picture->bytes, picture->length);
  put(bytes + NUMBER_AT, number);
  put(bytes + TAKEN_AT, (now(CLOCK_REALTIME) - (now(CLOCK_MONOTONIC) - at)) / 1000);
  describe(buffer);
  buffer->bytesused = (uint32_t)picture->length;
  buffer->sequence = (uint32_t)number;
  buffer->timestamp.tv_sec = (time_t)(at / 1000000000u);
  buffer->timestamp.tv_usec = (suseconds_t)(at % 1000000000u / 1000);
  return 0;
}

static void format(struct v4l2_pix_format *pix) {
  *pix = (struct v4l2_pix_format){
      .width = WIDTH,
      .height = HEIGHT,
      .pixelformat = V4L2_PIX_FMT_MJPEG,
      .field = V4L2_FIELD_NONE,
      .sizeimage = BUFFER_BYTES,
      .colorspace = V4L2_COLORSPACE_JPEG,
  };
}

static int control(uint32_t request, void *argument) {
  switch (request) {
    case VIDIOC_QUERYCAP: {
      struct v4l2_capability *capability = argument;
      memset(capability, 0, sizeof *capability);
      strcpy((char *)capability->driver, "eyelet");
      strcpy((char *)capability->card, "pictures of a folder");
      capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
      capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
      return 0;
    }
    case VIDIOC_S_INPUT:
      return *(int *)argument == 0 ? 0 : fail(EINVAL);
    case VIDIOC_G_FMT:
    case VIDIOC_S_FMT:
    case VIDIOC_TRY_FMT:
      format(&((struct v4l2_format *)argument)->fmt.pix);
      return 0;
    case VIDIOC_REQBUFS: {
      struct v4l2_requestbuffers *wanted = argument;
      if (wanted->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
      if (wanted->count > BUFFERS) wanted->count = BUFFERS;
      buffer_count = wanted->count;
      queued = 0;
      return 0;
    }
    case VIDIOC_QUERYBUF:
    case VIDIOC_QBUF: {
      struct v4l2_buffer *buffer = argument;
      if (buffer->index >= buffer_count || queued == BUFFERS) return fail(EINVAL);
      describe(buffer);
      if (request == VIDIOC_QBUF) queue[queued++] = buffer->index;
      return 0;
    }
    case VIDIOC_DQBUF:
      return dequeue(argument);
    case VIDIOC_STREAMON: {
      const char *fps = getenv("EYELET_FPS");
      interval = (uint64_t)(1e9 / (fps ? atof(fps) : 30.0));
      first_due = now(CLOCK_MONOTONIC) + interval;
      due = 0;
      return arm(first_due, interval);
    }
    case VIDIOC_STREAMOFF:
      queued = 0;
      return arm(0, 0);
    default: /* no controls, no choice of rate */
      return fail(ENOTTY);
  }
}

/* What the program calls instead of the C library's. */

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  unsigned mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, unsigned) : 0;
  va_end(rest);
  if (is_camera(path)) return open_camera();
  return ((int (*)(const char *, int, ...))next("open"))(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int close(int descriptor) {
  if (descriptor == camera && camera >= 0) {
    munmap(mapped, (size_t)BUFFERS * BUFFER_BYTES);
    ((int (*)(int))next("close"))(memory);
    camera = memory = -1;
  }
  return ((int (*)(int))next("close"))(descriptor);
}

int ioctl(int descriptor, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  /* Some programs pass the number as an int. */
  if (descriptor == camera && camera >= 0) return control((uint32_t)request, argument);
  return ((int (*)(int, unsigned long, ...))next("ioctl"))(descriptor, request, argument);
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
  if (descriptor == camera && camera >= 0) descriptor = memory;
  return ((void *(*)(void *, size_t, int, int, int, off_t))next("mmap"))(
      address, length, protection, flags, descriptor, offset);
}

void *mmap64(void *, size_t, int, int, int, off_t) __attribute__((alias("mmap")));
