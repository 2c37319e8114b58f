// Temporary folders of tests. All that is below them goes away when the program ends, or at once
// with temp_remove.
#ifndef VREP_TESTS_SUPPORT_TEMP_H
#define VREP_TESTS_SUPPORT_TEMP_H

// Creates a new empty folder below the system's temporary folder (TMPDIR, TEMP) and returns its
// absolute path, which belongs to this module and stays valid until temp_remove. Ends the program
// when it cannot.
const char *temp_folder(void);

// `folder` + separator + `name`, allocated; caller frees. Nothing is created.
char *temp_path(const char *folder, const char *name);

// Removes a folder that temp_folder made, with all that is in it.
void temp_remove(const char *folder);

#endif
