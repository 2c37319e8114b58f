// vrepdisk: qemu-img's job for VHD and VHDX.
#include <string.h>

#include "base/buffer.h"
#include "base/os.h"
#include "vhd/tool/tool.h"

#define EXIT_FAILED         1
#define EXIT_USAGE          2
#define COMPARE_EXIT_FAILED 2 // 1 says "different"

#define BIT(option) (1u << (option))

struct verb {
    const char *name;
    enum status (*run)(const struct arguments *a, int *exit_code);
    unsigned files;
    uint32_t options;
    enum option required; // OPTION_COUNT: none
    int failure;          // exit code
    const char *synopsis;
    const char *summary;
    const char *help;
};

static const struct verb verbs[] = {
    {"info", verb_info, 1, BIT(OPTION_JSON), OPTION_COUNT, EXIT_FAILED, "FILE [--json]",
     "Shows what a disk is: format, sizes, identity, parent.",
     "  --json    one JSON object; names are stable, what a format does not have is null\n"},
    {"map", verb_map, 1, BIT(OPTION_JSON) | BIT(OPTION_LEAF), OPTION_COUNT, EXIT_FAILED,
     "FILE [--leaf] [--json]", "Lists which ranges hold data and which are known to be zero.",
     "  --leaf    what this file alone holds: data, zero, or parent (look there)\n"
     "  --json    an array of {\"offset\", \"length\", \"kind\"}\n"},
    {"cat", verb_cat, 1, BIT(OPTION_OFFSET) | BIT(OPTION_LENGTH), OPTION_COUNT, EXIT_FAILED,
     "FILE [--offset N] [--length N]",
     "Writes the disk's content, seen through all parents, to standard output.",
     "  --offset N    where to begin; default 0\n"
     "  --length N    how many bytes; default: to the end of the disk\n"},
    {"write", verb_write, 1, BIT(OPTION_OFFSET) | BIT(OPTION_LENGTH) | BIT(OPTION_FORCE),
     OPTION_OFFSET, EXIT_FAILED, "FILE --offset N [--length N] [--force]",
     "Writes standard input into the disk.",
     "  --offset N    where to begin\n"
     "  --length N    how many bytes the input has; needed for more than 64 MiB from a pipe.\n"
     "                What would not fit is refused before anything is written.\n"
     "  --force       even when another disk names this one as its parent (that one is then "
     "lost)\n"},
    {"create", verb_create, 1,
     BIT(OPTION_SIZE) | BIT(OPTION_FORMAT) | BIT(OPTION_TYPE) | BIT(OPTION_BLOCK_SIZE) |
         BIT(OPTION_LOGICAL_SECTOR),
     OPTION_SIZE, EXIT_FAILED,
     "FILE --size N [--format vhd|vhdx] [--type fixed|dynamic] [--block-size N] "
     "[--logical-sector N]",
     "Creates a disk that reads as zeros.",
     "  --size N             the disk's size\n"
     "  --format vhd|vhdx    default: by the extension of FILE, else vhdx\n"
     "  --type fixed|dynamic default: dynamic\n"
     "  --block-size N       VHDX: 1M to 256M, default 32M; VHD: 512K or 2M (the default)\n"
     "  --logical-sector N   512 (the default) or, VHDX only, 4096\n"},
    {"child", verb_child, 1, BIT(OPTION_PARENT), OPTION_PARENT, EXIT_FAILED, "CHILD --parent FILE",
     "Creates a differencing disk over a VHDX.",
     "  --parent FILE    the disk to make it over; it must not be written while the child "
     "exists\n"},
    {"merge", verb_merge, 1, BIT(OPTION_FORCE), OPTION_COUNT, EXIT_FAILED, "CHILD [--force]",
     "Copies a child's content into its parent and deletes the child.",
     "  --force    even an incomplete resynchronization (*.part.avhdx), a child that has "
     "children,\n"
     "             or one whose parent has other children\n"
     "An interrupted merge is finished by running it again.\n"},
    {"compare", verb_compare, 2, 0, OPTION_COUNT, COMPARE_EXIT_FAILED, "A B",
     "Compares the contents of two disks of any formats.",
     "Exit codes: 0 the same, 1 different, 2 failed.\n"},
    {"convert", verb_convert, 2, BIT(OPTION_FORMAT) | BIT(OPTION_TYPE) | BIT(OPTION_BLOCK_SIZE),
     OPTION_COUNT, EXIT_FAILED,
     "IN OUT [--format vhd|vhdx] [--type fixed|dynamic] [--block-size N]",
     "Copies a disk, with what it has from its parents, into a new one.",
     "  --format vhd|vhdx    default: by the extension of OUT, else vhdx\n"
     "  --type fixed|dynamic default: dynamic\n"
     "  --block-size N       as for create\n"
     "OUT must not exist. Ranges that are zero take no room in a dynamic disk.\n"},
};

#define VERB_COUNT (sizeof verbs / sizeof *verbs)

static enum status print(enum status formatted, struct buffer *text)
{
    enum status status = formatted == STATUS_OK ? tool_print(text) : formatted;
    buffer_free(text);
    return status;
}

static enum status print_help(void)
{
    struct buffer text = {0};
    enum status status =
        buffer_printf(&text, "vrepdisk " VREP_VERSION ": works on VHD and VHDX files.\n\n");
    for (size_t i = 0; i < VERB_COUNT && status == STATUS_OK; i++)
        status = buffer_printf(&text, "  vrepdisk %s %s\n      %s\n", verbs[i].name,
                               verbs[i].synopsis, verbs[i].summary);
    if (status == STATUS_OK)
        status = buffer_printf(
            &text, "\nSizes are bytes; K, M, G and T after a number mean powers of 1024. "
                   "Options may stand anywhere.\n"
                   "vrepdisk VERB --help explains a verb. Exit codes: 0 done, 1 failed, "
                   "2 wrong usage (compare: 0 same, 1 different, 2 failed).\n");
    return print(status, &text);
}

static enum status print_version(void)
{
    struct buffer text = {0};
    return print(buffer_printf(&text, "vrepdisk " VREP_VERSION "\n"), &text);
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int report_failure(int exit_code)
{
    const struct status_details *details = status_last();
    struct buffer text = {0};
    if (buffer_printf(&text, "vrepdisk: %s\n", details->message) == STATUS_OK &&
        (!details->action[0] || buffer_printf(&text, "%s\n", details->action) == STATUS_OK))
        os_print(true, (const char *)text.data);
    buffer_free(&text);
    return exit_code;
}

static int run_verb(const struct verb *verb, int count, char *const words[])
{
    struct arguments arguments;
    struct buffer text = {0};
    int exit_code = 0;

    enum status status =
        arguments_parse(count, words, verb->options | BIT(OPTION_HELP), &arguments);
    if (status == STATUS_OK && arguments_have(&arguments, OPTION_HELP)) {
        status = buffer_printf(&text, "vrepdisk %s %s\n%s\n%s", verb->name, verb->synopsis,
                               verb->summary, verb->help);
        return print(status, &text) == STATUS_OK ? 0 : report_failure(EXIT_FAILED);
    }
    bool complete = status == STATUS_OK && arguments.file_count == verb->files &&
                    (verb->required == OPTION_COUNT || arguments_have(&arguments, verb->required));
    if (status == STATUS_OK && !complete)
        status = status_fail(STATUS_INVALID_ARGUMENT, 0, "wrong number of arguments.");
    if (status != STATUS_OK) {
        (void)status_advise(0, "Usage: vrepdisk %s %s", verb->name, verb->synopsis);
        return report_failure(EXIT_USAGE);
    }
    status = verb->run(&arguments, &exit_code);
    return status == STATUS_OK ? exit_code : report_failure(verb->failure);
}

int main(int argc, char **argv)
{
    if (os_arguments(&argc, &argv) != STATUS_OK)
        return report_failure(EXIT_USAGE);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        int exit_code = argc < 2 ? EXIT_USAGE : 0;
        return print_help() == STATUS_OK ? exit_code : report_failure(EXIT_FAILED);
    }
    if (strcmp(argv[1], "--version") == 0)
        return print_version() == STATUS_OK ? 0 : report_failure(EXIT_FAILED);
    const struct verb *verb = find_verb(argv[1]);
    if (verb)
        return run_verb(verb, argc - 2, argv + 2);
    (void)status_fail(STATUS_INVALID_ARGUMENT, 0, "there is no verb \"%s\".", argv[1]);
    (void)status_advise(0, "vrepdisk --help lists them.");
    return report_failure(EXIT_USAGE);
}
