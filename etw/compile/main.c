// vrepmc: what mc.exe does with an instrumentation manifest, on any system.
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "etw/compile/emit.h"
#include "etw/compile/outputs.h"
#include "etw/compile/xml.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

struct arguments {
    const char *manifest;
    const char *folder;
    const char *name;     // of the outputs; NULL: the manifest's without its end
    const char *types;    // what the header includes
    const char *preamble; // NULL: none
};

static const char help[] =
    "Usage: vrepmc MANIFEST -o FOLDER [options]\n"
    "\n"
    "Compiles an instrumentation manifest. FOLDER gets\n"
    "  NAME.h               constants, definitions and one function for each event, in C17\n"
    "\n"
    "  -o FOLDER            where the files go; it is created\n"
    "  --name NAME          NAME of the files; the manifest's without its end if not told\n"
    "  --include PATH       what NAME.h includes for its types (etw/event_types.h)\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 done, 1 the manifest has an error, which is shown with its line, or a file\n"
    "cannot be read or written, 2 wrong usage.\n";

static int report(int exit_code)
{
    struct buffer text = {0};
    emit_text(&text, "vrepmc: %s\n", status_last()->message);
    emit_u8(&text, 0);
    os_print(true, (const char *)text.data);
    buffer_free(&text);
    return exit_code;
}

// An option with a value, "-o FOLDER". True: it is this one, and *at is past the value.
static bool take_option(int argc, char **argv, int *at, const char *option, const char **value,
                        enum status *status)
{
    if (strcmp(argv[*at], option) != 0)
        return false;
    if (*value || *at + 1 == argc)
        *status = status_fail(STATUS_INVALID_ARGUMENT, 0,
                              *value ? "%s is given twice." : "%s needs a value.", option);
    else
        *value = argv[*at + 1];
    *at += 2;
    return true;
}

static enum status parse_arguments(int argc, char **argv, struct arguments *out)
{
    enum status status = STATUS_OK;
    for (int at = 1; status == STATUS_OK && at < argc;) {
        if (take_option(argc, argv, &at, "-o", &out->folder, &status) ||
            take_option(argc, argv, &at, "--name", &out->name, &status) ||
            take_option(argc, argv, &at, "--include", &out->types, &status))
            continue;
        if (argv[at][0] == '-' && argv[at][1])
            return status_fail(STATUS_INVALID_ARGUMENT, 0, "There is no option %s.", argv[at]);
        if (out->manifest)
            return status_fail(STATUS_INVALID_ARGUMENT, 0, "\"%s\" is one argument too many.",
                               argv[at]);
        out->manifest = argv[at++];
    }
    if (status == STATUS_OK && (!out->manifest || !out->folder))
        status = status_fail(STATUS_INVALID_ARGUMENT, 0, "%s is missing.",
                             out->manifest ? "-o FOLDER" : "The manifest");
    return status;
}

// The manifest's file name without its last extension.
static char *default_name(struct arena *arena, const char *path)
{
    const char *base = os_path_base_name(path);
    const char *end = strrchr(base, '.');
    return arena_text(arena, base, end && end != base ? (size_t)(end - base) : strlen(base));
}

static enum status write_file(struct arena *arena, const char *folder, const char *name,
                              const char *end, struct buffer *data)
{
    char *path = os_path_join(folder, arena_printf(arena, "%s%s", name, end));
    if (!path)
        arena_exhausted();
    enum status status = os_replace_file(path, data->data, data->size);
    free(path);
    return status;
}

static enum status compile(struct manifest *manifest, const struct arguments *arguments)
{
    char *data;
    size_t size;
    enum status status = os_read_file(arguments->manifest, XML_SIZE_MAX, &data, &size);
    if (status != STATUS_OK)
        return status;
    status = manifest_read(manifest, arguments->manifest, data, size);
    free(data);
    if (status == STATUS_OK)
        status = os_make_folders(arguments->folder, false);
    if (status != STATUS_OK)
        return status;
    const char *name =
        arguments->name ? arguments->name : default_name(&manifest->arena, arguments->manifest);
    struct buffer header = {0};
    output_header(manifest, name, arguments->types ? arguments->types : "etw/event_types.h",
                  &header);
    status = write_file(&manifest->arena, arguments->folder, name, ".h", &header);
    buffer_free(&header);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct manifest manifest = {0};
    if (os_arguments(&argc, &argv) != STATUS_OK)
        return report(EXIT_USAGE);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        os_print(false, help);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        os_print(false, "vrepmc " VREP_VERSION "\n");
        return 0;
    }
    if (parse_arguments(argc, argv, &arguments) != STATUS_OK)
        return report(EXIT_USAGE);
    enum status status = compile(&manifest, &arguments);
    manifest_free(&manifest);
    return status == STATUS_OK ? 0 : report(EXIT_FAILED);
}
