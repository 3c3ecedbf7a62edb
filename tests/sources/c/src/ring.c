/*
 * ring.c: a ring of pointers.
 */
#include "ring/ring.h"

#include <stdio.h>
#include <stdlib.h>

#include "log.h"

static const char *const MESSAGES[] = {"ok", "full", "no memory"};

static void drop(ring *self, void *item);

/* Makes a ring for so many items; NULL where there is no memory. */
RING_API ring *ring_new(size_t size, ring_policy policy) {
    ring *self = calloc(1, sizeof(*self));
    if (self == NULL || size > RING_MAX)
        return NULL;
    self->items = calloc(size, sizeof(void *));
    self->policy = policy;
    log_line(LOG_INFO, "ring of %zu", size);
    return self;
}

RING_API void ring_free(ring *self) {
    while (!ring_is_empty(self))
        drop(self, self->items[--self->count]);
    free(self->items);
    free(self);
}

/**
 * Put an item in.
 *
 * Returns 0, or 1 where the ring is full and refuses.
 */
int ring_push(ring *self, void *item)
{
#ifdef RING_TRACE
    log_line(LOG_TRACE, "push");
#else
    (void)log_line;
#endif
    if (self->count == RING_MAX) {
        if (self->policy == RING_REFUSE)
            return 1;
        drop(self, self->items[self->head]);
    }
    self->stats.pushed++;
    self->items[self->count++] = item;
    return 0;
}

static void drop(ring *self, void *item)
{
    self->stats.dropped++;
    if (self->free_item)
        self->free_item(item, NULL);
}

const char *ring_strerror(int code) { return MESSAGES[code]; }

/* Calls back for every item; as old as the first compilers. */
int
ring_each(self, visit)
    ring *self;
    int (*visit)();
{
    size_t at;
    for (at = 0; at < self->count; at++)
        visit(self->items[at]);
    return (int)at;
}

static void *(*pick(int which))(size_t) {
    return which ? malloc : NULL;
}

#if defined(_WIN32)
BOOL WINAPI ring_attach(HANDLE module, DWORD reason __unused) {
    return TRUE;
}
#endif

int main(int argc, char *argv[]) {
    ring *self = ring_new(4, RING_OVERWRITE);
    struct ring_stats *stats = &self->stats;
    ring_push(self, argv[0]);
    printf("%zu of %d\n", stats->pushed, argc);
    ring_each(self, puts);
    (void)pick(1);
    ring_free(self);
    return EXIT_SUCCESS;
}
