#include "tests/support/crash_record.h"

#include "base/checked.h"
#include "tests/support/must.h"
#include "tests/support/random.h"

#define SECTOR 512u

// The disk after a number of operations: what is stable, and what is pending.
struct replay {
    const struct crash_fs *crash;
    struct mem_fs *stable;
    struct crash_names names;
    size_t *pending; // indices of operations, oldest first
    size_t pending_count;
};

// States whose check has not returned, innermost first: a failed assertion jumps out of it.
struct shown {
    const struct crash_state *state;
    struct shown *outer;
};

static struct shown *showing;

static size_t states_shown; // by this program

static void print_all_shown(void)
{
    for (; showing; showing = showing->outer)
        crash_state_print(showing->state);
}

// How many states this program tried, for people and for the sum that CTest makes of all crash
// tests (VREP_CRASH_STATES: the file to write it to).
static void report_states(void)
{
    const char *path = getenv("VREP_CRASH_STATES");
    printf("crash states: %zu\n", states_shown);
    FILE *file = path ? fopen(path, "w") : NULL;
    bool written = file && fprintf(file, "%zu\n", states_shown) > 0;
    if (path && (!file || fclose(file) != 0 || !written))
        fprintf(stderr, "crash_fs: %s cannot be written\n", path);
}

static void at_exit(void)
{
    print_all_shown();
    report_states();
}

void crash_states_forget(const struct crash_fs *crash)
{
    for (const struct shown *s = showing; s; s = s->outer) {
        if (s->state->crash == crash) {
            print_all_shown();
            return;
        }
    }
}

static void apply_torn_write(struct mem_fs *fs, const char *path, const struct crash_operation *op,
                             uint64_t seed)
{
    struct random r = random_start(seed);
    uint64_t first = op->offset / SECTOR;
    uint64_t sectors = divide_up(op->offset + op->length, SECTOR) - first;
    uint64_t cut = 1 + random_below(&r, sectors - 1);
    uint64_t shape = random_below(&r, 4); // two of four: the first part; else the last, or any
    for (uint64_t i = 0; i < sectors; i++) {
        bool there = shape < 2 ? i < cut : i >= cut;
        if (shape == 3 && i != cut &&
            i + 1 != cut) // these two differ: neither nothing nor everything
            there = random_chance(&r, 50);
        if (!there)
            continue;
        uint64_t from = max_u64((first + i) * SECTOR, op->offset);
        uint64_t to = min_u64((first + i + 1) * SECTOR, op->offset + op->length);
        mem_fs_poke(fs, path, from, op->data + (from - op->offset), (size_t)(to - from));
    }
}

static void apply(struct mem_fs *fs, const char *path, const struct crash_operation *op)
{
    if (op->kind == CRASH_WRITE)
        mem_fs_poke(fs, path, op->offset, op->data, (size_t)op->length);
    else if (op->kind == CRASH_ZERO)
        mem_fs_clear(fs, path, op->offset, op->length);
    else
        mem_fs_resize(fs, path, op->length);
}

// Takes the pending operations of a file away, carried out (flush) or forgotten (removal).
static void settle(struct replay *replay, size_t file, bool carry_out)
{
    size_t kept = 0;
    for (size_t i = 0; i < replay->pending_count; i++) {
        const struct crash_operation *op = &replay->crash->operations[replay->pending[i]];
        if (op->file != file)
            replay->pending[kept++] = replay->pending[i];
        else if (carry_out)
            apply(replay->stable, replay->names.paths[file], op);
    }
    replay->pending_count = kept;
}

static void must_succeed(enum status s)
{
    if (s != STATUS_OK) {
        fprintf(stderr, "crash_fs: the record does not repeat: %s\n", status_last()->message);
        abort();
    }
}

static void step(struct replay *replay, size_t index)
{
    const struct crash_operation *op = &replay->crash->operations[index];
    const struct file_system *fs = mem_fs_system(replay->stable);
    switch (op->kind) {
    case CRASH_CREATE:
        mem_fs_put(replay->stable, op->path, NULL, 0);
        crash_names_add(&replay->names, op->path);
        break;
    case CRASH_REMOVE:
        settle(replay, op->file, false);
        must_succeed(fs->remove(fs, replay->names.paths[op->file]));
        crash_names_set(&replay->names, op->file, NULL);
        break;
    case CRASH_RENAME:
        must_succeed(fs->rename(fs, replay->names.paths[op->file], op->path));
        crash_names_set(&replay->names, op->file, op->path);
        break;
    case CRASH_FLUSH:
        settle(replay, op->file, true);
        break;
    case CRASH_WRITE:
    case CRASH_ZERO:
    case CRASH_SET_SIZE:
        replay->pending[replay->pending_count++] = index;
        break;
    }
}

static struct mem_fs *build_state(const struct replay *replay, const struct crash_state *at)
{
    struct mem_fs *fs = mem_fs_clone(replay->stable);
    for (size_t i = 0; i < replay->pending_count; i++) {
        const struct crash_operation *op = &replay->crash->operations[replay->pending[i]];
        if (at->fates[i] == CRASH_WRITTEN)
            apply(fs, replay->names.paths[op->file], op);
        else if (at->fates[i] == CRASH_TORN)
            apply_torn_write(fs, replay->names.paths[op->file], op, at->tear_seed + i);
    }
    return fs;
}

// How the fates of one point's pending operations are chosen.
struct choice {
    const struct crash_plan *plan;
    const struct replay *replay;
    bool last_happened; // the last pending operation is the point itself: never lost
    struct random random;
};

static bool can_tear(const struct choice *c, size_t pending)
{
    const struct crash_operation *op = &c->replay->crash->operations[c->replay->pending[pending]];
    return c->plan->torn && op->kind == CRASH_WRITE &&
           op->offset / SECTOR != (op->offset + op->length - 1) / SECTOR;
}

static bool can_be_lost(const struct choice *c, size_t pending)
{
    return !(c->last_happened && pending + 1 == c->replay->pending_count);
}

static uint64_t ways(const struct choice *c, size_t pending)
{
    return 1u + can_be_lost(c, pending) + can_tear(c, pending);
}

// The n-th way (from 0) in which one operation can end.
static uint8_t way(const struct choice *c, size_t pending, uint64_t n)
{
    if (n == 0)
        return CRASH_WRITTEN;
    return n == 1 && can_be_lost(c, pending) ? CRASH_LOST : CRASH_TORN;
}

// How many combinations the point has, cut at `most`.
static uint64_t combinations(const struct choice *c, uint64_t most)
{
    uint64_t product = 1;
    for (size_t i = 0; i < c->replay->pending_count && product < most; i++)
        product *= ways(c, i);
    return min_u64(product, most);
}

static void combination(const struct choice *c, uint64_t number, uint8_t *fates)
{
    for (size_t i = 0; i < c->replay->pending_count; i++) {
        fates[i] = way(c, i, number % ways(c, i));
        number /= ways(c, i);
    }
}

// A sample of a point that has too many combinations: the two extremes, then half of them one
// operation that differs from all others, half of them anything.
static void sample(struct choice *c, uint64_t number, uint8_t *fates)
{
    size_t count = c->replay->pending_count;
    bool odd_one = number >= 2 && random_chance(&c->random, 50);
    bool most_lost = number == 1 || (odd_one && random_chance(&c->random, 50));
    for (size_t i = 0; i < count; i++) {
        if (number < 2 || odd_one)
            fates[i] = most_lost && can_be_lost(c, i) ? CRASH_LOST : CRASH_WRITTEN;
        else
            fates[i] = way(c, i, random_below(&c->random, ways(c, i)));
    }
    if (odd_one) {
        size_t i = (size_t)random_below(&c->random, count);
        bool tear = can_tear(c, i) && random_chance(&c->random, 50);
        fates[i] = tear ? CRASH_TORN : most_lost || !can_be_lost(c, i) ? CRASH_WRITTEN : CRASH_LOST;
    }
}

struct viewer {
    void (*check)(void *context, const struct crash_state *at, struct mem_fs *state);
    void *context;
    size_t shown;
};

static void show(const struct replay *replay, struct crash_state *at, struct viewer *viewer)
{
    struct mem_fs *state = build_state(replay, at);
    struct shown *frame = must_alloc(sizeof *frame);
    *frame = (struct shown){.state = at, .outer = showing};
    showing = frame;
    states_shown++;
    viewer->check(viewer->context, at, state);
    showing = frame->outer;
    free(frame);
    mem_fs_free(state);
    viewer->shown++;
}

static void show_point(const struct replay *replay, size_t operations,
                       const struct crash_plan *plan, struct viewer *viewer)
{
    size_t count = replay->pending_count;
    struct choice c = {
        .plan = plan,
        .replay = replay,
        .last_happened = count > 0 && replay->pending[count - 1] + 1 == operations,
        .random = random_start(plan->seed ^ operations << 32),
    };
    uint64_t limit = max_u64(plan->states_max, 2);
    uint64_t all = combinations(&c, limit + 1);
    // On the heap, to be printed even when an assertion has jumped out of the check.
    struct crash_state *at = must_alloc(sizeof *at);
    uint8_t *fates = must_alloc(count + 1);
    for (uint64_t n = 0; n < min_u64(all, limit); n++) {
        if (all <= limit)
            combination(&c, n, fates);
        else
            sample(&c, n, fates);
        *at = (struct crash_state){.crash = replay->crash,
                                   .operations = operations,
                                   .pending = count,
                                   .fates = fates,
                                   .tear_seed = random_u64(&c.random),
                                   .number = viewer->shown};
        show(replay, at, viewer);
    }
    free(fates);
    free(at);
}

size_t crash_fs_each_state(const struct crash_fs *crash, const struct crash_plan *plan,
                           void (*check)(void *context, const struct crash_state *at,
                                         struct mem_fs *state),
                           void *context)
{
    static bool registered;
    if (!registered)
        registered = atexit(at_exit) == 0;
    struct replay replay = {
        .crash = crash,
        .stable = mem_fs_clone(crash->start),
        .names = crash_names_of(crash->start),
        .pending = must_alloc((crash->count + 1) * sizeof *replay.pending),
    };
    struct viewer viewer = {.check = check, .context = context};
    for (size_t operations = 0; operations <= crash->count; operations++) {
        if (operations > 0)
            step(&replay, operations - 1);
        if (operations >= plan->first && operations <= plan->last)
            show_point(&replay, operations, plan, &viewer);
    }
    free(replay.pending);
    crash_names_free(&replay.names);
    mem_fs_free(replay.stable);
    return viewer.shown;
}

// True when the operation was not stable after `operations` operations.
static bool is_pending(const struct crash_fs *crash, size_t index, size_t operations)
{
    const struct crash_operation *op = &crash->operations[index];
    if (op->kind != CRASH_WRITE && op->kind != CRASH_ZERO && op->kind != CRASH_SET_SIZE)
        return false;
    for (size_t i = index + 1; i < operations; i++) {
        const struct crash_operation *later = &crash->operations[i];
        if (later->file == op->file && (later->kind == CRASH_FLUSH || later->kind == CRASH_REMOVE))
            return false;
    }
    return true;
}

void crash_state_print(const struct crash_state *at)
{
    static const char *const kinds[] = {"create", "remove", "rename",  "flush",
                                        "write",  "zero",   "set_size"};
    static const char *const fates[] = {"done", "lost", "torn"};
    fprintf(stderr, "crash state %zu: the power failed after %zu operations (tear seed %llu)\n",
            at->number, at->operations, (unsigned long long)at->tear_seed);
    size_t pending = 0;
    for (size_t i = 0; i < at->operations; i++) {
        const struct crash_operation *op = &at->crash->operations[i];
        if (is_pending(at->crash, i, at->operations))
            fprintf(stderr, "  %zu: file %zu, %s, offset %llu, length %llu: %s\n", i, op->file,
                    kinds[op->kind], (unsigned long long)op->offset, (unsigned long long)op->length,
                    fates[at->fates[pending++]]);
    }
}
