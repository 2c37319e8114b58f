#include "service/configure/data_folder.h"

enum status data_folder_protect(const char *folder, const char *instance, struct buffer *report)
{
    (void)report;
    (void)folder;
    (void)instance;
    return STATUS_OK;
}
