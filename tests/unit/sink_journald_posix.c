// The journal's native protocol, received by a socket of this test.
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "etw/sink_journald_posix.h"
#include "tests/support/event_samples.h"
#include "tests/support/temp.h"

#define ENTRY_MAX (4 << 20)

static const char *folder;
static char *path;
static int journal;
static char entry[ENTRY_MAX + 1]; // the last one received
static bool by_file;              // it came as a file

static void open_journal(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(journal >= 0);
    assert_int_equal(bind(journal, (struct sockaddr *)&address, sizeof address), 0);
}

static int open_all(void **state)
{
    (void)state;
    folder = temp_folder();
    path = temp_path(folder, "journal");
    open_journal();
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    close(journal);
    free(path);
    temp_remove(folder);
    return 0;
}

static struct event_sink *open_sink(void)
{
    return sink_journald_open_at(path);
}

static const event_sink_open sinks[] = {open_sink, NULL};

static struct event_log *open_log(void)
{
    struct event_log *log;
    assert_ok(event_log_open(NULL, "unit", false, sinks, &log));
    return log;
}

static void read_file(int file)
{
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    assert_true(status.st_size <= ENTRY_MAX);
    assert_int_equal(pread(file, entry, ENTRY_MAX, 0), status.st_size);
    entry[status.st_size] = '\0';
    // The journal takes only what nobody can change any more.
    assert_int_equal(pwrite(file, "x", 1, 0), -1);
    assert_int_equal(ftruncate(file, 0), -1);
    close(file);
}

static bool receive(void)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {entry, ENTRY_MAX};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(journal, &message, 0);
    if (got < 0)
        return false;
    entry[got] = '\0';
    const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    by_file = head != NULL;
    if (by_file) {
        int file;
        memcpy(&file, CMSG_DATA(head), sizeof file);
        assert_int_equal(got, 0);
        read_file(file);
    }
    return true;
}

// The entry has the line NAME=value.
static void assert_line(const char *name, const char *value)
{
    char *line = malloc(strlen(name) + strlen(value) + 4);
    assert_non_null(line);
    sprintf(line, "\n%s=%s\n", name, value);
    const char *found = strstr(entry, line);
    if (!found && strncmp(entry, line + 1, strlen(line + 1)) != 0)
        fail_msg("no %s=%s in:\n%s", name, value, entry);
    free(line);
}

static void event__raised__is_one_entry_with_its_fields(void **state)
{
    (void)state;
    static const uint8_t vm_id[16] = {0x66, 0x77, 0xC2, 0x2D, 0x23, 0xF6, 0x00, 0x42,
                                      0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08};
    struct event_log *log = open_log();
    EventWriteMergeStalled(event_log_writer(log), "two\nlines", vm_id, "It failed.", 112, 4);
    assert_true(receive());
    assert_false(by_file);
    assert_line("PRIORITY", "4");
    assert_line("SYSLOG_IDENTIFIER", "vrepsvc");
    assert_line("VREP_EVENT_ID", "50005");
    assert_line("VREP_RECORD_ID", "1");
    assert_line("VREP_SYMBOL", "MergeStalled");
    assert_line("VREP_CHANNEL", "VRep/Admin");
    assert_line("VREP_INSTANCE", "unit");
    assert_line("VREP_VM_NAME", "two lines"); // a line break cannot make a field of its own
    assert_line("VREP_VM_ID", "2dc27766-f623-4200-9d64-115e9bfd4a08");
    assert_line("VREP_ERROR_MESSAGE", "It failed.");
    assert_line("VREP_ERROR_CODE", "0x00000070");
    assert_line("VREP_MINUTES", "4");
    assert_non_null(strstr(entry, "MESSAGE=The merge into the replica's disks of 'two lines'"));
    const char *id = strstr(entry, "\nMESSAGE_ID=");
    assert_non_null(id);
    assert_int_equal(strspn(id + 12, "0123456789abcdef"), 32);
    assert_memory_equal(id + 12 + 24, "0000c355", 8); // 50005
    assert_false(receive());
    event_log_close(log);
}

static void every_event__raised__is_an_entry_of_well_formed_lines(void **state)
{
    (void)state;
    struct event_log *log = open_log();
    size_t count;
    const struct event_definition *const *events = event_samples(&count);
    for (size_t i = 0; i < count; i++) {
        event_sample_raise(log, events[i]);
        assert_true(receive());
        size_t lines = 0;
        for (char *line = entry; *line; line = strchr(line, '\n') + 1) {
            size_t name = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
            assert_true(name > 0 && line[0] != '_' && line[name] == '=');
            assert_non_null(strchr(line, '\n'));
            lines++;
        }
        assert_int_equal(lines, 9 + events[i]->field_count);
    }
    event_log_close(log);
}

static void event__too_large_for_a_datagram__comes_as_a_sealed_file(void **state)
{
    (void)state;
    struct event_log *log = open_log();
    char *text = malloc((1 << 20) + 1);
    assert_non_null(text);
    memset(text, 'x', 1 << 20);
    text[1 << 20] = '\0';
    EventWriteServiceStopped(event_log_writer(log), text, "unit");
    assert_true(receive());
    assert_true(by_file);
    assert_line("VREP_PRODUCT_VERSION", text);
    assert_line("VREP_EVENT_ID", "50001");
    free(text);
    event_log_close(log);
}

// Nobody reads: the socket's queue fills up, the service goes on, and the loss is told afterwards.
static void journal__that_does_not_read__is_not_waited_for(void **state)
{
    (void)state;
    struct event_log *log = open_log();
    for (int i = 0; i < 2000; i++)
        EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    int received = 0;
    while (receive())
        received++;
    assert_true(received > 0 && received < 2000);
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    char lost[20];
    snprintf(lost, sizeof lost, "%d", 2000 - received);
    assert_true(receive());
    assert_line("VREP_EVENT_ID", "50013");
    assert_line("VREP_COUNT", lost);
    assert_line("VREP_SINK", "the journal");
    assert_true(receive());
    assert_line("VREP_EVENT_ID", "50001");
    event_log_close(log);
}

static void journal__restarted__is_found_again(void **state)
{
    (void)state;
    struct event_log *log = open_log();
    close(journal);
    unlink(path);
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    open_journal();
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_true(receive());
    assert_line("VREP_EVENT_ID", "50013");
    assert_line("VREP_COUNT", "1");
    assert_true(receive());
    assert_line("VREP_EVENT_ID", "50001");
    event_log_close(log);
}

static void journal__that_is_not_there__is_no_sink(void **state)
{
    (void)state;
    char *other = temp_path(folder, "no journal");
    assert_null(sink_journald_open_at(other));
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event__raised__is_one_entry_with_its_fields),
        cmocka_unit_test(every_event__raised__is_an_entry_of_well_formed_lines),
        cmocka_unit_test(event__too_large_for_a_datagram__comes_as_a_sealed_file),
        cmocka_unit_test(journal__that_does_not_read__is_not_waited_for),
        cmocka_unit_test(journal__restarted__is_found_again),
        cmocka_unit_test(journal__that_is_not_there__is_no_sink),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
