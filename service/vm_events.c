#include "service/vm_events.h"

void vm_event_required(const struct service_context *context, const struct relationship *r)
{
    VM_EVENT(context, EVENT_RESYNCHRONIZE_REQUIRED, r,
             EVENT_STRING(resynchronize_reason_text(r->reason)));
    VM_EVENT_PLAIN(context, EVENT_HEALTH_RESYNCHRONIZE_REQUIRED, r);
}

void vm_event_refused(const struct service_context *context, const struct relationship *r,
                      const char *account, const char *client)
{
    const struct status_details why = *status_last();
    if (why.event_id == EVENT_REFUSED_IN_STATE || why.event_id == EVENT_REFUSED_WHILE_MERGING ||
        why.event_id == EVENT_RESYNCHRONIZE_NOT_CANCELLABLE)
        VM_EVENT(context, why.event_id, r, EVENT_STRING(why.message), EVENT_STRING(account),
                 EVENT_STRING(client));
    status_restore(&why);
}
