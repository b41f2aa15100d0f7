// A V4L2 camera inside the process that is tested, with the quirks of real drivers: loaded before the C library, it is
// what the program meets where it opens $CAMERA_NODE. $CAMERA_QUIRKS lists them, "name=number,name=number". Who lists /dev finds
// what is in $CAMERA_FOLDER, if that is set.
//
// Its pictures are 64x48: row y has luma (or the bytes of every sample) 4 * y, so that a wrong stride shows.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 64, HEIGHT = 48, BUFFERS = 8, LENGTH = 1 << 16 };

static int camera = -1;
static unsigned char *memory;
static int queue[BUFFERS], queued, streaming;
static unsigned sequence;

static long quirk(const char *name, long otherwise) {
    const char *list = getenv("CAMERA_QUIRKS");
    size_t length = strlen(name);
    for (; list && *list; list = strchr(list, ',') ? strchr(list, ',') + 1 : "")
        if (!strncmp(list, name, length) && list[length] == '=') return strtol(list + length + 1, NULL, 0);
    return otherwise;
}

static unsigned fourcc(void) {
    const char *code = getenv("CAMERA_FOURCC");
    if (!code) code = "YUYV";
    return v4l2_fourcc(code[0], code[1], code[2], code[3]);
}

static int fails(const char *call) {
    long code = quirk(call, 0);
    errno = code;
    return code != 0;
}

static int end(void) {
    errno = EINVAL;
    return -1;
}

static int open_camera(void) {
    camera = memfd_create("camera", 0);
    if (camera < 0 || ftruncate(camera, BUFFERS * LENGTH)) return -1;
    memory = mmap(NULL, BUFFERS * LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, camera, 0);
    return camera;
}

static int is_camera(const char *path) {
    const char *node = getenv("CAMERA_NODE");
    return node && path && !strcmp(path, node);
}

static void describe(struct v4l2_pix_format *format) {
    int bytes = fourcc() == V4L2_PIX_FMT_YUYV ? 2 : 1;
    format->width = quirk("width", WIDTH);
    format->height = quirk("height", HEIGHT);
    format->pixelformat = fourcc();
    format->field = quirk("field", V4L2_FIELD_NONE);
    format->bytesperline = quirk("bytesperline", bytes * WIDTH);
    format->sizeimage = quirk("sizeimage", LENGTH);
    format->colorspace = quirk("colorspace", 0);
    format->quantization = quirk("quantization", 0);
    format->xfer_func = quirk("xfer_func", 0);
    format->ycbcr_enc = quirk("ycbcr_enc", 0);
    format->priv = V4L2_PIX_FMT_PRIV_MAGIC;
    format->flags = quirk("flags", 0);
}

static unsigned fill(unsigned char *buffer) {
    int row = (fourcc() == V4L2_PIX_FMT_YUYV ? 2 : 1) * WIDTH;
    unsigned length = row * HEIGHT;
    memset(buffer, 128, LENGTH);
    for (unsigned i = 0; i < length; i++)
        if (row == WIDTH || i % 2 == 0) buffer[i] = quirk("sample", 4 * (i / row));
    if (fourcc() == V4L2_PIX_FMT_YUV420) length = length * 3 / 2;
    return quirk("bytesused", length);
}

static int control(struct v4l2_query_ext_ctrl *query) {
    static const char *names[] = {"Brightness", "Contrast", "Saturation"};
    unsigned id = query->id & ~(V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND);
    unsigned wanted = query->id == id ? id : id < V4L2_CID_BRIGHTNESS ? V4L2_CID_BRIGHTNESS : id + 1;
    unsigned last = quirk("controls", 3);
    if (wanted < V4L2_CID_BRIGHTNESS || wanted >= V4L2_CID_BRIGHTNESS + last) return end();
    if (wanted == V4L2_CID_CONTRAST && fails("contrast")) return -1;
    memset(query, 0, sizeof *query);
    query->id = wanted;
    query->type = quirk("type", 1);
    strcpy(query->name, quirk("names", 0) ? "\xfc\x1b[2J" : names[(wanted - V4L2_CID_BRIGHTNESS) % 3]);
    query->maximum = 255;
    query->step = query->elems = 1;
    query->elem_size = 4;
    return 0;
}

static int answer(unsigned request, void *argument) {
    static int calls;
    if (quirk("signals", 0) && calls++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    switch (request) {
    case (unsigned)VIDIOC_QUERYCAP: {
        struct v4l2_capability *it = argument;
        memset(it, 0, sizeof *it);
        memset(it->card, quirk("card", 'C'), sizeof it->card);
        strcpy((char *)it->driver, "quirks");
        it->device_caps = quirk("caps", 0x04200001);
        it->capabilities = it->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *it = argument;
        if (it->index && !quirk("formats", 0)) return end();
        it->pixelformat = fourcc();
        memset(it->description, quirk("description", 'F'), sizeof it->description);
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *it = argument;
        if (it->index && !quirk("sizes", 0)) return end();
        it->type = quirk("sizetype", V4L2_FRMSIZE_TYPE_DISCRETE);
        it->discrete.width = WIDTH;
        it->discrete.height = HEIGHT;
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *it = argument;
        if (it->index && !quirk("intervals", 0)) return end();
        it->type = quirk("intervaltype", V4L2_FRMIVAL_TYPE_DISCRETE);
        it->discrete.numerator = quirk("numerator", 1);
        it->discrete.denominator = quirk("denominator", 30);
        return 0;
    }
    case (unsigned)VIDIOC_S_FMT:
        if (fails("s_fmt")) return -1; // fall through
    case (unsigned)VIDIOC_G_FMT:
        describe(&((struct v4l2_format *)argument)->fmt.pix);
        return 0;
    case (unsigned)VIDIOC_S_PARM:
        if (fails("s_parm")) return -1; // fall through
    case (unsigned)VIDIOC_G_PARM: {
        struct v4l2_captureparm *it = &((struct v4l2_streamparm *)argument)->parm.capture;
        if (fails("g_parm")) return -1;
        it->timeperframe.numerator = quirk("numerator", 1);
        it->timeperframe.denominator = quirk("denominator", 30);
        return 0;
    }
    case (unsigned)VIDIOC_QUERY_EXT_CTRL:
        return control(argument);
    case (unsigned)VIDIOC_G_EXT_CTRLS:
    case (unsigned)VIDIOC_S_EXT_CTRLS:
        return 0;
    case (unsigned)VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *it = argument;
        it->count = it->count ? quirk("buffers", it->count) : 0;
        queued = 0;
        return 0;
    }
    case (unsigned)VIDIOC_QUERYBUF: {
        struct v4l2_buffer *it = argument;
        if (it->index >= BUFFERS) return end();
        it->length = quirk("length", LENGTH);
        it->m.offset = it->index * LENGTH;
        return 0;
    }
    case (unsigned)VIDIOC_QBUF:
        queue[queued++ % BUFFERS] = ((struct v4l2_buffer *)argument)->index;
        return 0;
    case (unsigned)VIDIOC_STREAMON:
        if (fails("streamon")) return -1;
        streaming = 1;
        return 0;
    case (unsigned)VIDIOC_STREAMOFF:
        streaming = queued = 0;
        return fails("streamoff") ? -1 : 0;
    case (unsigned)VIDIOC_DQBUF: {
        struct v4l2_buffer *it = argument;
        struct timespec now;
        if (!streaming || !queued) {
            errno = EAGAIN;
            return -1;
        }
        if (fails("dqbuf")) return -1;
        memset(it, 0, sizeof *it);
        it->index = queue[0];
        memmove(queue, queue + 1, sizeof *queue * --queued);
        it->bytesused = fill(memory + it->index * LENGTH);
        it->length = LENGTH;
        it->sequence = quirk("sequence", 1) ? sequence++ : 0;
        it->flags = quirk("stamps", V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC);
        it->index = quirk("index", it->index);
        clock_gettime(CLOCK_MONOTONIC, &now);
        it->timestamp.tv_sec = now.tv_sec;
        it->timestamp.tv_usec = now.tv_nsec / 1000;
        return 0;
    }
    default:
        errno = ENOTTY;
        return -1;
    }
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        if (is_camera(path)) return open_camera();                                                                     \
        return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(path, flags, mode);                          \
    }
OPEN(open)
OPEN(open64)

DIR *opendir(const char *path) {
    const char *folder = getenv("CAMERA_FOLDER");
    if (folder && !strcmp(path, "/dev")) path = folder;
    return ((DIR *(*)(const char *))dlsym(RTLD_NEXT, "opendir"))(path);
}

int ioctl(int file, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (camera >= 0 && file == camera) return answer(request, argument);
    return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))(file, request, argument);
}
