#include "base/control_name.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"

// "$INSTANCE", or nothing for the default instance.
static enum status append_instance(struct buffer *path, const char *instance)
{
    return instance ? buffer_printf(path, "$%s", instance) : STATUS_OK;
}

// Hands the text over, or frees it when `s` is a failure.
static enum status finish(enum status s, struct buffer *path, char **out)
{
    if (s == STATUS_OK)
        *out = (char *)path->data;
    else
        buffer_free(path);
    return s;
}

enum status control_name(const char *instance, char **out)
{
    struct buffer path = {0};
    enum status s = instance_name_check(instance);
    if (s != STATUS_OK)
        return s;
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (geteuid() == 0)
        s = buffer_printf(&path, "/run/vrep");
    else if (runtime && runtime[0] == '/')
        s = buffer_printf(&path, "%s/vrep", runtime);
    else
        s = buffer_printf(&path, "/tmp/vrep-%lu", (unsigned long)geteuid());
    if (s == STATUS_OK)
        s = append_instance(&path, instance);
    if (s == STATUS_OK)
        s = buffer_printf(&path, "/control.sock");
    return finish(s, &path, out);
}

enum status default_data_folder(const char *instance, char **out)
{
    struct buffer path = {0};
    enum status s = instance_name_check(instance);
    if (s == STATUS_OK)
        s = buffer_printf(&path, "/var/lib/vrep");
    if (s == STATUS_OK)
        s = append_instance(&path, instance);
    return finish(s, &path, out);
}
