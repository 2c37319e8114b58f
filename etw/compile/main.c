// vrepmc: what mc.exe does with an instrumentation manifest, on any system.
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "etw/compile/crim.h"
#include "etw/compile/emit.h"
#include "etw/compile/message_table.h"
#include "etw/compile/outputs.h"
#include "etw/compile/write_files.h"
#include "etw/compile/xml.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

#define PREAMBLE_MAX            (1024 * 1024)
#define OUTPUTS_BESIDE_MESSAGES 4

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
    "  NAME.h               constants, definitions and a function for each event, in C17\n"
    "  NAME.bin             the template resource, WEVT_TEMPLATE\n"
    "  NAME_MSG00001.bin    the message table; 00002 and so on for further languages\n"
    "  NAME.rc              the resource script that holds them, for windres and rc\n"
    "  NAME.md              a reference of the events\n"
    "\n"
    "  -o FOLDER            where the files go; it is created\n"
    "  --name NAME          NAME of the files; that of the manifest without its end if not told\n"
    "  --include PATH       what NAME.h includes for its types (etw/event_types.h)\n"
    "  --preamble FILE      what NAME.md begins with, instead of a heading\n"
    "  --help               shows this\n"
    "  --version            shows the version\n"
    "\n"
    "Exit codes: 0 done, 1 the manifest has an error, which is shown with its line, or a file\n"
    "cannot be read or written, 2 wrong usage.\n";

// Shows the last failure on one line after `who`.
static int report(const char *who, int exit_code)
{
    struct buffer text = {0};
    emit_text(&text, "%s%s\n", who, status_last()->message);
    emit_u8(&text, 0);
    os_print(true, (const char *)text.data);
    buffer_free(&text);
    return exit_code;
}

// An error of the manifest begins with its name and line, as editors expect it of a compiler.
static const char *who_reports(const struct manifest *manifest)
{
    const char *file = manifest->file ? manifest->file : "\n"; // not read
    return strncmp(status_last()->message, file, strlen(file)) == 0 ? "" : "vrepmc: ";
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
            take_option(argc, argv, &at, "--include", &out->types, &status) ||
            take_option(argc, argv, &at, "--preamble", &out->preamble, &status))
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

// Names stand between quotes in the header and in the resource script.
static enum status check_names(const struct arguments *arguments)
{
    if (!arguments->name[0] || strpbrk(arguments->name, "\"\\/\r\n"))
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "\"%s\" cannot be the name of the files; --name gives another.",
                           arguments->name);
    if (strpbrk(arguments->types, "\"\r\n"))
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "--include cannot be \"%s\".",
                           arguments->types);
    return STATUS_OK;
}

// The next output, named NAME and an end.
static struct buffer *begin_output(struct arena *arena, const char *name, const char *end,
                                   struct output *outputs, size_t *count)
{
    struct output *output = &outputs[(*count)++];
    output->name = arena_printf(arena, "%s%s", name, end);
    return &output->data;
}

// Appends all outputs to the array, which has room for them.
static void make_outputs(struct manifest *manifest, const struct arguments *arguments,
                         const char *preamble, struct output *outputs, size_t *count)
{
    struct arena *arena = &manifest->arena;
    const char *name = arguments->name;
    crim_write(manifest, begin_output(arena, name, ".bin", outputs, count));
    for (size_t i = 0; i < manifest->cultures.count; i++) {
        const char *end = arena_printf(arena, OUTPUT_MESSAGES_FORMAT, "", i + 1);
        message_table_write(manifest, manifest->cultures.item[i],
                            begin_output(arena, name, end, outputs, count));
    }
    output_resource_script(manifest, name, begin_output(arena, name, ".rc", outputs, count));
    output_header(manifest, name, arguments->types,
                  begin_output(arena, name, ".h", outputs, count));
    output_markdown(manifest, preamble, begin_output(arena, name, ".md", outputs, count));
}

static enum status write_outputs(struct manifest *manifest, const struct arguments *arguments,
                                 const char *preamble)
{
    size_t count = 0;
    size_t most = OUTPUTS_BESIDE_MESSAGES + manifest->cultures.count;
    struct output *outputs = arena_alloc(&manifest->arena, most * sizeof *outputs);
    make_outputs(manifest, arguments, preamble, outputs, &count);
    enum status status = os_make_folders(arguments->folder, false);
    if (status == STATUS_OK)
        status = write_files(arguments->folder, outputs, count);
    for (size_t i = 0; i < count; i++)
        buffer_free(&outputs[i].data);
    return status;
}

static enum status compile(struct manifest *manifest, const struct arguments *arguments)
{
    char *preamble = NULL;
    char *data = NULL;
    size_t size;
    enum status status = os_read_file(arguments->manifest, XML_SIZE_MAX, &data, &size);
    if (status == STATUS_OK)
        status = manifest_read(manifest, arguments->manifest, data, size);
    free(data);
    if (status == STATUS_OK && arguments->preamble)
        status = os_read_file(arguments->preamble, PREAMBLE_MAX, &preamble, &size);
    if (status == STATUS_OK)
        status = write_outputs(manifest, arguments, preamble);
    free(preamble);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct manifest manifest = {0};
    if (os_arguments(&argc, &argv) != STATUS_OK)
        return report("vrepmc: ", EXIT_USAGE);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        os_print(false, help);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        os_print(false, "vrepmc " VREP_VERSION "\n");
        return 0;
    }
    if (parse_arguments(argc, argv, &arguments) != STATUS_OK)
        return report("vrepmc: ", EXIT_USAGE);
    if (!arguments.name)
        arguments.name = default_name(&manifest.arena, arguments.manifest);
    if (!arguments.types)
        arguments.types = "etw/event_types.h";
    if (check_names(&arguments) != STATUS_OK) {
        manifest_free(&manifest);
        return report("vrepmc: ", EXIT_USAGE);
    }
    int exit_code = 0;
    if (compile(&manifest, &arguments) != STATUS_OK)
        exit_code = report(who_reports(&manifest), EXIT_FAILED);
    manifest_free(&manifest);
    return exit_code;
}
