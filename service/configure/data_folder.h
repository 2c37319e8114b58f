// The data folder as an installer makes and removes it; what is in it is docs/architecture.md,
// "State on disk".
#ifndef VREP_SERVICE_CONFIGURE_DATA_FOLDER_H
#define VREP_SERVICE_CONFIGURE_DATA_FOLDER_H

#include <stdbool.h>

#include "base/buffer.h"

// Creates the folder and those in it, for their owner only. *made: nothing of it was there.
// STATUS_REFUSED: a root, or a folder in which others have their files.
enum status data_folder_make(const char *folder, bool *made) MUST_CHECK;

// Windows: SYSTEM, Administrators, the service's own SID and the account that it runs as may do
// everything in it, nobody else anything, whatever was so before; and that account may log on as a
// service. An account that is not known now is told in `report` and no failure. Elsewhere:
// data_folder_make has done it.
enum status data_folder_protect(const char *folder, const char *instance,
                                struct buffer *report) MUST_CHECK;

// Removes what data_folder_make has made, as far as it is empty.
void data_folder_unmake(const char *folder);

// Removes every file of the service, and the folder when it is empty then. What is not the
// service's, disks above all, stays with the folders that hold it, and is named in `report`.
// STATUS_IN_USE: a service runs on it. A folder that does not exist is fine.
enum status data_folder_remove(const char *folder, struct buffer *report) MUST_CHECK;

#endif
