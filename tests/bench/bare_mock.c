/* librdkafka's own mock cluster in a process of its own, as the library's limits were measured
 * against: prints its address, and ends with its stdin.
 *
 *   bare-mock TOPIC PARTITIONS */
#include "tests/bench/usage.h"

/* clang-format off: the second needs the first */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    char text[256];
    if (argc != 3)
        bench_die("usage: bare-mock TOPIC PARTITIONS");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "3", NULL, 0); /* it warns that it has no cluster */
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!client)
        bench_die("%s", text);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, 1);
    if (!cluster || rd_kafka_mock_topic_create(cluster, argv[1], atoi(argv[2]), 1) !=
                        RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_die("no mock cluster");
    puts(rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    while (getchar() != EOF)
        ;
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(client);
    return 0;
}
