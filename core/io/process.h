/* The end of a program: a signal asks for it, and every client of Kafka is joined. Loop thread
 * only. */
#ifndef FERRY_PROCESS_H
#define FERRY_PROCESS_H

#include <uv.h>

struct ferry_process {
    uv_loop_t *loop;
    uv_signal_t signals[2];
    void (*on_stop)(void *context); /* at each SIGTERM and SIGINT */
    void *context;
};

/* From here on; the signals alone keep no loop going. */
void ferry_process_watch(struct ferry_process *process, uv_loop_t *loop,
                         void (*on_stop)(void *context), void *context);
/* After the loop has ended: the last handles are closed, and the threads of Kafka's clients have
 * `join_ms` to end. */
void ferry_process_end(struct ferry_process *process, int join_ms);

#endif
