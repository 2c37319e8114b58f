#include "vhd/vhdx/page_map.h"

#include <stdlib.h>

static size_t bucket_of(const struct vhdx_page_map *map, uint64_t offset)
{
    uint64_t mixed = (offset / VHDX_PAGE_SIZE) * 0x9E3779B97F4A7C15ull;
    return (size_t)(mixed >> 20) & (map->bucket_count - 1);
}

struct vhdx_page *vhdx_page_map_find(const struct vhdx_page_map *map, uint64_t offset)
{
    if (map->count == 0)
        return NULL;
    struct vhdx_page *page = map->buckets[bucket_of(map, offset)];
    while (page && page->offset != offset)
        page = page->next;
    return page;
}

static enum status grow(struct vhdx_page_map *map)
{
    struct vhdx_page_map larger = {.bucket_count = map->bucket_count ? map->bucket_count * 2 : 64,
                                   .count = map->count};
    larger.buckets = calloc(larger.bucket_count, sizeof *larger.buckets);
    if (!larger.buckets)
        return status_no_memory("the pages of a VHDX file");
    for (size_t i = 0; i < map->bucket_count; i++) {
        struct vhdx_page *page = map->buckets[i];
        while (page) {
            struct vhdx_page *next = page->next;
            size_t bucket = bucket_of(&larger, page->offset);
            page->next = larger.buckets[bucket];
            larger.buckets[bucket] = page;
            page = next;
        }
    }
    free(map->buckets);
    *map = larger;
    return STATUS_OK;
}

enum status vhdx_page_map_add(struct vhdx_page_map *map, uint64_t offset, struct vhdx_page **out)
{
    if (map->count >= map->bucket_count) {
        enum status status = grow(map);
        if (status)
            return status;
    }
    struct vhdx_page *page = malloc(sizeof *page);
    if (!page)
        return status_no_memory("a page of a VHDX file");
    size_t bucket = bucket_of(map, offset);
    page->offset = offset;
    page->dirty = false;
    page->next = map->buckets[bucket];
    map->buckets[bucket] = page;
    map->count++;
    *out = page;
    return STATUS_OK;
}

void vhdx_page_map_remove_if(struct vhdx_page_map *map,
                             bool (*drop)(const void *context, const struct vhdx_page *page),
                             const void *context)
{
    for (size_t i = 0; i < map->bucket_count; i++) {
        struct vhdx_page **link = &map->buckets[i];
        while (*link) {
            struct vhdx_page *page = *link;
            if (drop(context, page)) {
                *link = page->next;
                free(page);
                map->count--;
            } else {
                link = &page->next;
            }
        }
    }
}

void vhdx_page_map_each(const struct vhdx_page_map *map,
                        void (*each)(void *context, struct vhdx_page *page), void *context)
{
    for (size_t i = 0; i < map->bucket_count; i++)
        for (struct vhdx_page *page = map->buckets[i]; page; page = page->next)
            each(context, page);
}

static bool drop_all(const void *context, const struct vhdx_page *page)
{
    (void)context;
    (void)page;
    return true;
}

void vhdx_page_map_free(struct vhdx_page_map *map)
{
    vhdx_page_map_remove_if(map, drop_all, NULL);
    free(map->buckets);
    *map = (struct vhdx_page_map){0};
}
