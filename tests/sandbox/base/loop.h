/* The one event loop of the process: descriptors, timers, SIGTERM and SIGINT. Single-threaded. */
#ifndef SANDBOX_LOOP_H
#define SANDBOX_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sandbox_loop;

/* Embedded in what waits; all zero = not armed. */
struct sandbox_timer {
    uint64_t due_ms;
    void (*fire)(void *argument);
    void *argument;
    size_t place; /* position in the heap + 1 */
};

/* Something that is polled: a descriptor, how long it can sleep, and what to do then. */
struct sandbox_poller {
    int fd;
    int (*timeout_ms)(void *argument); /* -1: for ever */
    void (*run)(void *argument);
    void *argument;
    bool wanted; /* run it although its descriptor is quiet */
    struct sandbox_poller *next;
};

struct sandbox_loop *sandbox_loop_new(void);
void sandbox_loop_free(struct sandbox_loop *loop);

/* The poller is the caller's and stays until the loop is freed. */
bool sandbox_loop_add(struct sandbox_loop *loop, struct sandbox_poller *poller);

bool sandbox_timer_start(struct sandbox_loop *loop, struct sandbox_timer *timer, uint64_t after_ms);
void sandbox_timer_stop(struct sandbox_loop *loop, struct sandbox_timer *timer);

/* Runs until a signal asks for the end. */
void sandbox_loop_run(struct sandbox_loop *loop);

/* After the run: fires what is armed and lets nothing be armed again, so that no connection stays
 * suspended. */
void sandbox_loop_flush(struct sandbox_loop *loop);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t sandbox_loop_now(void);

#endif
