#include "vhd/tool/verbs.h"

#include <string.h>

#define BIT(option)         (1u << (option))
#define GENERAL_OPTIONS     (BIT(OPTION_BACKEND) | BIT(OPTION_HELP) | BIT(OPTION_QUIET))
#define COMPARE_EXIT_FAILED 2 // 1 says "different"
#define CHECK_EXIT_FAILED   1 // 2 says "problems"; wrong words are no look either

static const struct verb verbs[] = {
    {"info", verb_info, 1, BIT(OPTION_JSON), OPTION_COUNT, EXIT_FAILED, EXIT_USAGE, "FILE [--json]",
     "Shows what a disk is: format, sizes, identity, parent.",
     "  --json    one JSON object; names are stable, what a format does not have is null\n"},
    {"map", verb_map, 1, BIT(OPTION_JSON) | BIT(OPTION_LEAF), OPTION_COUNT, EXIT_FAILED, EXIT_USAGE,
     "FILE [--leaf] [--json]", "Lists which ranges hold data and which are known to be zero.",
     "  --leaf    what this file alone holds: data, zero, or parent (look there)\n"
     "  --json    an array of {\"offset\", \"length\", \"kind\"}\n"},
    {"cat", verb_cat, 1, BIT(OPTION_OFFSET) | BIT(OPTION_LENGTH), OPTION_COUNT, EXIT_FAILED,
     EXIT_USAGE, "FILE [--offset N] [--length N]",
     "Writes the disk's content, seen through all parents, to standard output.",
     "  --offset N    where to begin; default 0\n"
     "  --length N    how many bytes; default: to the end of the disk\n"},
    {"write", verb_write, 1, BIT(OPTION_OFFSET) | BIT(OPTION_LENGTH) | BIT(OPTION_FORCE),
     OPTION_OFFSET, EXIT_FAILED, EXIT_USAGE, "FILE --offset N [--length N] [--force]",
     "Writes standard input into the disk.",
     "  --offset N    where to begin\n"
     "  --length N    how many bytes the input has; needed for more than 64 MiB from a pipe.\n"
     "                What would not fit is refused before anything is written.\n"
     "  --force       even when another disk names this one as its parent (that one is then "
     "lost)\n"},
    {"create", verb_create, 1,
     BIT(OPTION_SIZE) | BIT(OPTION_FORMAT) | BIT(OPTION_TYPE) | BIT(OPTION_BLOCK_SIZE) |
         BIT(OPTION_LOGICAL_SECTOR) | BIT(OPTION_PHYSICAL_SECTOR),
     OPTION_SIZE, EXIT_FAILED, EXIT_USAGE,
     "FILE --size N [--format vhd|vhdx] [--type fixed|dynamic] [--block-size N] "
     "[--logical-sector N] [--physical-sector N]",
     "Creates a disk that reads as zeros.",
     "  --size N             the disk's size\n"
     "  --format vhd|vhdx    default: by the extension of FILE, else vhdx\n"
     "  --type fixed|dynamic default: dynamic\n"
     "  --block-size N       VHDX: 1M to 256M, default 32M; VHD: 512K or 2M (the default)\n"
     "  --logical-sector N   512 (the default) or, VHDX only, 4096\n"
     "  --physical-sector N  VHDX only: 512 or 4096 (the default)\n"},
    {"child", verb_child, 1, BIT(OPTION_PARENT) | BIT(OPTION_BLOCK_SIZE), OPTION_PARENT,
     EXIT_FAILED, EXIT_USAGE, "CHILD --parent FILE [--block-size N]",
     "Creates a differencing disk over another one.",
     "  --parent FILE    the disk to make it over; it must not be written while the child "
     "exists\n"
     "  --block-size N   VHDX: 1M to 256M; VHD: 512K or 2M; default 2M\n"},
    {"merge", verb_merge, 1, BIT(OPTION_LEVELS) | BIT(OPTION_FORCE), OPTION_COUNT, EXIT_FAILED,
     EXIT_USAGE, "CHILD [--levels N] [--force]",
     "Copies a child's content into its parent and deletes the child.",
     "  --levels N    merge the parent on into its own parent, too (2), and so on; default 1\n"
     "  --force       even an incomplete resynchronization (*.part.avhdx), a child that has "
     "children,\n"
     "                or one whose parent has other children (those are then lost)\n"
     "An interrupted merge is finished by running it again. Ctrl-C stops it at a safe point.\n"},
    {"resize", verb_resize, 1, BIT(OPTION_SIZE) | BIT(OPTION_UNSAFE), OPTION_SIZE, EXIT_FAILED,
     EXIT_USAGE, "FILE --size N [--unsafe]", "Gives a disk another size.",
     "  --size N    the new size; what is added reads as zeros\n"
     "  --unsafe    cut off what is not zero, too; it is lost. Without, that is refused before\n"
     "              anything is written\n"
     "Partitions and file systems in the disk are not changed: shrink those before, grow them\n"
     "after. Refused: a disk that has children, and a differencing VHD.\n"},
    {"compact", verb_compact, 1, 0, OPTION_COUNT, EXIT_FAILED, EXIT_USAGE, "FILE",
     "Makes the file of a dynamic disk smaller: blocks of zeros lose their room.",
     "The disk's content and its children are not affected. Ctrl-C stops it at a safe point, and\n"
     "it can be run again.\n"},
    {"set", verb_set, 1, BIT(OPTION_VIRTUAL_DISK_ID) | BIT(OPTION_PHYSICAL_SECTOR), OPTION_COUNT,
     EXIT_FAILED, EXIT_USAGE, "FILE [--virtual-disk-id GUID|new] [--physical-sector N]",
     "Changes what a guest sees of the disk's identity.",
     "  --virtual-disk-id GUID|new  the id that a guest knows the disk by\n"
     "  --physical-sector N         VHDX only: 512 or 4096\n"
     "Refused for a disk that has children.\n"},
    {"check", verb_check, 1, BIT(OPTION_REPAIR) | BIT(OPTION_JSON), OPTION_COUNT, CHECK_EXIT_FAILED,
     CHECK_EXIT_FAILED, "FILE [--repair] [--json]",
     "Checks the structure of one file, however damaged it is.",
     "  --repair    mends what needs no guess about the contents\n"
     "  --json      one JSON object with all findings\n"
     "Nothing is written without --repair. A finding is a Note (harmless), Repairable, or Damage\n"
     "(contents are or may be lost).\n"
     "Exit codes: 0 no problems, or all of them repaired; 2 problems; 1 could not be checked.\n"},
    {"compare", verb_compare, 2, 0, OPTION_COUNT, COMPARE_EXIT_FAILED, EXIT_USAGE, "A B",
     "Compares the contents of two disks of any formats.",
     "Exit codes: 0 the same, 1 different, 2 failed.\n"},
    {"convert", verb_convert, 2, BIT(OPTION_FORMAT) | BIT(OPTION_TYPE) | BIT(OPTION_BLOCK_SIZE),
     OPTION_COUNT, EXIT_FAILED, EXIT_USAGE,
     "IN OUT [--format vhd|vhdx] [--type fixed|dynamic] [--block-size N]",
     "Copies a disk, with what it has from its parents, into a new one.",
     "  --format vhd|vhdx    default: by the extension of OUT, else vhdx\n"
     "  --type fixed|dynamic default: dynamic\n"
     "  --block-size N       as for create\n"
     "OUT must not exist. Ranges that are zero take no room in a dynamic disk.\n"},
    {"hrl info", verb_hrl_info, 1, BIT(OPTION_JSON), OPTION_COUNT, EXIT_FAILED, EXIT_USAGE,
     "LOG [--json]", "Shows what a Hyper-V Replica log is: state, writes, identity, origin.",
     "  --json    one JSON object; names are stable, what the log does not have is null\n"
     "A log that was not closed, or is being written, is shown as far as it is complete.\n"},
    {"hrl check", verb_hrl_check, 1, BIT(OPTION_JSON), OPTION_COUNT, CHECK_EXIT_FAILED,
     CHECK_EXIT_FAILED, "LOG [--json]",
     "Checks the structure of a log and all of its data; nothing is ever repaired.",
     "  --json    one JSON object with all findings\n"
     "Exit codes: 0 no problems, 2 problems, 1 could not be checked.\n"},
    {"hrl cat", verb_hrl_cat, 1, BIT(OPTION_JSON), OPTION_COUNT, EXIT_FAILED, EXIT_USAGE,
     "LOG [--json]", "Lists the writes in a log, oldest first.",
     "  --json    an array of {\"number\", \"group\", \"offset\", \"length\", \"time\", "
     "\"dataChecksum\"}\n"
     "Writes of one group came into the log together. Hyper-V records no checksums of data.\n"},
    {"hrl apply", verb_hrl_apply, 2, BIT(OPTION_FORCE), OPTION_COUNT, EXIT_FAILED, EXIT_USAGE,
     "LOG DISK [--force]", "Makes the writes in a log on a disk, in their order.",
     "  --force    even a log that was not closed, as far as it is complete; even a disk that "
     "another\n"
     "             one names as its parent (that one is then lost)\n"
     "A log with a write that is not on the disk is refused before anything is written. Applying\n"
     "a log again does no harm.\n"},
};

#define VERB_COUNT (sizeof verbs / sizeof *verbs)

// How many of `words` the verb's name takes; 0 when they are not its name.
static int match(const struct verb *verb, int count, char *const words[])
{
    const char *second = strchr(verb->name, ' ');
    size_t first = second ? (size_t)(second - verb->name) : strlen(verb->name);
    if (strlen(words[0]) != first || strncmp(words[0], verb->name, first) != 0)
        return 0;
    if (!second)
        return 1;
    return count > 1 && strcmp(words[1], second + 1) == 0 ? 2 : 0;
}

const struct verb *verb_find(int count, char *const words[], int *used)
{
    for (size_t i = 0; i < VERB_COUNT && count > 0; i++) {
        int taken = match(&verbs[i], count, words);
        if (taken > 0) {
            *used = taken;
            return &verbs[i];
        }
    }
    return NULL;
}

uint32_t verb_options(const struct verb *verb)
{
    return verb->options | GENERAL_OPTIONS;
}

static bool belongs(const struct verb *verb, const char *prefix)
{
    return strncmp(verb->name, prefix, strlen(prefix)) == 0;
}

bool verbs_have(const char *prefix)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (belongs(&verbs[i], prefix))
            return true;
    return false;
}

enum status verbs_help(const char *prefix, struct buffer *out)
{
    enum status status =
        buffer_printf(out, "vrepdisk " VREP_VERSION ": works on VHD and VHDX files.\n\n");
    for (size_t i = 0; i < VERB_COUNT && status == STATUS_OK; i++)
        if (belongs(&verbs[i], prefix))
            status = buffer_printf(out, "  vrepdisk %s %s\n      %s\n", verbs[i].name,
                                   verbs[i].synopsis, verbs[i].summary);
    if (status != STATUS_OK)
        return status;
    return buffer_printf(
        out,
        "\nSizes are bytes; K, M, G and T after a number mean powers of 1024. "
        "Options may stand anywhere.\nEvery verb takes these, too:\n"
        "  --backend native|virtdisk  whose code works on the files: vrepdisk's own, or "
        "Windows'.\n"
        "                             Default: virtdisk where there is one, else native\n"
        "  --quiet                    no progress bar\n"
        "  --help                     explains the verb\n"
        "Exit codes: 0 done, 1 failed, 2 wrong usage (compare: 0 same, 1 different, 2 failed;\n"
        "check: 0 no problems, 2 problems, 1 could not be checked).\n");
}

enum status verb_help(const struct verb *verb, struct buffer *out)
{
    return buffer_printf(out, "vrepdisk %s %s\n%s\n%s", verb->name, verb->synopsis, verb->summary,
                         verb->help);
}
