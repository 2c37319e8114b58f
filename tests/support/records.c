#include "tests/support/test.h"

#include "tests/support/records.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/must.h"

#ifdef _WIN32
#define ROOT "C:\\disks\\"
#else
#define ROOT "/disks/"
#endif

static void must_be_ok(enum status s)
{
    must(s == STATUS_OK ? (void *)1 : NULL);
}

struct relationship *record_new(const char *name, enum replication_mode mode, size_t disks)
{
    struct relationship *r = must(relationship_new());
    char **paths = must_alloc(disks * sizeof *paths);
    for (size_t i = 0; i < disks; i++) {
        paths[i] = must_alloc(strlen(name) + 64);
        sprintf(paths[i], ROOT "%s-%zu.vhdx", name, i);
    }
    must_be_ok(relationship_set_disks(r, (const char *const *)paths, disks));
    for (size_t i = 0; i < disks; i++)
        free(paths[i]);
    free(paths);
    must_be_ok(relationship_set_text(&r->name, name));
    r->mode = mode;
    r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    r->reason = REASON_NOT_YET_COMPARED;
    if (mode == MODE_PRIMARY) {
        must_be_ok(guid_generate(&r->id));
        must_be_ok(relationship_set_text(&r->replica_server, "replica.example"));
        r->replica_port = 29242;
    }
    return r;
}

static void fill_identity(struct vhd_identity *identity, uint64_t seed)
{
    *identity = (struct vhd_identity){
        .format = VHD_FORMAT_VHDX,
        .virtual_size = seed,
        .sequence_number = UINT64_MAX - seed, // more than a JSON integer holds
        .file_size = seed + 1,
        .write_time = UINT64_MAX - 2 * seed,
    };
    must_be_ok(guid_generate(&identity->guid));
}

static void fill_disk(struct relationship_disk *disk, uint64_t seed)
{
    must_be_ok(relationship_set_text(&disk->peer_name, "replica-\xD0\x96.vhdx"));
    disk->file_known = true;
    disk->file.volume = UINT64_MAX - seed;
    memset(disk->file.file, (int)seed, sizeof disk->file.file);
    disk->identity_saved = true;
    fill_identity(&disk->identity, seed);
    disk->compared_saved = true;
    fill_identity(&disk->compared, seed + 7);
    disk->cursor = seed;
    disk->total = seed + 4096;
    disk->reserved = true;
    disk->merged = true;
    disk->unknown = must(json_pack("{s:i}", "OfTheFuture", 7));
}

struct relationship *record_full(void)
{
    struct relationship *r = record_new("m\xC3\xBC"
                                        "hle",
                                        MODE_PRIMARY, 2);
    r->state = REPLICATION_RESYNCHRONIZING;
    r->reason = REASON_FINISHED_ELSEWHERE;
    r->replica_port = 65535;
    must_be_ok(relationship_set_text(&r->primary_server, "primary.example"));
    must_be_ok(relationship_set_text(&r->allowed_primary, "*.example"));
    must_be_ok(relationship_set_text(&r->suspend_cause, "Paused by nobody."));
    r->bandwidth_limit = INT64_MAX;
    r->last_replication_time = 1763833749123;
    r->last_look_time = 1763833749124;
    r->look_in_use = true;
    r->look_in_use_since = 1763833749125;
    must_be_ok(guid_generate(&r->resync_id));
    r->phase = PHASE_COMMITTING;
    r->commit_time = 1763833749126;
    r->queue_number = 17;
    r->state_before = REPLICATION_SUSPENDED;
    r->from_start = true;
    r->overwrite_replica = true;
    r->adopt_identity = true;
    r->cancel_pending = true;
    must_be_ok(guid_generate(&r->last_resync_id));
    r->last_outcome = OUTCOME_MERGED;
    r->last_unbegun = true;
    status_fail(STATUS_CONNECTION, 110, "The line to \"%s\" is dead.", r->replica_server);
    status_advise(29292, "Mend it.");
    r->error = *status_last();
    r->attempts = 4;
    r->next_attempt = 1763833749126;
    r->schedule = (struct resync_schedule){
        .enabled = true,
        .window_given = true,
        .start_s = 0,
        .end_s = 86399,
        .suspend_at_end = true,
        .stopped = 1763833749127,
        .told = 1763833749128,
        .run_since = 1763833749129,
        .suspended_by_end = true,
        .start_time = 1763833749130,
        .start_overwrite = true,
        .start_adopt_identity = true,
    };
    r->unknown =
        must(json_pack("{s:{s:I}}", "FromTheFuture", "kept", (json_int_t)9007199254740993));
    fill_disk(&r->disks[0], 10);
    fill_disk(&r->disks[1], 20);
    return r;
}

static void assert_text_equal(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void assert_identity_equal(const struct vhd_identity *a, const struct vhd_identity *b)
{
    assert_int_equal(a->format, b->format);
    assert_true(a->virtual_size == b->virtual_size && a->sequence_number == b->sequence_number &&
                a->file_size == b->file_size && a->write_time == b->write_time);
    assert_true(guid_equal(&a->guid, &b->guid));
}

static void assert_disk_equal(const struct relationship_disk *a, const struct relationship_disk *b)
{
    assert_text_equal(a->path, b->path);
    assert_text_equal(a->peer_name, b->peer_name);
    assert_int_equal(a->file_known, b->file_known);
    assert_true(a->file.volume == b->file.volume);
    assert_memory_equal(a->file.file, b->file.file, sizeof a->file.file);
    assert_int_equal(a->identity_saved, b->identity_saved);
    assert_identity_equal(&a->identity, &b->identity);
    assert_int_equal(a->compared_saved, b->compared_saved);
    assert_identity_equal(&a->compared, &b->compared);
    assert_true(a->cursor == b->cursor && a->total == b->total);
    assert_int_equal(a->reserved, b->reserved);
    assert_int_equal(a->merged, b->merged);
    assert_true(guid_equal(&a->adopt_id, &b->adopt_id));
    assert_int_equal(a->unknown == NULL, b->unknown == NULL);
    if (a->unknown)
        assert_true(json_equal(a->unknown, b->unknown));
}

static void assert_run_equal(const struct relationship *a, const struct relationship *b)
{
    assert_true(guid_equal(&a->resync_id, &b->resync_id));
    assert_int_equal(a->phase, b->phase);
    assert_true(a->commit_time == b->commit_time);
    assert_true(a->queue_number == b->queue_number);
    assert_int_equal(a->state_before, b->state_before);
    assert_int_equal(a->from_start, b->from_start);
    assert_int_equal(a->overwrite_replica, b->overwrite_replica);
    assert_int_equal(a->adopt_identity, b->adopt_identity);
    assert_int_equal(a->cancel_pending, b->cancel_pending);
    assert_text_equal(a->suspend_cause, b->suspend_cause);
    assert_true(guid_equal(&a->last_resync_id, &b->last_resync_id));
    assert_int_equal(a->last_outcome, b->last_outcome);
    assert_int_equal(a->last_unbegun, b->last_unbegun);
    assert_int_equal(a->error.status, b->error.status);
    assert_int_equal(a->error.os_code, b->error.os_code);
    assert_int_equal(a->error.event_id, b->error.event_id);
    assert_string_equal(a->error.message, b->error.message);
    assert_string_equal(a->error.action, b->error.action);
    assert_int_equal(a->attempts, b->attempts);
    assert_true(a->next_attempt == b->next_attempt);
}

static void assert_schedule_equal(const struct resync_schedule *a, const struct resync_schedule *b)
{
    assert_int_equal(a->enabled, b->enabled);
    assert_int_equal(a->window_given, b->window_given);
    assert_int_equal(a->start_s, b->start_s);
    assert_int_equal(a->end_s, b->end_s);
    assert_int_equal(a->suspend_at_end, b->suspend_at_end);
    assert_true(a->stopped == b->stopped && a->told == b->told && a->run_since == b->run_since);
    assert_int_equal(a->suspended_by_end, b->suspended_by_end);
    assert_true(a->start_time == b->start_time);
    assert_int_equal(a->start_overwrite, b->start_overwrite);
    assert_int_equal(a->start_adopt_identity, b->start_adopt_identity);
}

void record_assert_equal(const struct relationship *a, const struct relationship *b)
{
    assert_true(guid_equal(&a->id, &b->id));
    assert_text_equal(a->name, b->name);
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->reason, b->reason);
    assert_text_equal(a->replica_server, b->replica_server);
    assert_int_equal(a->replica_port, b->replica_port);
    assert_text_equal(a->primary_server, b->primary_server);
    assert_text_equal(a->allowed_primary, b->allowed_primary);
    assert_true(a->bandwidth_limit == b->bandwidth_limit);
    assert_true(a->last_replication_time == b->last_replication_time);
    assert_true(a->last_look_time == b->last_look_time);
    assert_int_equal(a->look_in_use, b->look_in_use);
    assert_true(a->look_in_use_since == b->look_in_use_since);
    assert_run_equal(a, b);
    assert_schedule_equal(&a->schedule, &b->schedule);
    assert_int_equal(a->unknown == NULL, b->unknown == NULL);
    if (a->unknown)
        assert_true(json_equal(a->unknown, b->unknown));
    assert_int_equal(a->disk_count, b->disk_count);
    for (size_t i = 0; i < a->disk_count; i++)
        assert_disk_equal(&a->disks[i], &b->disks[i]);
}
