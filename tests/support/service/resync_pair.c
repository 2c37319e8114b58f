#include "tests/support/service/resync_pair.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "base/checked.h"
#include "tests/support/must.h"
#include "tests/support/temp.h"
#include "tests/support/test.h"

#define PIECE          (1024 * 1024)
#define BLOCK          4096
#define MERGE_RETRY_MS 20
#define CLEAN_UP_MS    30000

struct pair_thread {
    struct pair_thread *next;
    struct resync_pair *pair;
    struct job *job;
    struct stream *stream; // NULL: a merge
    pthread_t thread;
};

struct resync_pair {
    const char *folder;
    struct pair_options options;
    struct pair_side primary, replica;
    struct replica_hooks hooks;
    struct listener *listener;
    pthread_t accepting;
    pthread_mutex_t mutex;
    struct pair_thread *threads;
};

struct pair_side *pair_primary(struct resync_pair *pair)
{
    return &pair->primary;
}

struct pair_side *pair_replica(struct resync_pair *pair)
{
    return &pair->replica;
}

uint16_t pair_port(struct resync_pair *pair)
{
    return transport_port(pair->listener);
}

// ---- the replica's threads ----

static void *run_thread(void *argument)
{
    struct pair_thread *t = argument;
    struct pair_side *replica = &t->pair->replica;
    if (t->stream)
        resync_replica_session(&replica->context, &t->pair->hooks, t->stream, t->job);
    else // as the supervisor does, without its pauses
        while (resync_replica_merge(&replica->context, replica->key, t->job) == RESYNC_RETRY)
            if (!job_sleep(t->job, MERGE_RETRY_MS) && job_get_order(t->job) == JOB_CUT)
                break;
    return NULL;
}

static void start_thread(struct resync_pair *pair, struct stream *stream)
{
    struct pair_thread *t = must_alloc(sizeof *t);
    t->pair = pair;
    t->stream = stream;
    assert_ok(job_new(&t->job));
    pthread_mutex_lock(&pair->mutex);
    t->next = pair->threads;
    pair->threads = t;
    assert_int_equal(pthread_create(&t->thread, NULL, run_thread, t), 0);
    pthread_mutex_unlock(&pair->mutex);
}

static void *accept_all(void *argument)
{
    struct resync_pair *pair = argument;
    struct stream *stream = NULL;
    while (transport_accept(pair->listener, &stream) == STATUS_OK)
        start_thread(pair, stream);
    return NULL;
}

static void start_merge(void *context, registry_key key)
{
    struct resync_pair *pair = context;
    assert_int_equal(key, pair->replica.key);
    if (!pair->options.no_merge)
        start_thread(pair, NULL);
}

// ---- sides ----

static void open_side(struct pair_side *side, const char *host, const struct file_system *fs)
{
    assert_ok(store_open(side->data, &side->store));
    assert_ok(registry_open(side->store, &side->registry));
    assert_ok(event_log_open(side->data, NULL, false, NULL, &side->events));
    assert_ok(throttle_new(0, &side->server_throttle));
    side->context = (struct service_context){.host_name = host,
                                             .registry = side->registry,
                                             .event_log = side->events,
                                             .events = event_log_writer(side->events),
                                             .fs = fs ? fs : file_system_os(),
                                             .server_throttle = side->server_throttle};
    assert_ok(replica_table_new(&side->context.replicas));
}

static void close_side(struct pair_side *side)
{
    replica_table_free(side->context.replicas);
    throttle_free(side->server_throttle);
    event_log_close(side->events);
    registry_close(side->registry);
    store_close(side->store);
}

static void start_replica(struct resync_pair *pair, uint16_t port)
{
    open_side(&pair->replica, "replica-host", pair->options.replica_fs);
    assert_ok(transport_listen("127.0.0.1", port, &pair->listener));
    assert_int_equal(pthread_create(&pair->accepting, NULL, accept_all, pair), 0);
}

static void stop_replica(struct resync_pair *pair)
{
    transport_stop(pair->listener);
    pthread_join(pair->accepting, NULL);
    // A session that ends may start a merge: until nothing is left.
    for (;;) {
        pthread_mutex_lock(&pair->mutex);
        struct pair_thread *t = pair->threads;
        if (t)
            pair->threads = t->next;
        pthread_mutex_unlock(&pair->mutex);
        if (!t)
            break;
        job_give_order(t->job, JOB_CUT);
        pthread_join(t->thread, NULL);
        job_free(t->job);
        free(t);
    }
    transport_close(pair->listener);
    close_side(&pair->replica);
}

static void create_disk(const char *path, const struct pair_options *o, bool primary)
{
    struct vhd_create how = {.format = VHD_FORMAT_VHDX,
                             .type = VHD_TYPE_DYNAMIC,
                             .virtual_size = o->size,
                             .block_size = 2 * 1024 * 1024,
                             .logical_sector_size = o->logical_sector_size};
    if (primary && o->primary_format)
        how.format = o->primary_format;
    if (primary && o->primary_type)
        how.type = o->primary_type;
    assert_ok(vhd_create(path, &how));
}

static struct relationship *new_record(struct resync_pair *pair, struct pair_side *side,
                                       enum replication_mode mode)
{
    struct relationship *r = must(relationship_new());
    r->name = must_copy("vm one");
    r->mode = mode;
    r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    r->reason = REASON_NOT_YET_COMPARED;
    r->disk_count = pair->options.disks;
    r->disks = must_alloc(r->disk_count * sizeof *r->disks);
    for (size_t i = 0; i < r->disk_count; i++)
        r->disks[i].path = must_copy(side->disk[i]);
    return r;
}

static void add_records(struct resync_pair *pair)
{
    struct relationship *r = new_record(pair, &pair->replica, MODE_REPLICA);
    assert_ok(registry_add(pair->replica.registry, r, &pair->replica.key));
    r = new_record(pair, &pair->primary, MODE_PRIMARY);
    assert_ok(guid_generate(&r->id));
    r->replica_server = must_copy("127.0.0.1");
    r->replica_port = pair_port(pair);
    assert_ok(registry_add(pair->primary.registry, r, &pair->primary.key));
}

static void name_files(struct resync_pair *pair, struct pair_side *side, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "%s-data", name);
    side->data = must(temp_path(pair->folder, text));
    for (size_t i = 0; i < pair->options.disks; i++) {
        snprintf(text, sizeof text, "%s-%zu.vhdx", name, i);
        side->disk[i] = must(temp_path(pair->folder, text));
        create_disk(side->disk[i], &pair->options, side == &pair->primary);
    }
}

struct resync_pair *pair_new(const struct pair_options *options)
{
    struct resync_pair *pair = must_alloc(sizeof *pair);
    pair->options = *options;
    if (pair->options.disks == 0)
        pair->options.disks = 1;
    pair->folder = temp_folder();
    pair->hooks = (struct replica_hooks){.context = pair, .start_merge = start_merge};
    pthread_mutex_init(&pair->mutex, NULL);
    name_files(pair, &pair->primary, "primary");
    name_files(pair, &pair->replica, "replica");
    open_side(&pair->primary, "primary-host", options->primary_fs);
    start_replica(pair, 0);
    add_records(pair);
    pair_request(pair, false);
    return pair;
}

void pair_free(struct resync_pair *pair)
{
    stop_replica(pair);
    close_side(&pair->primary);
    for (size_t i = 0; i < pair->options.disks; i++) {
        free(pair->primary.disk[i]);
        free(pair->replica.disk[i]);
    }
    free(pair->primary.data);
    free(pair->replica.data);
    pthread_mutex_destroy(&pair->mutex);
    temp_remove(pair->folder);
    free(pair);
}

void pair_restart_replica(struct resync_pair *pair)
{
    registry_key *keys = NULL;
    size_t count = 0;
    uint16_t port = pair_port(pair);
    stop_replica(pair);
    start_replica(pair, port);
    assert_ok(registry_list(pair->replica.registry, &keys, &count));
    assert_int_equal(count, 1);
    pair->replica.key = keys[0];
    free(keys);
}

// ---- what the supervisor does ----

static enum status change_request(struct relationship *r, void *argument)
{
    r->state = REPLICATION_RESYNCHRONIZING;
    r->phase = PHASE_NONE;
    r->overwrite_replica = *(const bool *)argument;
    return guid_generate(&r->resync_id);
}

void pair_request(struct resync_pair *pair, bool overwrite_replica)
{
    assert_ok(registry_update(pair->primary.registry, pair->primary.key, change_request,
                              &overwrite_replica));
}

void pair_wait_for_clean_up(struct resync_pair *pair)
{
    for (int waited = 0; waited < CLEAN_UP_MS; waited += 5) {
        struct relationship *r = NULL;
        assert_ok(registry_get(pair->replica.registry, pair->replica.key, &r));
        bool done = r->phase == PHASE_NONE;
        relationship_free(r);
        if (done)
            return;
        clock_sleep_ms(5);
    }
    fail_msg("the replica has not deleted its children within %d ms", CLEAN_UP_MS);
}

enum resync_end pair_attempt(struct resync_pair *pair, struct job *job, struct throttle *throttle)
{
    struct pair_side *p = &pair->primary;
    struct relationship *r = NULL;
    struct disk_hold *hold = NULL;
    struct job *own_job = NULL;
    struct throttle *own_throttle = NULL;
    assert_ok(job_new(&own_job));
    assert_ok(throttle_new(0, &own_throttle));
    assert_ok(registry_get(p->registry, p->key, &r));
    assert_ok(disk_hold_open(&p->context, r, &hold));
    enum resync_end end = resync_primary_run(&p->context, p->key, job ? job : own_job, &hold,
                                             throttle ? throttle : own_throttle);
    struct status_details why = *status_last();
    disk_hold_close(hold);
    relationship_free(r);
    job_free(own_job);
    throttle_free(own_throttle);
    (void)status_restore(&why);
    return end;
}

// ---- disks ----

static struct vhd *open_disk(const char *path, bool writable)
{
    struct vhd_open how = {.writable = writable, .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk = NULL;
    assert_ok(vhd_open(path, &how, &disk));
    return disk;
}

void pair_write(const char *path, struct random *r, uint64_t offset, uint64_t length)
{
    struct vhd *disk = open_disk(path, true);
    uint8_t *data = must_alloc(PIECE);
    for (uint64_t done = 0; done < length; done += PIECE) {
        size_t size = (size_t)min_u64(PIECE, length - done);
        random_fill(r, data, size);
        assert_ok(vhd_write(disk, offset + done, data, size));
    }
    free(data);
    assert_ok(vhd_close(disk));
}

void pair_change_blocks(const char *path, struct random *r, uint64_t stride, uint64_t length,
                        uint64_t extents, uint64_t blocks)
{
    struct vhd *disk = open_disk(path, true);
    uint64_t each = length / BLOCK, total = each * extents;
    uint8_t data[BLOCK];
    // Selection sampling: each block is taken with the chance that keeps the count exact.
    for (uint64_t i = 0; i < total && blocks > 0; i++) {
        if (random_below(r, total - i) >= blocks)
            continue;
        random_fill(r, data, sizeof data);
        assert_ok(vhd_write(disk, i / each * stride + i % each * BLOCK, data, sizeof data));
        blocks--;
    }
    assert_ok(vhd_close(disk));
}

void pair_zero(const char *path, uint64_t offset, uint64_t length)
{
    struct vhd *disk = open_disk(path, true);
    assert_ok(vhd_zero(disk, offset, length));
    assert_ok(vhd_close(disk));
}

bool pair_equal(const char *a, const char *b)
{
    struct vhd *x = open_disk(a, false), *y = open_disk(b, false);
    uint8_t *data = must_alloc(2 * (size_t)PIECE);
    struct vhd_info info;
    vhd_get_info(x, &info);
    bool equal = true;
    for (uint64_t at = 0; equal && at < info.virtual_size; at += PIECE) {
        size_t size = (size_t)min_u64(PIECE, info.virtual_size - at);
        assert_ok(vhd_read(x, at, data, size));
        assert_ok(vhd_read(y, at, data + PIECE, size));
        equal = memcmp(data, data + PIECE, size) == 0;
        for (size_t i = 0; !equal && i < size; i++)
            if (data[i] != data[PIECE + i]) {
                print_error("the disks differ first at %llu\n", (unsigned long long)(at + i));
                break;
            }
    }
    free(data);
    assert_ok(vhd_close(x));
    assert_ok(vhd_close(y));
    return equal;
}

uint64_t pair_file_sum(const char *path)
{
    struct file_open how = {.share = FILE_SHARE_ANYTHING};
    struct file *file = NULL;
    uint64_t size = 0, sum = 14695981039346656037ull; // FNV-1a over words
    uint64_t *data = must_alloc(PIECE);
    assert_ok(file_system_os()->open(file_system_os(), path, &how, &file));
    assert_ok(file_size(file, &size));
    for (uint64_t at = 0; at < size; at += PIECE) {
        size_t length = (size_t)min_u64(PIECE, size - at);
        memset(data, 0, PIECE);
        assert_ok(file_read(file, at, data, length));
        for (size_t i = 0; i < PIECE / sizeof *data; i++)
            sum = (sum ^ data[i]) * 1099511628211ull;
    }
    file_close(file);
    free(data);
    return sum ^ size;
}

size_t pair_events(const struct pair_side *side, uint32_t id)
{
    const struct event_query query = {.ids = {{id, id}}, .id_ranges = 1};
    struct event_page page;
    assert_ok(event_log_read(side->events, &query, &page));
    size_t count = json_array_size(page.events);
    json_decref(page.events);
    return count;
}
