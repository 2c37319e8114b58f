// What a replica log must list: the writes that were appended, in their order. Data is made from a
// seed, or zeros, so that long logs cost little.
#ifndef VREP_TESTS_SUPPORT_HRL_MODEL_H
#define VREP_TESTS_SUPPORT_HRL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/random.h"
#include "vhd/hrl.h"

struct hrl_model_write {
    uint64_t offset;
    uint32_t length;
    uint64_t seed; // 0: zeros
};

struct hrl_model {
    struct hrl_model_write *writes;
    size_t count;
    size_t capacity;
    uint64_t disk_size; // writes lie on a disk of so many bytes
    uint32_t longest;   // bytes
};

struct hrl_model *hrl_model_new(uint64_t disk_size, uint32_t longest);
void hrl_model_free(struct hrl_model *model);

// Appends a random write to the log and, when that went well, to the model.
enum status hrl_model_append(struct hrl_model *model, struct hrl_writer *writer,
                             struct random *random) MUST_CHECK;

// Reads all of `log`, fails the running test at the first difference from the model's first writes,
// and returns how many the log has.
size_t hrl_model_compare(const struct hrl_model *model, struct hrl *log);

// Makes the model's first `count` writes in `disk`, an array of disk_size bytes.
void hrl_model_apply(const struct hrl_model *model, size_t count, uint8_t *disk);

// Opens the log `path` of `fs` for reading; fails the running test when that fails.
struct hrl *hrl_model_open(const struct file_system *fs, const char *path);

#endif
