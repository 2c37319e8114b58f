// What the system's page cache holds of a file after it was read in order: data that was, and is to
// be, read, and no holes.
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/os.h"
#include "tests/support/temp.h"
#include "vhd/file/file.h"

#define MIB  ((size_t)1 << 20)
#define SIZE (24 * MIB) // data, a hole of 8 MiB, data
#define STEP ((size_t)256 << 10)
#define PAGE ((size_t)4096)

static char *path;

static int prepare(void **state)
{
    (void)state;
    path = temp_path(temp_folder(), "disk.raw");
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    free(path);
    return 0;
}

static size_t cached_pages(int fd, size_t from, size_t length)
{
    static unsigned char pages[SIZE / PAGE];
    size_t count = 0;
    void *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(mincore(map, SIZE, pages), 0);
    munmap(map, SIZE);
    for (size_t i = from / PAGE; i < (from + length) / PAGE; i++)
        count += pages[i] & 1;
    return count;
}

// Makes the file, lets the cache forget it, and opens it both ways. Skips where that cannot be.
static struct file *open_forgotten(int *fd)
{
    const struct file_system *fs = file_system_os();
    struct file_open how = {.share = FILE_SHARE_DENY_WRITE};
    struct file *file;
    uint8_t *data = malloc(8 * MIB);
    assert_non_null(data);
    memset(data, 0x5a, 8 * MIB);
    *fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(*fd >= 0);
    assert_int_equal(ftruncate(*fd, (off_t)SIZE), 0);
    assert_int_equal(pwrite(*fd, data, 8 * MIB, 0), 8 * MIB);
    assert_int_equal(pwrite(*fd, data, 8 * MIB, (off_t)(16 * MIB)), 8 * MIB);
    free(data);
    assert_int_equal(fsync(*fd), 0);
    assert_int_equal(posix_fadvise(*fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    if (cached_pages(*fd, 0, SIZE) > 0 || lseek(*fd, 0, SEEK_HOLE) >= (off_t)SIZE) {
        close(*fd);
        print_message("this file system keeps what it is told to forget, or knows no holes\n");
        skip();
    }
    assert_int_equal(fs->open(fs, path, &how, &file), STATUS_OK);
    return file;
}

static void read_in_order(struct file *file, size_t from, size_t to)
{
    uint8_t *data = os_alloc_data(STEP);
    assert_non_null(data);
    for (size_t at = from; at < to; at += STEP) {
        assert_int_equal(file_read(file, at, data, STEP), STATUS_OK);
        assert_int_equal(data[0], 0x5a);
        assert_int_equal(data[STEP - 1], 0x5a);
    }
    os_free_data(data);
}

static void read__in_order__holes_stay_out_of_the_cache(void **state)
{
    (void)state;
    int fd;
    struct file *file = open_forgotten(&fd);
    read_in_order(file, 0, 8 * MIB);
    read_in_order(file, 16 * MIB, 24 * MIB);
    assert_int_equal(cached_pages(fd, 0, 8 * MIB), 8 * MIB / PAGE);
    assert_int_equal(cached_pages(fd, 8 * MIB, 8 * MIB), 0);
    assert_int_equal(cached_pages(fd, 16 * MIB, 8 * MIB), 8 * MIB / PAGE);
    file_close(file);
    close(fd);
}

static void read__in_order__the_system_reads_ahead(void **state)
{
    (void)state;
    int fd;
    struct file *file = open_forgotten(&fd);
    read_in_order(file, 0, 2 * STEP);
    assert_true(cached_pages(fd, 2 * STEP, 4 * STEP) > 0);
    file_close(file);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__in_order__holes_stay_out_of_the_cache),
        cmocka_unit_test(read__in_order__the_system_reads_ahead),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
