/* The end of a program: a signal asks for it, and every client of Kafka is joined. Where Kafka is
 * away a thread may wait in it for as long as that lasts (rd_kafka_send_offsets_to_transaction of
 * librdkafka 2.0.2 heeds no timeout while a broker that it knows is gone), so the end comes by
 * force FERRY_PROCESS_STOP_MS after the signal: as safe as a crash, and before Kubernetes kills.
 * Loop thread only. */
#ifndef FERRY_PROCESS_H
#define FERRY_PROCESS_H

#include <stdbool.h>
#include <uv.h>

#define FERRY_PROCESS_STOP_MS 80000 /* of the 90 s that k8s/base gives */

struct ferry_process {
    uv_loop_t *loop;
    uv_signal_t signals[2];
    uv_timer_t limit;
    uint64_t stop_ms; /* FERRY_PROCESS_STOP_MS */
    bool late;
    void (*on_stop)(void *context); /* at each SIGTERM and SIGINT */
    void *context;
};

/* From here on; the signals alone keep no loop going. */
void ferry_process_watch(struct ferry_process *process, uv_loop_t *loop,
                         void (*on_stop)(void *context), void *context);
/* The loop was ended by force: nothing may be freed, for threads are at work. */
bool ferry_process_late(const struct ferry_process *process);
/* After the loop has ended: the last handles are closed, and the threads of Kafka's clients have
 * `join_ms` to end. False: late, main should quick_exit. */
bool ferry_process_end(struct ferry_process *process, int join_ms);

#endif
