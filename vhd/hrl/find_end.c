// The end of a log that was not closed. Only a metadata block says how much data lies before it, so
// the blocks must be looked for. Writes are whole sectors, hence so are the distances: every 512
// bytes may begin a block. One belongs to the log when its checksums are right, its entries fill
// the room back to the block that it names as the previous one, and that block belongs to the log.
//
// Data may look like a block: a guest can itself keep such logs on its disk. A block inside the
// data of a group has no successors, for the next block of the log names the true end of the group;
// so the last block that belongs to the log is the end of the right chain. The one exception is
// data behind the last complete group, see hrl_open.
//
// One pass over the file, with memory for the last blocks only and a limit to what false blocks can
// make us read.
#include "vhd/hrl/log.h"

#include <stdlib.h>

#include "base/checked.h"

#define WINDOW (1u << 20) // read at once
// So many blocks are remembered as possible predecessors. More than that within one group would be
// 32 MiB of its data made to look like blocks.
#define REMEMBERED 65536u
// Blocks may be read for this many times the file's size, besides the pass itself.
#define EFFORT 8u

struct search {
    struct hrl *log;
    uint8_t *window;
    uint64_t *blocks; // a ring of the places of blocks that belong to the log, ascending
    uint64_t added;
    uint64_t effort; // bytes that may still be read
    uint64_t end;
};

static bool belongs(const struct search *search, uint64_t place)
{
    uint64_t low = search->added > REMEMBERED ? search->added - REMEMBERED : 0;
    uint64_t high = search->added;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t found = search->blocks[middle % REMEMBERED];
        if (found == place)
            return true;
        if (found < place)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static enum status consider(struct search *search, uint64_t at, const uint8_t *raw)
{
    uint32_t size = search->log->header.metadata_size;
    struct hrl_block block;
    if (hrl_block_header_decode(raw, size, at, &block) != HRL_FAULT_NONE ||
        !range_fits(at, size, search->log->file_size) || search->effort < size ||
        (block.previous != 0 && !belongs(search, at - block.previous)))
        return STATUS_OK;
    search->effort -= size;
    enum status status = file_read(search->log->file, at, search->log->raw, size);
    if (status != STATUS_OK ||
        hrl_block_decode(search->log->raw, size, at, &block) != HRL_FAULT_NONE)
        return status;
    search->blocks[search->added++ % REMEMBERED] = at;
    search->end = at + size;
    return STATUS_OK;
}

static enum status look_through(struct search *search)
{
    struct hrl *log = search->log;
    enum status status = STATUS_OK;
    for (uint64_t at = HRL_HEADER_SIZE; at < log->file_size && status == STATUS_OK; at += WINDOW) {
        size_t size = (size_t)min_u64(WINDOW, log->file_size - at);
        status = file_read(log->file, at, search->window, size);
        for (size_t i = 0; i + HRL_BLOCK_HEADER_SIZE <= size && status == STATUS_OK;
             i += HRL_SECTOR)
            status = consider(search, at + i, search->window + i);
    }
    return status;
}

enum status hrl_find_end(struct hrl *log, uint64_t *end)
{
    struct search search = {
        .log = log,
        .window = malloc(WINDOW),
        .blocks = malloc(REMEMBERED * sizeof *search.blocks),
        .effort = log->file_size < UINT64_MAX / EFFORT ? log->file_size * EFFORT : UINT64_MAX,
        .end = HRL_HEADER_SIZE,
    };
    enum status status = search.window && search.blocks
                             ? look_through(&search)
                             : status_no_memory("the search for a log's end");
    free(search.window);
    free(search.blocks);
    if (status == STATUS_OK)
        *end = search.end;
    return status;
}
