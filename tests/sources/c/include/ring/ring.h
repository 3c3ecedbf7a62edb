#ifndef RING_RING_H
#define RING_RING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RING_API __attribute__((visibility("default")))
#define RING_MAX 64

/** How a ring behaves when it is full. */
typedef enum {
    RING_REFUSE,
    RING_OVERWRITE
} ring_policy;

/* What frees an item that is overwritten. */
typedef void (*ring_free_fn)(void *item, void *context);

struct ring_stats {
    size_t pushed;
    size_t dropped;
};

/**
 * A ring of pointers.
 *
 * It owns nothing but its own memory.
 */
typedef struct ring {
    void **items;
    size_t head, count;
    ring_policy policy;
    ring_free_fn free_item;
    struct ring_stats stats;
    union {
        int descriptor;
        void *handle;
    } wake;
} ring;

RING_API ring *ring_new(size_t size, ring_policy policy);
RING_API void ring_free(ring *self);
int ring_push(ring *self, void *item);
const char *ring_strerror(int code);

/* Whether nothing is in it. */
static inline int ring_is_empty(const ring *self) {
    return self->count == 0;
}

#ifdef __cplusplus
}
#endif

#endif
