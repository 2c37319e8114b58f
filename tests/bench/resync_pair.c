// A resynchronization of both sides in one process: what the engine costs, without services and
// clients.
//
//     bench_resync_pair [SIZE_MIB [DATA_MIB [DIFFERING_BLOCKS]]]     (defaults: 2048 1229 5243)
//
// Prints one JSON object: seconds of wall and processor time from the attempt to "merged".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "service/replicate/resync_primary.h"
#include "tests/support/service/resync_pair.h"
#include "tests/support/test.h"

#define MIB     (1024ull * 1024)
#define EXTENTS 152 // that the data is spread over
#define BLOCK   4096

static uint64_t argument(int argc, char **argv, int index, uint64_t preset)
{
    return index < argc ? strtoull(argv[index], NULL, 10) : preset;
}

static void fill(const char *path, uint64_t seed, uint64_t stride, uint64_t length)
{
    struct random r = random_start(seed);
    for (uint64_t extent = 0; extent < EXTENTS; extent++)
        pair_write(path, &r, extent * stride, length);
}

int main(int argc, char **argv)
{
    uint64_t size = argument(argc, argv, 1, 2048) * MIB;
    uint64_t length = argument(argc, argv, 2, 1229) * MIB / EXTENTS / BLOCK * BLOCK;
    uint64_t blocks = argument(argc, argv, 3, 5243);
    uint64_t stride = size / EXTENTS / BLOCK * BLOCK;
    struct random r = random_start(29242);
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = size});
    const char *primary = pair_primary(pair)->disk[0], *replica = pair_replica(pair)->disk[0];
    fill(primary, 1, stride, length);
    fill(replica, 1, stride, length);
    pair_change_blocks(replica, &r, stride, length, EXTENTS, blocks);
    int64_t began = clock_mono_ms();
    clock_t processor = clock();
    enum resync_end end = pair_attempt(pair, NULL, NULL);
    double seconds = (double)(clock_mono_ms() - began) / 1000;
    double used = (double)(clock() - processor) / CLOCKS_PER_SEC;
    struct resync_progress progress;
    bool equal = end == RESYNC_MERGED && pair_equal(primary, replica);
    if (!equal || !registry_get_progress(pair_primary(pair)->registry, pair_primary(pair)->key,
                                         PROGRESS_RESYNC, &progress)) {
        fprintf(stderr, "the resynchronization ended with %d: %s\n", (int)end,
                status_last()->message);
        return 1;
    }
    printf("{\"seconds\": %.3f, \"processor_seconds\": %.3f, \"differing_bytes\": %llu, "
           "\"data_bytes_sent\": %llu}\n",
           seconds, used, (unsigned long long)(blocks * BLOCK),
           (unsigned long long)progress.disk[0].sent);
    pair_free(pair);
    return 0;
}
