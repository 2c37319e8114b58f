#include "service/vm_events.h"

uint32_t event_code(const struct status_details *details)
{
    return details->os_code ? details->os_code : (uint32_t)details->status;
}

const char *event_advice(const struct status_details *details, const char *otherwise)
{
    return details->action[0] ? details->action : otherwise;
}

void vm_event_required(const struct service_context *context, const struct relationship *r)
{
    EventWriteResynchronizeRequired(context->events, r->name, r->id.bytes,
                                    resynchronize_reason_text(r->reason));
    EventWriteHealthResynchronizeRequired(context->events, r->name, r->id.bytes);
}

void vm_event_refused(const struct service_context *context, const struct relationship *r,
                      const char *account, const char *client)
{
    const struct status_details why = *status_last();
    switch (why.event_id) {
    case RefusedInState_value:
        EventWriteRefusedInState(context->events, r->name, r->id.bytes, why.message, why.action,
                                 account, client);
        break;
    case RefusedWhileMerging_value:
        EventWriteRefusedWhileMerging(context->events, r->name, r->id.bytes, why.message,
                                      why.action, account, client);
        break;
    case ResynchronizeNotCancellable_value:
        EventWriteResynchronizeNotCancellable(context->events, r->name, r->id.bytes, why.message,
                                              account, client, why.action);
        break;
    case StartTimeRefused_value:
        EventWriteStartTimeRefused(context->events, r->name, r->id.bytes, why.message, why.action,
                                   account, client);
        break;
    case ResynchronizeAlreadyScheduled_value:
        EventWriteResynchronizeAlreadyScheduled(context->events, r->name, r->id.bytes, why.message,
                                                why.action, account, client);
        break;
    default:
        break;
    }
    status_restore(&why);
}
