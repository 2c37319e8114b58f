#include "service/replicate/replica_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"

// One relationship that was ever claimed; stays until the table goes. The claim is a pointer to it.
struct replica_claim {
    struct replica_table *table;
    struct replica_claim *next;
    registry_key key;
    bool taken;
    struct job *job; // of the one who has it
    size_t base_count;
    struct vhd **bases;
};

struct replica_table {
    pthread_mutex_t mutex;
    pthread_cond_t changed; // a claim was released, or something was announced
    uint64_t announced;
    struct replica_claim *claims;
};

enum status replica_table_new(struct replica_table **out)
{
    struct replica_table *table = calloc(1, sizeof *table);
    if (!table || pthread_mutex_init(&table->mutex, NULL) != 0) {
        free(table);
        return status_no_memory("the table of replicas");
    }
    if (thread_cond_init(&table->changed) != 0) {
        pthread_mutex_destroy(&table->mutex);
        free(table);
        return status_no_memory("the table of replicas");
    }
    *out = table;
    return STATUS_OK;
}

void replica_table_free(struct replica_table *table)
{
    if (!table)
        return;
    while (table->claims) {
        struct replica_claim *claim = table->claims;
        table->claims = claim->next;
        replica_claim_drop_bases(claim);
        free(claim);
    }
    pthread_cond_destroy(&table->changed);
    pthread_mutex_destroy(&table->mutex);
    free(table);
}

// With the mutex held. NULL: out of memory.
static struct replica_claim *claim_of(struct replica_table *table, registry_key key)
{
    for (struct replica_claim *claim = table->claims; claim; claim = claim->next)
        if (claim->key == key)
            return claim;
    struct replica_claim *claim = calloc(1, sizeof *claim);
    if (!claim)
        return NULL;
    claim->table = table;
    claim->key = key;
    claim->next = table->claims;
    table->claims = claim;
    return claim;
}

enum status replica_claim_take(struct replica_table *table, registry_key key, struct job *job,
                               uint32_t wait_ms, struct replica_claim **out)
{
    int64_t deadline = clock_mono_ms() + wait_ms;
    pthread_mutex_lock(&table->mutex);
    struct replica_claim *claim = claim_of(table, key);
    if (!claim) {
        pthread_mutex_unlock(&table->mutex);
        return status_no_memory("a claim of a relationship");
    }
    enum status st = STATUS_OK;
    while (st == STATUS_OK && claim->taken) {
        // The job lives as long as the claim is taken, and the claim cannot be released while we
        // have the mutex.
        if (claim->job)
            job_give_order(claim->job, JOB_CUT);
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            st = status_fail(STATUS_IN_USE, 0,
                             "An earlier connection still works on this relationship's disks and "
                             "does not let go.");
        else
            thread_cond_wait_ms(&table->changed, &table->mutex, (uint32_t)left);
    }
    if (st == STATUS_OK) {
        claim->taken = true;
        claim->job = job;
        *out = claim;
    }
    pthread_mutex_unlock(&table->mutex);
    return st;
}

void replica_claim_release(struct replica_claim *claim)
{
    if (!claim)
        return;
    struct replica_table *table = claim->table;
    pthread_mutex_lock(&table->mutex);
    claim->taken = false;
    claim->job = NULL;
    pthread_cond_broadcast(&table->changed);
    pthread_mutex_unlock(&table->mutex);
}

enum status replica_claim_bases(struct replica_claim *claim, size_t count, struct vhd ***bases)
{
    if (claim->base_count != count) {
        struct vhd **fresh = calloc(count, sizeof(struct vhd *));
        if (!fresh)
            return status_no_memory("the table of held disks");
        replica_claim_drop_bases(claim);
        claim->bases = fresh;
        claim->base_count = count;
    }
    *bases = claim->bases;
    return STATUS_OK;
}

void replica_claim_drop_bases(struct replica_claim *claim)
{
    for (size_t i = 0; i < claim->base_count; i++)
        if (claim->bases[i])
            vhd_abandon(claim->bases[i]);
    free(claim->bases);
    claim->bases = NULL;
    claim->base_count = 0;
}

void replica_table_announce(struct replica_table *table)
{
    pthread_mutex_lock(&table->mutex);
    table->announced++;
    pthread_cond_broadcast(&table->changed);
    pthread_mutex_unlock(&table->mutex);
}

uint64_t replica_table_await(struct replica_table *table, uint64_t seen, uint32_t ms)
{
    pthread_mutex_lock(&table->mutex);
    bool time_left = true;
    while (table->announced == seen && time_left)
        time_left = thread_cond_wait_ms(&table->changed, &table->mutex, ms);
    seen = table->announced;
    pthread_mutex_unlock(&table->mutex);
    return seen;
}
