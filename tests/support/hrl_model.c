#include "tests/support/test.h"

#include "tests/support/hrl_model.h"

#include <string.h>

#include "tests/support/must.h"

#define SECTOR       512u
#define ZERO_PERCENT 20

struct hrl_model *hrl_model_new(uint64_t disk_size, uint32_t longest)
{
    struct hrl_model *model = must_alloc(sizeof *model);
    model->disk_size = disk_size;
    model->longest = longest;
    return model;
}

void hrl_model_free(struct hrl_model *model)
{
    free(model->writes);
    free(model);
}

static void fill(const struct hrl_model_write *write, uint8_t *data)
{
    struct random random = random_start(write->seed);
    if (write->seed == 0)
        memset(data, 0, write->length);
    else
        random_fill(&random, data, write->length);
}

enum status hrl_model_append(struct hrl_model *model, struct hrl_writer *writer,
                             struct random *random)
{
    uint32_t length = (uint32_t)(1 + random_below(random, model->longest / SECTOR)) * SECTOR;
    struct hrl_model_write write = {
        .offset = random_below(random, (model->disk_size - length) / SECTOR + 1) * SECTOR,
        .length = length,
        .seed = random_chance(random, ZERO_PERCENT) ? 0 : random_u64(random) | 1,
    };
    uint8_t *data = must_alloc(length);
    fill(&write, data);
    enum status status = hrl_append(writer, write.offset, data, length);
    free(data);
    if (status != STATUS_OK)
        return status;
    if (model->count == model->capacity) {
        model->capacity = model->capacity ? model->capacity * 2 : 64;
        model->writes = must(realloc(model->writes, model->capacity * sizeof *model->writes));
    }
    model->writes[model->count++] = write;
    return STATUS_OK;
}

static void compare_write(const struct hrl_model_write *write, struct hrl *log,
                          const struct hrl_entry *entry)
{
    uint8_t *wanted = must_alloc(write->length);
    uint8_t *data = must_alloc(write->length);
    assert_int_equal(entry->offset, write->offset);
    assert_int_equal(entry->length, write->length);
    assert_ok(hrl_verify(log, entry));
    assert_ok(hrl_read(log, entry, 0, data, write->length));
    fill(write, wanted);
    assert_memory_equal(data, wanted, write->length);
    free(wanted);
    free(data);
}

size_t hrl_model_compare(const struct hrl_model *model, struct hrl *log)
{
    struct hrl_info info;
    struct hrl_entry entry;
    size_t count = 0;
    bool found = true;
    hrl_get_info(log, &info);
    hrl_rewind(log);
    while (found) {
        assert_ok(hrl_next(log, &entry, &found));
        if (!found)
            break;
        assert_true(count < model->count);
        assert_int_equal(entry.number, count);
        compare_write(&model->writes[count++], log, &entry);
    }
    assert_int_equal(info.writes, count);
    return count;
}

void hrl_model_apply(const struct hrl_model *model, size_t count, uint8_t *disk)
{
    for (size_t i = 0; i < count; i++)
        fill(&model->writes[i], disk + model->writes[i].offset);
}

struct hrl *hrl_model_open(const struct file_system *fs, const char *path)
{
    const struct hrl_open how = {.fs = fs, .share = FILE_SHARE_DENY_WRITE};
    struct hrl *log;
    assert_ok(hrl_open(path, &how, &log));
    return log;
}
