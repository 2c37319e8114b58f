// What data_folder.c and its platform halves share. Not for others.
#ifndef VREP_SERVICE_CONFIGURE_DATA_FOLDER_PARTS_H
#define VREP_SERVICE_CONFIGURE_DATA_FOLDER_PARTS_H

#include "base/buffer.h"

// Names of the folders in the data folder; NULL ends them.
extern const char *const data_folder_inner[];

// Windows: appends the protection as SDDL: SYSTEM, Administrators, the service, and the account
// that it runs as (NULL: SYSTEM), each with full control that everything below inherits; nothing is
// inherited.
enum status data_folder_sddl(const char *service_sid, const char *account_sid,
                             struct buffer *out) MUST_CHECK;

#endif
