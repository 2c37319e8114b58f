#include "tests/support/temp.h"

#include <stdio.h>

#include "base/os.h"
#include "tests/support/must.h"
#include "tests/support/temp_os.h"

#define FOLDERS_MAX 256

static char *folders[FOLDERS_MAX];
static size_t folder_count;

static void remove_tree(const char *path);

static bool remove_entry(void *context, const char *name)
{
    char *path = must(os_path_join(context, name));
    if (temp_os_is_folder(path))
        remove_tree(path);
    else
        temp_os_remove_file(path);
    free(path);
    return true;
}

static void remove_tree(const char *path)
{
    char *folder = must_copy(path);
    if (os_list_folder(folder, remove_entry, folder) == STATUS_OK)
        temp_os_remove_folder(folder);
    free(folder);
}

static void remove_all(void)
{
    for (size_t i = 0; i < folder_count; i++) {
        if (folders[i])
            remove_tree(folders[i]);
        free(folders[i]);
    }
    folder_count = 0;
}

const char *temp_folder(void)
{
    if (folder_count == FOLDERS_MAX) {
        fputs("test support: too many temporary folders\n", stderr);
        abort();
    }
    if (folder_count == 0)
        atexit(remove_all);
    uint64_t unique;
    char name[64];
    char *base = temp_os_base();
    if (os_random(&unique, sizeof unique) != STATUS_OK)
        abort();
    snprintf(name, sizeof name, "vrep-test-%016llx", (unsigned long long)unique);
    char *folder = must(os_path_join(base, name));
    free(base);
    if (os_make_folders(folder, false) != STATUS_OK) {
        fprintf(stderr, "test support: %s\n", status_last()->message);
        abort();
    }
    folders[folder_count++] = folder;
    return folder;
}

char *temp_path(const char *folder, const char *name)
{
    return must(os_path_join(folder, name));
}

void temp_remove(const char *folder)
{
    for (size_t i = 0; i < folder_count; i++) {
        if (folders[i] != folder)
            continue;
        remove_tree(folder);
        free(folders[i]);
        folders[i] = NULL;
        return;
    }
}
