#include "etw/sink_journald_posix.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/guid.h"
#include "etw/events.h"
#include "etw/message.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct sink_journald {
    struct event_sink sink;
    struct sockaddr_un address;
    int socket;
};

// ---- the entry ----

static int priority_of(unsigned level)
{
    switch (level) {
    case EVENT_ERROR:
        return LOG_ERR;
    case EVENT_WARNING:
        return LOG_WARNING;
    default:
        return LOG_INFO;
    }
}

// "VmId" is VREP_VM_ID: the journal's names are upper-case.
static enum status append_name(struct buffer *out, const char *field)
{
    enum status s = buffer_printf(out, "VREP");
    for (const char *p = field; *p && s == STATUS_OK; p++) {
        bool begins_word =
            isupper((unsigned char)*p) && (p == field || !isupper((unsigned char)p[-1]));
        s = buffer_printf(out, "%s%c", begins_word ? "_" : "", toupper((unsigned char)*p));
    }
    return s == STATUS_OK ? buffer_printf(out, "=") : s;
}

// A value is one line: event_clean_string has seen to it.
static enum status append_field(struct buffer *out, const struct event_field *field,
                                const struct event_value *value)
{
    char number[EVENT_NUMBER_TEXT_SIZE];
    enum status s = append_name(out, field->name);
    if (s != STATUS_OK)
        return s;
    if (value->type != EVENT_IN_UNICODE_STRING)
        return buffer_printf(out, "%s\n", event_format_number(value, number));
    char *text = event_clean_string(value->as.string);
    if (!text)
        return status_no_memory("an event");
    s = buffer_printf(out, "%s\n", text);
    free(text);
    return s;
}

// One id for each kind of event, for journalctl and catalogues: the provider's with the event's
// number at its end.
static enum status append_message_id(struct buffer *out, unsigned id)
{
    enum status s = buffer_printf(out, "MESSAGE_ID=");
    for (size_t i = 0; i < 12 && s == STATUS_OK; i++)
        s = buffer_printf(out, "%02x", VREP_PROVIDER[i]);
    return s == STATUS_OK ? buffer_printf(out, "%08x\n", id) : s;
}

static enum status make_entry(const struct event_record *record, struct buffer *out)
{
    const struct event_definition *e = record->definition;
    enum status s = buffer_printf(out,
                                  "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=vrepsvc\n"
                                  "VREP_EVENT_ID=%u\nVREP_RECORD_ID=%llu\nVREP_SYMBOL=%s\n"
                                  "VREP_CHANNEL=%s\nVREP_INSTANCE=%s\n",
                                  record->message, priority_of(e->descriptor.level),
                                  (unsigned)e->descriptor.id, (unsigned long long)record->record_id,
                                  e->symbol, e->channel, record->instance);
    if (s == STATUS_OK)
        s = append_message_id(out, e->descriptor.id);
    for (size_t i = 0; i < e->field_count && s == STATUS_OK; i++)
        s = append_field(out, &e->field[i], &record->values[i]);
    return s;
}

// ---- sending ----

static bool send_message(const struct sink_journald *journald, struct msghdr *message)
{
    message->msg_name = (void *)&journald->address;
    message->msg_namelen = sizeof journald->address;
    return sendmsg(journald->socket, message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool send_file(const struct sink_journald *journald, int file)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &file, sizeof file);
    return send_message(journald, &message);
}

// What a datagram is too small for goes as a sealed file in memory, which the journal reads.
static bool send_large(const struct sink_journald *journald, const struct buffer *entry)
{
    int file = memfd_create("vrep-event", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0)
        return false;
    bool sent =
        write(file, entry->data, entry->size) == (ssize_t)entry->size &&
        fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0 &&
        send_file(journald, file);
    int error = errno;
    close(file);
    errno = error;
    return sent;
}

static enum status write_journald(struct event_sink *sink, const struct event_record *record)
{
    const struct sink_journald *journald = (const struct sink_journald *)sink;
    struct buffer entry = {0};
    enum status s = make_entry(record, &entry);
    if (s == STATUS_OK) {
        struct iovec part = {entry.data, entry.size};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        bool sent = send_message(journald, &message);
        if (!sent && (errno == EMSGSIZE || errno == ENOBUFS))
            sent = send_large(journald, &entry);
        if (!sent)
            s = status_fail_errno(errno, "Event %u cannot be sent to the journal",
                                  (unsigned)record->definition->descriptor.id);
    }
    buffer_free(&entry);
    return s;
}

static void close_journald(struct event_sink *sink)
{
    close(((struct sink_journald *)sink)->socket);
    free(sink);
}

struct event_sink *sink_journald_open_at(const char *path)
{
    struct sink_journald *journald = calloc(1, sizeof *journald);
    if (!journald || access(path, W_OK) != 0 || strlen(path) >= sizeof journald->address.sun_path) {
        free(journald);
        return NULL;
    }
    journald->sink = (struct event_sink){"the journal", write_journald, close_journald};
    journald->address.sun_family = AF_UNIX;
    strcpy(journald->address.sun_path, path);
    journald->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (journald->socket >= 0)
        return &journald->sink;
    free(journald);
    return NULL;
}

struct event_sink *sink_journald_open(void)
{
    return sink_journald_open_at(JOURNAL_SOCKET);
}
