// vrepdisk: qemu-img's job for VHD, VHDX and the Hyper-V Replica Log.
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/os.h"
#include "vhd/tool/verbs.h"

static enum status print(enum status formatted, struct buffer *text)
{
    enum status status = formatted == STATUS_OK ? tool_print(text) : formatted;
    buffer_free(text);
    return status;
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

static int print_overview(const char *prefix, int exit_code)
{
    struct buffer text = {0};
    enum status status = print(verbs_help(prefix, &text), &text);
    return status == STATUS_OK ? exit_code : report_failure(EXIT_FAILED);
}

static enum status check_complete(const struct verb *verb, const struct arguments *arguments)
{
    if (arguments->file_count < verb->files)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s is missing.",
                           verb->files == 1 ? "the file" : "a file");
    if (arguments->file_count > verb->files)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "\"%s\" is one argument too many.",
                           arguments->files[verb->files]);
    if (verb->required != OPTION_COUNT && !arguments_have(arguments, verb->required))
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s is missing.",
                           option_name(verb->required));
    return STATUS_OK;
}

static enum status choose_backend(const struct arguments *arguments)
{
    enum vhd_backend backend;
    enum status status = arguments_backend(arguments, &backend);
    return status == STATUS_OK ? vhd_choose_backend(backend) : status;
}

static int run_verb(const struct verb *verb, int count, char *const words[])
{
    struct arguments arguments;
    struct buffer text = {0};
    int exit_code = 0;

    enum status status = arguments_parse(count, words, verb_options(verb), &arguments);
    if (status == STATUS_OK && arguments_have(&arguments, OPTION_HELP)) {
        status = print(verb_help(verb, &text), &text);
        return status == STATUS_OK ? 0 : report_failure(EXIT_FAILED);
    }
    if (status == STATUS_OK)
        status = check_complete(verb, &arguments);
    if (status != STATUS_OK) {
        (void)status_advise(0, "Usage: vrepdisk %s %s", verb->name, verb->synopsis);
        return report_failure(verb->misuse);
    }
    if (arguments_have(&arguments, OPTION_QUIET))
        progress_silence();
    status = choose_backend(&arguments);
    if (status == STATUS_OK)
        status = verb->run(&arguments, &exit_code);
    return status == STATUS_OK ? exit_code : report_failure(verb->failure);
}

// No verb: a family of them ("hrl"), or nonsense.
static int explain(const char *word)
{
    struct buffer prefix = {0};
    enum status status = buffer_printf(&prefix, "%s ", word);
    bool family = status == STATUS_OK && verbs_have((const char *)prefix.data);
    if (family)
        (void)print_overview((const char *)prefix.data, EXIT_USAGE);
    buffer_free(&prefix);
    if (family)
        return EXIT_USAGE;
    (void)status_fail(STATUS_INVALID_ARGUMENT, 0, "there is no verb \"%s\".", word);
    (void)status_advise(0, "vrepdisk --help lists them.");
    return report_failure(EXIT_USAGE);
}

int main(int argc, char **argv)
{
    int used = 0;
    if (os_arguments(&argc, &argv) != STATUS_OK)
        return report_failure(EXIT_USAGE);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return print_overview("", argc < 2 ? EXIT_USAGE : 0);
    if (strcmp(argv[1], "--version") == 0) {
        struct buffer text = {0};
        enum status status = print(buffer_printf(&text, "vrepdisk " VREP_VERSION "\n"), &text);
        return status == STATUS_OK ? 0 : report_failure(EXIT_FAILED);
    }
    const struct verb *verb = verb_find(argc - 1, argv + 1, &used);
    return verb ? run_verb(verb, argc - 1 - used, argv + 1 + used) : explain(argv[1]);
}
