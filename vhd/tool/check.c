// check: is the structure of a file what its format demands?
#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "vhd/hrl.h"
#include "vhd/tool/tool.h"

#define EXIT_PROBLEMS 2

// What a checker finds, in the order of its telling; it tells only the first few of each kind.
struct report {
    struct progress progress;
    json_t *findings;   // with --json
    struct buffer text; // otherwise
    enum status status; // of taking it down
};

static const char *kind_name(enum vhd_problem_kind kind)
{
    switch (kind) {
    case VHD_PROBLEM_NOTE:
        return "Note";
    case VHD_PROBLEM_REPAIRABLE:
        return "Repairable";
    case VHD_PROBLEM_DAMAGE:
        break;
    }
    return "Damage";
}

static enum status add_json(json_t *findings, const struct vhd_problem *problem)
{
    json_t *object = json_object();
    if (json_array_append_new(findings, object) != 0)
        return status_no_memory("the findings");
    enum status status = js_put_string(object, "Kind", kind_name(problem->kind));
    if (status == STATUS_OK)
        status = js_put_string(object, "Name", problem->name);
    if (status == STATUS_OK)
        status = js_put_string(object, "Message", problem->message);
    if (status == STATUS_OK)
        status = js_put_bool(object, "Repaired", problem->repaired);
    return status;
}

static void take_down(void *context, const struct vhd_problem *problem)
{
    struct report *report = context;
    if (report->status != STATUS_OK)
        return;
    if (report->findings)
        report->status = add_json(report->findings, problem);
    else
        report->status =
            buffer_printf(&report->text, "%-11s%s: %s%s\n", kind_name(problem->kind), problem->name,
                          problem->message, problem->repaired ? " Repaired." : "");
}

static bool step(void *context, uint64_t done, uint64_t total)
{
    struct report *report = context;
    return progress_step(&report->progress, done, total);
}

static enum status fill_json(json_t *object, const char *path, const struct vhd_checked *checked,
                             json_t *findings)
{
    enum status status = js_put_string(object, "Path", path);
    if (status == STATUS_OK)
        status = js_put_u64(object, "Notes", checked->notes);
    if (status == STATUS_OK)
        status = js_put_u64(object, "Problems", checked->problems);
    if (status == STATUS_OK)
        status = js_put_u64(object, "Repaired", checked->repaired);
    if (status == STATUS_OK)
        status = js_put_new(object, "Findings", json_incref(findings));
    return status;
}

static enum status show_json(struct report *report, const char *path,
                             const struct vhd_checked *checked)
{
    json_t *object = json_object();
    enum status status = object ? fill_json(object, path, checked, report->findings)
                                : status_no_memory("the findings");
    if (status == STATUS_OK)
        status = tool_put_json(object, &report->text);
    json_decref(object);
    return status;
}

static enum status show_text(struct report *report, const char *path,
                             const struct vhd_checked *checked)
{
    if (checked->problems == 0)
        return buffer_printf(&report->text, "%s: no problems.\n", path);
    return buffer_printf(&report->text, "%s: problems: %" PRIu64 ", repaired: %" PRIu64 ".\n", path,
                         checked->problems, checked->repaired);
}

// A check that did not come to its end: what it has found so far is told nevertheless.
static enum status show_unfinished(struct report *report)
{
    const struct status_details failure = *status_last();
    enum status status = tool_print(&report->text);
    return status == STATUS_OK ? status_restore(&failure) : status;
}

// `check`: vhd_check or hrl_check.
static enum status run_check(const struct arguments *a, int *exit_code,
                             enum status (*check)(const char *path, const struct vhd_check *how,
                                                  struct vhd_checked *out))
{
    struct report report = {.status = STATUS_OK};
    struct vhd_checked checked = {0};
    const struct vhd_check how = {
        .repair = arguments_have(a, OPTION_REPAIR),
        .problem = take_down,
        .progress = step,
        .context = &report,
    };
    bool json = arguments_have(a, OPTION_JSON);
    if (json && !(report.findings = json_array()))
        return status_no_memory("the findings");
    interrupt_watch();
    progress_start(&report.progress, "checking");
    enum status status = check(a->files[0], &how, &checked);
    progress_end(&report.progress);
    if (status != STATUS_OK)
        status = show_unfinished(&report);
    else
        status = report.status;
    if (status == STATUS_OK)
        status = json ? show_json(&report, a->files[0], &checked)
                      : show_text(&report, a->files[0], &checked);
    if (status == STATUS_OK)
        status = tool_print(&report.text);
    if (status == STATUS_OK && checked.problems > checked.repaired)
        *exit_code = EXIT_PROBLEMS;
    buffer_free(&report.text);
    json_decref(report.findings);
    return status;
}

enum status verb_check(const struct arguments *a, int *exit_code)
{
    enum status status = run_check(a, exit_code, vhd_check);
    if (status == STATUS_OK && *exit_code == EXIT_PROBLEMS && !arguments_have(a, OPTION_REPAIR))
        tool_warn("\"vrepdisk check %s --repair\" mends what is called repairable.", a->files[0]);
    return status;
}

enum status verb_hrl_check(const struct arguments *a, int *exit_code)
{
    return run_check(a, exit_code, hrl_check);
}
