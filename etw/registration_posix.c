#include "etw/registration.h"

static enum status no_registration(void)
{
    (void)status_fail(STATUS_UNSUPPORTED, 0, "Only Windows registers event providers.");
    return status_advise(0, "Here events go to the journal by themselves: journalctl -t vrepsvc");
}

enum status event_registration_install(void)
{
    return no_registration();
}

enum status event_registration_remove(void)
{
    return no_registration();
}

enum status event_registration_describe(struct buffer *out)
{
    (void)out;
    return no_registration();
}
