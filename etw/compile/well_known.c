#include "etw/compile/well_known.h"

#include <stddef.h>
#include <string.h>

static const struct well_known levels[] = {
    {"win:LogAlways", 0, "level.LogAlways", "Log Always"},
    {"win:Critical", 1, "level.Critical", "Critical"},
    {"win:Error", 2, "level.Error", "Error"},
    {"win:Warning", 3, "level.Warning", "Warning"},
    {"win:Informational", 4, "level.Informational", "Information"},
    {"win:Verbose", 5, "level.Verbose", "Verbose"},
    {NULL, 0, NULL, NULL}};

static const struct well_known tasks[] = {{"win:None", 0, "task.None", "None"},
                                          {NULL, 0, NULL, NULL}};

static const struct well_known opcodes[] = {{"win:Info", 0, "opcode.Info", "Info"},
                                            {"win:Start", 1, "opcode.Start", "Start"},
                                            {"win:Stop", 2, "opcode.Stop", "Stop"},
                                            {"win:DC_Start", 3, "opcode.DCStart", "DCStart"},
                                            {"win:DC_Stop", 4, "opcode.DCStop", "DCStop"},
                                            {"win:Extension", 5, "opcode.Extension", "Extension"},
                                            {"win:Reply", 6, "opcode.Reply", "Reply"},
                                            {"win:Resume", 7, "opcode.Resume", "Resume"},
                                            {"win:Suspend", 8, "opcode.Suspend", "Suspend"},
                                            {"win:Send", 9, "opcode.Send", "Send"},
                                            {"win:Receive", 240, "opcode.Receive", "Receive"},
                                            {NULL, 0, NULL, NULL}};

static const struct well_known keywords[] = {
    {"win:ResponseTime", UINT64_C(1) << 48, "keyword.ResponseTime", "Response Time"},
    {"win:WDIContext", UINT64_C(1) << 49, "keyword.WDIContext", "WDI Context"},
    {"win:WDIDiagnostic", UINT64_C(1) << 50, "keyword.WDIDiag", "WDI Diag"},
    {"win:SQM", UINT64_C(1) << 51, "keyword.SQM", "SQM"},
    {"win:AuditFailure", UINT64_C(1) << 52, "keyword.AuditFailure", "Audit Failure"},
    {"win:AuditSuccess", UINT64_C(1) << 53, "keyword.AuditSuccess", "Audit Success"},
    {"win:CorrelationHint", UINT64_C(1) << 54, "keyword.CorrelationHint", "Correlation Hint"},
    {"win:EventlogClassic", UINT64_C(1) << 55, "keyword.Classic", "Classic"},
    {NULL, 0, NULL, NULL}};

static const struct well_known channels[] = {
    {"TraceClassic", 0, "channel.TraceClassic", "TraceClassic"},
    {"System", 8, "channel.System", "System"},
    {"Application", 9, "channel.Application", "Application"},
    {"Security", 10, "channel.Security", "Security"},
    {"TraceLogging", 11, "channel.TraceLogging", "TraceLogging"},
    {"ProviderMetadata", 12, "channel.ProviderMetadata", "ProviderMetadata"},
    {NULL, 0, NULL, NULL}};

static const struct well_known *find(const struct well_known *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

const struct well_known *well_known_level(const char *name)
{
    return find(levels, name);
}

const struct well_known *well_known_task(const char *name)
{
    return find(tasks, name);
}

const struct well_known *well_known_opcode(const char *name)
{
    return find(opcodes, name);
}

const struct well_known *well_known_keyword(const char *name)
{
    return find(keywords, name);
}

const struct well_known *well_known_channel(const char *name)
{
    return find(channels, name);
}

const char *well_known_text(const char *string)
{
    static const struct well_known *const tables[] = {levels, tasks, opcodes, keywords, channels};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct well_known *entry = tables[i]; entry->name; entry++)
            if (strcmp(entry->string, string) == 0)
                return entry->text;
    return NULL;
}
