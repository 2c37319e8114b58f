#include "service/configure/service_properties.h"

enum status service_properties_apply(const char *instance)
{
    (void)instance;
    return STATUS_OK;
}
