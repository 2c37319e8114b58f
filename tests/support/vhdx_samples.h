// A disk that is known by samples: where it holds which byte, for tests of what changes a disk as a
// whole and must keep its contents. Much faster to check than all of a disk.
#ifndef VREP_TESTS_SUPPORT_VHDX_SAMPLES_H
#define VREP_TESTS_SUPPORT_VHDX_SAMPLES_H

#include <string.h>

#include "tests/support/vhdx_disk.h"

#define SAMPLE_SIZE 4096
#define SAMPLES_MAX 64

struct sample {
    uint64_t offset;
    uint8_t value; // of all of its SAMPLE_SIZE bytes
};

struct samples {
    struct sample list[SAMPLES_MAX];
    size_t count;
};

// Notes what the disk holds; the last one for an offset counts.
static inline void samples_note(struct samples *s, uint64_t offset, uint8_t value)
{
    size_t i = 0;
    while (i < s->count && s->list[i].offset != offset)
        i++;
    assert_true(i < SAMPLES_MAX);
    s->list[i] = (struct sample){offset, value};
    s->count += i == s->count;
}

static inline void samples_write(struct samples *s, struct vhd *disk, uint64_t offset,
                                 uint8_t value)
{
    uint8_t data[SAMPLE_SIZE];
    memset(data, value, sizeof data);
    assert_ok(vhd_write(disk, offset, data, sizeof data));
    samples_note(s, offset, value);
}

// The first sample that `disk` does not hold; NULL: it holds all. Past its end there are none.
static inline const struct sample *samples_wrong(const struct samples *s, struct vhd *disk)
{
    struct vhd_info info;
    vhd_get_info(disk, &info);
    for (size_t i = 0; i < s->count; i++) {
        const struct sample *sample = &s->list[i];
        uint8_t data[SAMPLE_SIZE], expected[SAMPLE_SIZE];
        if (sample->offset + SAMPLE_SIZE > info.virtual_size)
            continue;
        memset(expected, sample->value, sizeof expected);
        if (vhd_read(disk, sample->offset, data, sizeof data) != STATUS_OK ||
            memcmp(data, expected, sizeof data) != 0)
            return sample;
    }
    return NULL;
}

#endif
