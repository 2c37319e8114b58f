// Locks between us and other programs on Linux: another process of ours, and QEMU, which keeps the
// same rules.
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "tests/support/temp.h"
#include "vhd/file/file.h"

static const char *folder;
static const struct file_system *fs;
static char *path;

static int prepare(void **state)
{
    (void)state;
    fs = file_system_os();
    folder = temp_folder();
    path = temp_path(folder, "disk.vhdx");
    struct file_open how = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    struct file *f;
    if (fs->open(fs, path, &how, &f) != STATUS_OK || f->ops->set_size(f, 1 << 20) != STATUS_OK)
        return 1;
    file_close(f);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    free(path);
    return 0;
}

static enum status open_as(bool writable, enum file_share share, struct file **out)
{
    struct file_open how = {.writable = writable, .share = share};
    return fs->open(fs, path, &how, out);
}

// A program that holds the file until its standard input ends.
struct holder {
    pid_t pid;
    int input; // closing it ends the program
    FILE *output;
};

static struct holder start(void (*program)(void *context), void *context)
{
    int to[2], from[2];
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(to[1]); // else it would keep its own input open
        close(from[0]);
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        program(context);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    return (struct holder){.pid = pid, .input = to[1], .output = fdopen(from[0], "r")};
}

static int end(struct holder *h)
{
    int status;
    close(h->input);
    waitpid(h->pid, &status, 0);
    fclose(h->output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void hold_in_child(void *context)
{
    const bool *writable = context;
    struct file *f;
    char byte;
    if (open_as(*writable, FILE_SHARE_DENY_WRITE, &f) != STATUS_OK)
        _exit(1);
    if (write(STDOUT_FILENO, "ready\n", 6) == 6)
        _exit(read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 2);
    _exit(2);
}

static void open__another_process_holds_it__in_use_by_its_name(void **state)
{
    (void)state;
    bool writable = true;
    struct holder h = start(hold_in_child, &writable);
    char line[64], pid[32];
    assert_non_null(fgets(line, sizeof line, h.output));
    struct file *f = NULL;
    assert_status(open_as(false, FILE_SHARE_DENY_WRITE, &f), STATUS_IN_USE);
    snprintf(pid, sizeof pid, "process %ld (", (long)h.pid);
    assert_non_null(strstr(status_last()->message, pid));
    assert_non_null(strstr(status_last()->action, "end process"));
    assert_int_equal(end(&h), 0);
    assert_ok(open_as(true, FILE_SHARE_NOTHING, &f)); // a process that ended holds nothing
    file_close(f);
}

static void open__this_process_holds_it__says_so(void **state)
{
    (void)state;
    struct file *a, *b = NULL;
    assert_ok(open_as(true, FILE_SHARE_NOTHING, &a));
    assert_status(open_as(false, FILE_SHARE_DENY_WRITE, &b), STATUS_IN_USE);
    assert_non_null(strstr(status_last()->message, "already open in this program"));
    file_close(a);
}

// Makes the file a VHDX (for a raw image, QEMU does not mind others), or skips the test.
static void need_qemu(void)
{
    char line[1024];
    snprintf(line, sizeof line,
             "command -v qemu-io >/dev/null && qemu-img create -q -f vhdx '%s' 8M >/dev/null 2>&1",
             path);
    if (system(line) != 0) {
        print_message("QEMU's tools are not installed\n");
        skip();
    }
}

static void run_qemu_io(void *context)
{
    const bool *writable = context;
    if (*writable)
        execlp("qemu-io", "qemu-io", "-f", "vhdx", path, (char *)NULL);
    else
        execlp("qemu-io", "qemu-io", "-r", "-f", "vhdx", path, (char *)NULL);
}

// Starts a qemu-io that has the file open: it answers a command.
static struct holder start_qemu_io(bool *writable)
{
    struct holder h = start(run_qemu_io, writable);
    static const char command[] = "length\n";
    assert_int_equal(write(h.input, command, sizeof command - 1), sizeof command - 1);
    char line[256];
    do {
        assert_non_null(fgets(line, sizeof line, h.output));
    } while (!strstr(line, "8 MiB"));
    return h;
}

static void open__qemu_writes_it__in_use_by_qemu(void **state)
{
    (void)state;
    need_qemu();
    bool writable = true;
    struct holder h = start_qemu_io(&writable);
    struct file *f = NULL;
    assert_status(open_as(false, FILE_SHARE_DENY_WRITE, &f), STATUS_IN_USE);
    assert_non_null(strstr(status_last()->message, "qemu-io"));
    assert_status(open_as(true, FILE_SHARE_DENY_WRITE, &f), STATUS_IN_USE);
    assert_status(open_as(true, FILE_SHARE_NOTHING, &f), STATUS_IN_USE);
    assert_ok(open_as(false, FILE_SHARE_ANYTHING, &f));
    file_close(f);
    assert_int_equal(end(&h), 0);
    assert_ok(open_as(true, FILE_SHARE_NOTHING, &f));
    file_close(f);
}

static void open__qemu_reads_it__reading_only(void **state)
{
    (void)state;
    need_qemu();
    bool writable = false;
    struct holder h = start_qemu_io(&writable);
    struct file *f = NULL;
    assert_ok(open_as(false, FILE_SHARE_DENY_WRITE, &f));
    file_close(f);
    assert_status(open_as(true, FILE_SHARE_DENY_WRITE, &f), STATUS_IN_USE);
    assert_status(open_as(false, FILE_SHARE_NOTHING, &f), STATUS_IN_USE);
    assert_int_equal(end(&h), 0);
}

static int qemu_io_exit(const char *options, const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "qemu-io %s -f vhdx -c '%s' '%s' >/dev/null 2>&1", options, command,
             path);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void qemu__while_we_hold_it__is_refused(void **state)
{
    (void)state;
    need_qemu();
    struct file *f;
    assert_ok(open_as(false, FILE_SHARE_DENY_WRITE, &f));
    assert_int_equal(qemu_io_exit("-r", "read 0 512"), 0);
    assert_int_not_equal(qemu_io_exit("", "write 0 512"), 0);
    file_close(f);
    assert_ok(open_as(true, FILE_SHARE_DENY_WRITE, &f));
    assert_int_not_equal(qemu_io_exit("-r", "read 0 512"), 0);
    assert_int_not_equal(qemu_io_exit("", "write 0 512"), 0);
    file_close(f);
    assert_ok(open_as(false, FILE_SHARE_NOTHING, &f));
    assert_int_not_equal(qemu_io_exit("-r", "read 0 512"), 0);
    file_close(f);
    assert_ok(open_as(false, FILE_SHARE_ANYTHING, &f));
    assert_int_equal(qemu_io_exit("", "write 0 512"), 0);
    file_close(f);
    assert_int_equal(qemu_io_exit("", "write 0 512"), 0);
}

static void open__not_a_regular_file__refused_at_once(void **state)
{
    (void)state;
    char *fifo = temp_path(folder, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    struct file_open look = {.share = FILE_SHARE_ANYTHING}, write_it = {.writable = true};
    struct file *f = NULL;
    assert_status(fs->open(fs, fifo, &look, &f), STATUS_UNSUPPORTED);
    assert_status(fs->open(fs, fifo, &write_it, &f), STATUS_UNSUPPORTED);
    assert_status(fs->open(fs, "/dev/null", &look, &f), STATUS_UNSUPPORTED);
    assert_non_null(strstr(status_last()->message, "pass-through"));
    free(fifo);
}

static void open__link_to_a_disk__is_the_disk(void **state)
{
    (void)state;
    char *link = temp_path(folder, "link");
    assert_int_equal(symlink(path, link), 0);
    struct file_open reader = {.share = FILE_SHARE_DENY_WRITE};
    struct file *a, *b;
    struct file_id x, y;
    assert_ok(fs->open(fs, path, &reader, &a));
    assert_ok(fs->open(fs, link, &reader, &b));
    assert_ok(a->ops->identify(a, &x));
    assert_ok(b->ops->identify(b, &y));
    assert_memory_equal(&x, &y, sizeof x);
    file_close(b);
    file_close(a);
    free(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open__another_process_holds_it__in_use_by_its_name),
        cmocka_unit_test(open__this_process_holds_it__says_so),
        cmocka_unit_test(open__qemu_writes_it__in_use_by_qemu),
        cmocka_unit_test(open__qemu_reads_it__reading_only),
        cmocka_unit_test(qemu__while_we_hold_it__is_refused),
        cmocka_unit_test(open__not_a_regular_file__refused_at_once),
        cmocka_unit_test(open__link_to_a_disk__is_the_disk),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
