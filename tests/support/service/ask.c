#include "tests/support/service/ask.h"

#include <string.h>

#include "tests/support/must.h"
#include "tests/support/test.h"

void ask_make_disk(struct stage *s, const char *path, enum vhd_format format)
{
    const struct vhd_create how = {.fs = mem_fs_system(s->disks),
                                   .format = format,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = 8 << 20,
                                   .block_size = format == VHD_FORMAT_VHDX ? 1 << 20 : 0};
    assert_ok(vhd_create(path, &how));
}

int ask_set_up(void **state)
{
    if (stage_set_up(state) != 0)
        return -1;
    ask_make_disk(*state, ROOT_RAW "p1.vhdx", VHD_FORMAT_VHDX);
    ask_make_disk(*state, ROOT_RAW "p2.vhdx", VHD_FORMAT_VHDX);
    return 0;
}

json_t *ask_done(struct stage *s, const char *request)
{
    json_t *result;
    assert_ok(stage_request(s, request, &result));
    return result;
}

void ask_do(struct stage *s, const char *request)
{
    json_decref(ask_done(s, request));
}

void ask_refused(struct stage *s, const char *request, enum status wanted, const char *says)
{
    json_t *result;
    assert_status(stage_request(s, request, &result), wanted);
    if (!strstr(status_last()->message, says))
        fail_msg("\"%s\" does not say \"%s\"", status_last()->message, says);
}

const char *ask_text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}
